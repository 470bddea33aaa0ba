"""Matting networks on their way into the repository."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import onnx

from export import loaders
from export.batches import looped
from export.checkpoint import Checkpoint
from export.contract import ALPHA, Contract
from export.kinds import Precision
from export.network import Network
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.proof import Proof, Row, difference_rows, prove
from export.roles import MatteRole
from export.runtime import Answer
from export.wrap import wrap


@dataclass(frozen=True)
class Matte:
    """A loaded matting network, and the pictures that it is tried on."""

    role: MatteRole
    network: Network
    samples: Samples
    answer: str = ALPHA
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def precision(self) -> Precision:
        return self.network.precision

    def graph(self, precision: Precision) -> onnx.ModelProto:
        return contracted(self.network, self.role, precision)

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        return prove(path, self.network, promised, self.role.tolerance[precision], self.samples)

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """Rows of the proof that compare two batches of mattes."""
        return difference_rows(check, found, wanted, self.role.tolerance[precision])

    def facts(self, precision: Precision) -> dict[str, object]:
        return {
            "architecture": self.network.architecture,
            "network_size": self.network.size,
            "resized_in_graph": self.network.size != self.role.size,
            "one_picture_at_a_time": self.network.loops,
            "head": asdict(self.network.head),
            "preprocessing": asdict(self.network.preprocessing),
            "remarks": list(self.network.remarks),
            "tolerance": self.role.tolerance[precision].largest,
        }


def load(checkpoint: Checkpoint, role: MatteRole, options: Options, samples: Samples) -> Matte:
    """Raises CheckpointError or UsageError; nothing is written."""
    return Matte(role, loaders.load(checkpoint, role, options), samples)


def contracted(network: Network, role: MatteRole, precision: Precision) -> onnx.ModelProto:
    """The network at a precision, for any number of pictures, inside the role's contract."""
    if network.precision == precision:
        converted = network
    else:
        converted = replace(network, graph=CONVERT[precision](network.graph), precision=precision)
    return wrap(replace(converted, graph=looped(converted)) if converted.loops else converted, role)
