"""The project's own networks: the twin takes every configuration of theirs, and every artefact that is there."""

from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict

from tests.contract import repository
from twin.accelerators import read_providers
from twin.contract import check
from twin.options import Defaults, read_options
from twin.parameters import Config
from twin.session import inspect

MODELS = Path(__file__).resolve().parents[2] / "model_repository"
CONFIGURED = {
    str(model.path.relative_to(MODELS)): model
    for name in repository.config_names([MODELS])
    for model in repository.read(MODELS, name)
    if model.config.backend == "onnxruntime"
}
ARTEFACTS = sorted(str(path.relative_to(MODELS)) for path in MODELS.glob("*/*/model.onnx"))


def as_triton_gives_it(model: repository.Model) -> Config:
    config: Config = MessageToDict(model.config, preserving_proto_field_name=True)
    return config


@pytest.mark.parametrize("on_gpu", [False, True], ids=["cpu", "gpu"])
@pytest.mark.parametrize("name", CONFIGURED)
def test_every_configuration_is_one_that_the_twin_takes(name: str, *, on_gpu: bool) -> None:
    config = as_triton_gives_it(CONFIGURED[name])
    read_options(config, Defaults(), on_gpu=on_gpu, cores=2)
    assert read_providers(config, on_gpu=on_gpu, device_id=0).warnings == ()


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_every_artefact_agrees_with_its_configuration(artefact: str) -> None:
    model = next(model for model in repository.read(MODELS) if artefact.startswith(f"{model.folder.name}/"))
    check(as_triton_gives_it(model), inspect(MODELS / artefact, ()))
