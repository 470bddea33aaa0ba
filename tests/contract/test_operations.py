"""What an analysis offers joins up with the models that do it."""

from pathlib import Path

import pytest

from export.roles import ROLES, EmbedderRole, KeywordRole
from imaging.answers import DETECTORS
from imaging.frame import FRAMES
from imaging.operations import CLIP_MODELS, OPERATIONS
from tests.contract.repository import Model, read

ROOT = Path(__file__).resolve().parents[2]
MODELS: dict[str, Model] = {model.folder.name: model for model in read(ROOT / "model_repository")}


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.kind == "embed"])
def test_an_embedding_is_framed_as_its_network_was_exported_for(name: str) -> None:
    operation = OPERATIONS[name]
    role, frame = ROLES[operation.model], FRAMES[operation.frame]
    assert isinstance(role, EmbedderRole)
    promised = role.framing
    assert (frame.shorter, frame.side, frame.rule.name.lower()) == (promised.shorter, promised.side, promised.resample)


def test_keywords_are_told_by_pictures_that_are_framed_as_the_network_was_exported_for() -> None:
    (pipeline,) = (model for model in read(ROOT / "ensembles") if model.folder.name == "classify_keywords")
    decoding, classifying, _ = pipeline.config.ensemble_scheduling.step
    role, frame = ROLES[classifying.model_name], FRAMES[next(iter(decoding.output_map))]
    assert isinstance(role, KeywordRole)
    promised = role.framing
    assert (frame.shorter, frame.side, frame.rule.name.lower()) == (promised.shorter, promised.side, promised.resample)


def test_every_operation_names_an_output_of_the_decoder() -> None:
    outputs = {tensor.name for tensor in MODELS["decode"].config.output}
    assert outputs.issuperset({operation.frame for operation in OPERATIONS.values()} | set(DETECTORS.values()))


def test_every_size_of_clip_can_be_chosen() -> None:
    clips = {name for name, role in ROLES.items() if isinstance(role, EmbedderRole) and "clip" in role.families}
    assert set(CLIP_MODELS.values()) == clips


def test_the_analysis_lets_no_picture_in_that_the_decoder_refuses() -> None:
    limits = {name: MODELS[name].config.parameters["max_pixels"].string_value for name in ("analysis", "decode")}
    assert limits["analysis"] == limits["decode"]
