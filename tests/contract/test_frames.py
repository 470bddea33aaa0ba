"""How a picture is framed stands in the step and in the exporter, which share no code: they must say the same."""

from pathlib import Path

import pytest

from export.roles import ROLES, DetectorRole, EmbedderRole
from imaging.frame import FRAMES
from tests.contract.repository import read

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = {
    model.folder.name: model
    for model in read(ROOT / "ensembles")
    if model.folder.name.startswith("embed_") and "_text" not in model.folder.name
}


def steps_of(pipeline: str) -> tuple[str, str]:
    """The output of `decode` that the pipeline uses, and the network that gets it."""
    frame, network = PIPELINES[pipeline].config.ensemble_scheduling.step
    assert frame.model_name == "decode"
    (output,) = frame.output_map
    return output, network.model_name


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_frames_pictures_as_its_network_was_exported_for(pipeline: str) -> None:
    output, network = steps_of(pipeline)
    frame, role = FRAMES[output], ROLES[network]
    assert isinstance(role, EmbedderRole)
    promised = role.framing
    assert (frame.shorter, frame.side, frame.rule.name.lower()) == (promised.shorter, promised.side, promised.resample)


def test_every_embedder_role_has_a_frame() -> None:
    rules = {(frame.shorter, frame.side, frame.rule.name.lower()) for frame in FRAMES.values()}
    roles = [role for role in ROLES.values() if isinstance(role, EmbedderRole)]
    assert roles
    assert {(role.framing.shorter, role.framing.side, role.framing.resample) for role in roles} <= rules


def test_the_person_detector_gets_the_whole_picture_at_its_side() -> None:
    pipeline = next(model for model in read(ROOT / "ensembles") if model.folder.name == "detect_person")
    decode, network, _ = pipeline.config.ensemble_scheduling.step
    frame, role = FRAMES[next(name for name in decode.output_map if name in FRAMES)], ROLES[network.model_name]
    assert isinstance(role, DetectorRole)
    assert (frame.shorter, frame.side, frame.rule.name) == (None, role.size, "BILINEAR")
