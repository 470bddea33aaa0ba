"""What every kind of network offers once its checkpoint is in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import onnx

from export.contract import Contract
from export.kinds import Precision
from export.pictures import Samples
from export.proof import Proof, Row
from export.runtime import Answer


class Loaded(Protocol):
    """A network ready to be converted, proven and described. `answer` is the output that comparisons look at."""

    @property
    def answer(self) -> str: ...

    @property
    def samples(self) -> Samples: ...

    @property
    def precision(self) -> Precision:
        """That of the weights as they came."""

    @property
    def companions(self) -> Mapping[str, bytes]:
        """Files that belong beside the network, by name."""

    def graph(self, precision: Precision) -> onnx.ModelProto:
        """The network inside its role's contract."""

    def prove(self, path: Path, promised: Contract, precision: Precision) -> Proof:
        """Everything about the ONNX file at `path`."""

    def judge(self, check: str, found: Answer, wanted: Answer, precision: Precision) -> list[Row]:
        """Rows of the proof that compare two batches of answers."""

    def facts(self, precision: Precision) -> dict[str, object]:
        """What model.json says of the network itself."""
