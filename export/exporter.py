"""One export from checkpoint to version folder."""

from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from export import card, contract, figures, licence, loaders, pictures, to_tensorrt, versions
from export.batches import looped
from export.checkpoint import Checkpoint
from export.contract import Contract
from export.errors import ContractError, ProofError, UsageError
from export.licence import Licence
from export.network import Network
from export.options import Options
from export.pictures import Samples
from export.precision import CONVERT
from export.proof import Proof, prove, runner
from export.roles import Precision, Role
from export.to_tensorrt import PLAN, Plan
from export.wrap import wrap

MODEL = "model.onnx"


@dataclass(frozen=True)
class Exported:
    folder: Path
    proof: Proof


def export(role: Role, name: str, options: Options) -> Exported:
    """Loads, converts, wraps, proves, and only then writes the next version. Raises an ExportError otherwise."""
    if options.engine == "tensorrt":
        to_tensorrt.require(options.precision)
    promised = _promised(role, options)
    known_figures = figures.read(options.figures)
    samples = pictures.samples(role.size, options.pictures)
    checkpoint, terms = _allowed(role, name, options)
    network = loaders.load(checkpoint, role, options)
    precision = _precision(network, options)
    with versions.staging(options.repository, role.name) as staged:
        path = staged / MODEL
        onnx.save(contracted(network, role, precision), path)
        proof = prove(path, network, promised, role.tolerance[precision], samples)
        _insist(role, proof)
        facts = {
            **card.origin(role, checkpoint, options, terms),
            **card.shape(network, role),
            **card.measured(path, proof, role, precision),
        }
        if options.engine == "tensorrt":
            plan, proof = _planned(path, role, promised, precision, samples, proof)
            _insist(role, proof)
            facts |= {"plan": plan.facts(), "proof": proof.facts()}
        versions.write_card(staged, facts | {"figures": known_figures})
        return Exported(versions.publish(staged, options.version), proof)


def contracted(network: Network, role: Role, precision: Precision) -> onnx.ModelProto:
    """The network at a precision, for any number of pictures, inside the role's contract."""
    if network.precision == precision:
        converted = network
    else:
        converted = replace(network, graph=CONVERT[precision](network.graph), precision=precision)
    return wrap(replace(converted, graph=looped(converted)) if converted.loops else converted, role)


def _promised(role: Role, options: Options) -> Contract:
    promised = contract.read(versions.config_path(options.repository, role.name))
    if said := contract.disagreements(promised, contract.of_role(role)):
        raise ContractError(f"{role.name}: {'; '.join(said)}")
    return promised


def _allowed(role: Role, name: str, options: Options) -> tuple[Checkpoint, Licence]:
    """The checkpoint and its terms; what its name alone forbids is refused before anything is downloaded."""
    terms = licence.detect(name, None, options.licence)
    if options.commercial_only and terms.name != licence.UNKNOWN:
        licence.require_commercial(terms, name)
    checkpoint = loaders.open_checkpoint(role, name, options)
    terms = licence.detect(name, checkpoint.folder, options.licence)
    if options.commercial_only:
        licence.require_commercial(terms, name)
    return checkpoint, terms


def _precision(network: Network, options: Options) -> Precision:
    """A ready-made file that is smaller already stays what it is."""
    if network.precision in ("fp32", options.precision):
        return options.precision
    if options.precision == "fp32":
        return network.precision
    raise UsageError(f"the weights are {network.precision} already; they cannot become {options.precision}")


def _insist(role: Role, proof: Proof) -> None:
    if not proof.ok:
        raise ProofError(f"{role.name}: no version written: {'; '.join(proof.failures())}", proof.table())


def _planned(
    path: Path, role: Role, promised: Contract, precision: Precision, samples: Samples, proof: Proof
) -> tuple[Plan, Proof]:
    """A plan beside the ONNX file, and the proof with the plan's own rows."""
    profile = to_tensorrt.profile_for(promised.max_batch_size)
    plan = to_tensorrt.build(path, path.with_name(PLAN), role.size, profile)
    rows = to_tensorrt.compare(path.with_name(PLAN), runner(path), samples.batch, profile, role.tolerance[precision])
    return plan, replace(proof, rows=(*proof.rows, *rows))
