"""One export from checkpoint to version folder."""

from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from export import card, contract, figures, label_file, licence, loaders, mattes, pictures, to_tensorrt, versions
from export.checkpoint import Checkpoint
from export.contract import Contract
from export.errors import ProofError, UsageError
from export.kinds import Precision
from export.licence import Licence
from export.loaded import Loaded
from export.options import Options
from export.pictures import Samples
from export.proof import Proof, runner
from export.roles import (
    CaptionerRole,
    DetectorRole,
    EmbedderRole,
    FaceRole,
    KeywordRole,
    OneNetwork,
    Role,
    ShelfRole,
    TextRole,
)
from export.to_tensorrt import PLAN, Plan

MODEL = "model.onnx"


@dataclass(frozen=True)
class Exported:
    """`folder` is the new version's, `also` those of the networks that were exported with it."""

    folder: Path
    proof: Proof
    also: tuple[Path, ...] = ()


def export(role: Role, name: str, options: Options) -> Exported:
    """Loads, converts, wraps, proves, and only then writes the next version. Raises an ExportError otherwise."""
    if options.labels is not None and not isinstance(role, KeywordRole):
        raise UsageError(f"--labels is for keyword classifiers; {role.name} has no labels")
    if isinstance(role, CaptionerRole):
        return _captioner(role, name, options)
    if options.engine == "tensorrt":
        to_tensorrt.require(options.precision)
    promised = contract.promised(role, versions.config_path(options.repository, role.name))
    known_figures = figures.read(options.figures)
    samples = None if isinstance(role, TextRole) else pictures.samples(role.size, options.pictures)
    checkpoint, terms = _allowed(role, name, options)
    loaded = _load(checkpoint, role, options, samples)
    precision = _precision(loaded.precision, options)
    with versions.staging(options.repository, role.name) as staged:
        path = staged / MODEL
        onnx.save(loaded.graph(precision), path)
        for file, data in loaded.companions.items():
            (staged / file).write_bytes(data)
        proof = loaded.prove(path, promised, precision)
        _insist(role, proof)
        facts = {
            **card.origin(role, checkpoint, options, terms),
            **loaded.facts(precision),
            **card.measured(path, proof, precision),
        }
        if options.engine == "tensorrt":
            plan, proof = _planned(path, promised, loaded, precision, proof)
            _insist(role, proof)
            facts |= {"plan": plan.facts(), "proof": proof.facts()}
        versions.write_card(staged, facts | {"figures": known_figures})
        folder = versions.publish(staged, options.version)
    if label_file.NAME in loaded.companions:
        label_file.keep(folder.parent)
    return Exported(folder, proof)


def _captioner(role: CaptionerRole, name: str, options: Options) -> Exported:
    from export import captioners

    checkpoint, terms = _allowed(role, name, options)
    (first, *others), proof = captioners.export(role, checkpoint, terms, options)
    return Exported(first, proof, tuple(others))


def _load(checkpoint: Checkpoint, role: OneNetwork, options: Options, samples: Samples | None) -> Loaded:
    if isinstance(role, TextRole) or samples is None:
        from export import texts

        assert isinstance(role, TextRole), "only text is tried on no pictures"  # noqa: S101
        return texts.load(checkpoint, role, options)
    if isinstance(role, EmbedderRole):
        from export import embedders

        return embedders.load(checkpoint, role, options, samples)
    if isinstance(role, KeywordRole):
        from export import keywords

        return keywords.load(checkpoint, role, options, samples)
    if isinstance(role, FaceRole):
        from export import faces

        return faces.load(checkpoint, role, options, samples)
    if isinstance(role, DetectorRole | ShelfRole):
        return _load_places(checkpoint, role, options, samples)
    return mattes.load(checkpoint, role, options, samples)


def _load_places(checkpoint: Checkpoint, role: DetectorRole | ShelfRole, options: Options, samples: Samples) -> Loaded:
    """What says where something is."""
    if isinstance(role, ShelfRole) and role.count is not None:
        from export import instance_networks

        return instance_networks.load(checkpoint, role, options, samples)
    if isinstance(role, ShelfRole):
        from export import shelves

        return shelves.load(checkpoint, role, options, samples)
    if checkpoint.family == "state_dict":
        from export import faster_rcnn

        return faster_rcnn.load(checkpoint, role, options, samples)
    from export import detectors

    return detectors.load(checkpoint, role, options, samples)


def _allowed(role: Role, name: str, options: Options) -> tuple[Checkpoint, Licence]:
    """The checkpoint and its terms; what its name alone forbids is refused before anything is downloaded."""
    terms = licence.detect(name, None, options.licence)
    if options.commercial_only and terms.name != licence.UNKNOWN:
        licence.require_commercial(terms, name)
    checkpoint = loaders.open_checkpoint(role, name, options)
    maker = "ultralytics/yolov8" if checkpoint.family == "yolo" else ""
    terms = licence.detect(name, checkpoint.folder, options.licence, maker)
    if options.commercial_only:
        licence.require_commercial(terms, name)
    return checkpoint, terms


def _precision(given: Precision, options: Options) -> Precision:
    """A ready-made file that is smaller already stays what it is."""
    if given in ("fp32", options.precision):
        return options.precision
    if options.precision == "fp32":
        return given
    raise UsageError(f"the weights are {given} already; they cannot become {options.precision}")


def _insist(role: Role, proof: Proof) -> None:
    if not proof.ok:
        raise ProofError(f"{role.name}: no version written: {'; '.join(proof.failures())}", proof.table())


def _planned(path: Path, promised: Contract, loaded: Loaded, precision: Precision, proof: Proof) -> tuple[Plan, Proof]:
    """A plan beside the ONNX file, and the proof with the plan's own rows."""
    profile = to_tensorrt.profile_for(promised.max_batch_size)
    plan = to_tensorrt.build(path, path.with_name(PLAN), loaded.samples.batch.shape[1:], profile)
    run = runner(path, loaded.answer)
    rows = to_tensorrt.compare(path.with_name(PLAN), loaded, run, profile, precision)
    return plan, replace(proof, rows=(*proof.rows, *rows))
