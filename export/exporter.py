"""One export from checkpoint to version folder."""

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import onnx

from export import contract, figures, licence, loaders, pictures, versions
from export.batches import looped
from export.checkpoint import Checkpoint
from export.errors import ContractError, ProofError, UsageError
from export.licence import Licence
from export.network import Network
from export.options import Options
from export.precision import CONVERT
from export.proof import Proof, prove
from export.roles import Precision, Role
from export.wrap import opset_of, wrap

MODEL = "model.onnx"


@dataclass(frozen=True)
class Exported:
    folder: Path
    proof: Proof


def export(role: Role, checkpoint_name: str, options: Options) -> Exported:
    """Loads, converts, wraps, proves, and only then writes the next version. Raises an ExportError otherwise."""
    promised = contract.read(versions.config_path(options.repository, role.name))
    if said := contract.disagreements(promised, contract.of_role(role)):
        raise ContractError(f"{role.name}: {'; '.join(said)}")
    samples, known_figures = pictures.real(role.size, options.pictures), figures.read(options.figures)
    terms = licence.detect(checkpoint_name, None, options.licence)
    if options.commercial_only and terms.name != licence.UNKNOWN:  # before anything is downloaded
        licence.require_commercial(terms, checkpoint_name)
    checkpoint = loaders.open_checkpoint(role, checkpoint_name, options)
    terms = licence.detect(checkpoint_name, checkpoint.folder, options.licence)
    if options.commercial_only:
        licence.require_commercial(terms, checkpoint_name)
    network = loaders.load(checkpoint, role, options)
    precision = _precision(network, options)
    with versions.staging(options.repository, role.name) as staged:
        path = staged / MODEL
        onnx.save(contracted(network, role, precision), path)
        proof = prove(path, network, promised, role.tolerance[precision], samples)
        if not proof.ok:
            raise ProofError(f"{role.name}: no version written: {'; '.join(proof.failures())}", proof.table())
        facts = _facts(role, checkpoint, options, network, terms) | _measured(path, proof, role, precision)
        versions.write_card(staged, facts | {"figures": known_figures})
        return Exported(versions.publish(staged, options.version), proof)


def contracted(network: Network, role: Role, precision: Precision) -> onnx.ModelProto:
    """The network at a precision, for any number of pictures, inside the role's contract."""
    if network.precision == precision:
        converted = network
    else:
        converted = replace(network, graph=CONVERT[precision](network.graph), precision=precision)
    return wrap(replace(converted, graph=looped(converted)) if converted.loops else converted, role)


def _precision(network: Network, options: Options) -> Precision:
    """A ready-made file that is smaller already stays what it is."""
    if network.precision in ("fp32", options.precision):
        return options.precision
    if options.precision == "fp32":
        return network.precision
    raise UsageError(f"the weights are {network.precision} already; they cannot become {options.precision}")


def _facts(role: Role, checkpoint: Checkpoint, options: Options, network: Network, terms: Licence) -> dict[str, object]:
    return {
        "role": role.name,
        "source": options.source or checkpoint.source,
        "revision": checkpoint.revision,
        "architecture": network.architecture,
        "licence": terms.name,
        "licence_origin": terms.origin,
        "commercial_use": terms.commercial,
        "network_size": network.size,
        "resized_in_graph": network.size != role.size,
        "head": asdict(network.head),
        "preprocessing": asdict(network.preprocessing),
        "remarks": list(network.remarks),
    }


def _measured(path: Path, proof: Proof, role: Role, precision: Precision) -> dict[str, object]:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "opset": opset_of(onnx.load(path)),
        "precision": precision,
        "max_difference": proof.largest,
        "tolerance": role.tolerance[precision].largest,
        "size_bytes": path.stat().st_size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "proof": proof.facts(),
    }
