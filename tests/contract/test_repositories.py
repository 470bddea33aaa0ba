"""The two model repositories keep their contract: what Triton 24.10 accepts, and models that join up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format

from tests.contract import ensembles, repository

ROOT = Path(__file__).resolve().parents[2]
REPOSITORIES = (ROOT / "model_repository", ROOT / "ensembles")
CONFIG_NAMES = repository.config_names(REPOSITORIES)

NETWORK = """
name: "network"
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "pixels" data_type: TYPE_UINT8 dims: [ 16, 16, 3 ] } ]
output [ { name: "alpha" data_type: TYPE_UINT8 dims: [ 16, 16 ] } ]
instance_group [ { kind: KIND_AUTO count: 1 } ]
dynamic_batching { default_queue_policy { max_queue_size: 64 } }
"""
STEP = """
name: "step"
backend: "python"
max_batch_size: 8
input [ { name: "image" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "pixels" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]
instance_group [ { kind: KIND_CPU count: 2 } ]
"""
PIPELINE = """
name: "pipeline"
platform: "ensemble"
max_batch_size: 4
input [ { name: "image" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "matte" data_type: TYPE_UINT8 dims: [ 16, 16 ] } ]
ensemble_scheduling { step [
  {
    model_name: "step"
    model_version: -1
    input_map { key: "image" value: "image" }
    output_map { key: "pixels" value: "small" }
  },
  {
    model_name: "network"
    model_version: -1
    input_map { key: "pixels" value: "small" }
    output_map { key: "alpha" value: "matte" }
  }
] }
"""

Write = Callable[[str, str, str], list[str]]


def problems(repositories: tuple[Path, ...], config_name: str) -> list[str]:
    """Everything that any rule has to say, of a whole set of repositories."""
    read = [repository.read(folder, config_name) for folder in repositories]
    models = {model.folder.name: model for found in read for model in found}
    own = [problem for found in read for model in found for problem in repository.problems(model)]
    return own + ensembles.names_taken_twice(read) + ensembles.problems(models) + ensembles.unknown_calls(models)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Two small repositories with one text of one file replaced, and what the rules say about them."""

    def written(name: str, old: str, new: str) -> list[str]:
        for folder, text in (("models/network", NETWORK), ("models/step", STEP), ("pipelines/pipeline", PIPELINE)):
            assert name != folder or old in text
            (tmp_path / folder / "1").mkdir(parents=True)
            (tmp_path / folder / "config.pbtxt").write_text(text.replace(old, new, 1) if name == folder else text)
        (tmp_path / "models/step/1/model.py").touch()
        return problems((tmp_path / "models", tmp_path / "pipelines"), "")

    return written


@pytest.mark.parametrize("config_name", CONFIG_NAMES, ids=lambda name: name or "default")
def test_the_repositories_keep_every_rule(config_name: str) -> None:
    assert problems(REPOSITORIES, config_name) == []


def test_every_configuration_file_of_the_project_is_looked_at() -> None:
    looked_at = {
        model.path for name in CONFIG_NAMES for folder in REPOSITORIES for model in repository.read(folder, name)
    }
    assert looked_at == {path for folder in REPOSITORIES for path in folder.rglob("*.pbtxt")}
    assert len(looked_at) >= 10


def test_a_sound_pair_of_repositories_has_no_problem(write: Write) -> None:
    assert write("models/network", "", "") == []


MODEL, STEP_FOLDER, ENSEMBLE = "models/network", "models/step", "pipelines/pipeline"
BROKEN = {
    "a newer field": (
        ENSEMBLE,
        "ensemble_scheduling {",
        "ensemble_scheduling { max_inflight_requests: 4",
        "ModelEnsembling.max_inflight_requests is newer than release 24.10",
    ),
    "a newer message": (
        MODEL,
        "max_batch_size: 8",
        'max_batch_size: 8 model_metrics { metric_control { metric_identifier { family: "f" } } }',
        "ModelConfig.model_metrics is newer than release 24.10",
    ),
    "runtime": (MODEL, "max_batch_size: 8", 'runtime: "model.py" max_batch_size: 8', 'runtime: "model.py" is written'),
    "another name": (MODEL, 'name: "network"', 'name: "net"', 'name is "net", the folder is "network"'),
    "no count": (MODEL, " count: 1", "", "instance_group has no count"),
    "no instance group": (STEP_FOLDER, "instance_group [ { kind: KIND_CPU count: 2 } ]", "", "has no count"),
    "GPU by default": (MODEL, "KIND_AUTO", "KIND_GPU", "KIND_GPU in a default configuration"),
    "no outputs": (
        MODEL,
        'output [ { name: "alpha" data_type: TYPE_UINT8 dims: [ 16, 16 ] } ]',
        "",
        "input or output is left out",
    ),
    "no dims": (STEP_FOLDER, "dims: [ 1 ]", "", "tensor 'image' has no data type or no dims"),
    "a misplaced CUDA option": (
        MODEL,
        "max_batch_size: 8",
        (
            'max_batch_size: 8 optimization { execution_accelerators { gpu_execution_accelerator { name: "cuda" '
            'parameters { key: "gpu_mem_limit" value: "1" } } } }'
        ),
        "'gpu_mem_limit' under gpu_execution_accelerator",
    ),
    "instances of an ensemble": (
        ENSEMBLE,
        "max_batch_size: 4",
        "max_batch_size: 4 instance_group { count: 1 }",
        "instance_group on an ensemble",
    ),
    "an unknown call": (
        STEP_FOLDER,
        "max_batch_size: 8",
        'max_batch_size: 8 parameters { key: "calls" value { string_value: "network, nowhere" } }',
        "calls 'nowhere', which is no model",
    ),
    "a ring of calls": (
        STEP_FOLDER,
        "max_batch_size: 8",
        'max_batch_size: 8 parameters { key: "calls" value { string_value: "network,step" } }',
        "calls itself",
    ),
    "an unknown model": (ENSEMBLE, 'model_name: "network"', 'model_name: "nowhere"', "step 'nowhere' is no model"),
    "no version": (ENSEMBLE, "model_version: -1", "", "step 'step' has no model_version: -1"),
    "a larger batch": (ENSEMBLE, "max_batch_size: 4", "max_batch_size: 16", "max_batch_size 16 is more than the 8"),
    "an unmapped input": (
        ENSEMBLE,
        'input_map { key: "pixels" value: "small" }',
        "",
        "input 'pixels' of step 'network' is not mapped",
    ),
    "an unknown input": (ENSEMBLE, 'key: "image"', 'key: "picture"', "step 'step' has no input 'picture'"),
    "an unknown output": (ENSEMBLE, 'key: "alpha"', 'key: "mask"', "step 'network' has no output 'mask'"),
    "two sources": (
        ENSEMBLE,
        'output_map { key: "alpha" value: "matte" }',
        'output_map { key: "alpha" value: "small" }',
        "tensor 'small' has 2 sources",
    ),
    "a missing tensor": (
        ENSEMBLE,
        'key: "pixels" value: "small" }\n  },',
        'key: "pixels" value: "large" }\n  },',
        "step 'network' never runs: nothing produces small",
    ),
    "an output that nobody makes": (ENSEMBLE, 'value: "matte"', 'value: "mask"', "nothing produces output 'matte'"),
    "an unused tensor": (
        ENSEMBLE,
        'output_map { key: "alpha" value: "matte" }',
        'output_map [ { key: "alpha" value: "matte" }, { key: "alpha2" value: "spare" } ]',
        "nobody uses tensor 'spare'",
    ),
    "another data type": (
        STEP_FOLDER,
        "TYPE_UINT8",
        "TYPE_FP32",
        "tensor 'small' is TYPE_FP32 as 'pixels' of step 'step', TYPE_UINT8 as 'pixels' of step 'network'",
    ),
    "another shape": (MODEL, "dims: [ 16, 16 ]", "dims: [ 16, 8 ]", "[16, 16] as of the ensemble, [16, 8] as 'alpha'"),
    "another rank": (STEP_FOLDER, "dims: [ -1, -1, 3 ]", "dims: [ -1, -1 ]", "tensor 'small' is [-1, -1]"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_rule_catches_a_broken_example(write: Write, case: str) -> None:
    name, old, new, text = BROKEN[case]
    found = write(name, old, new)
    assert any(text in problem for problem in found), found


def test_steps_that_wait_for_each_other_are_caught(write: Write) -> None:
    found = write(ENSEMBLE, 'key: "image" value: "image"', 'key: "image" value: "matte"')
    assert sum("never runs" in problem for problem in found) == 2


def test_a_field_that_no_release_knows_does_not_parse(write: Write) -> None:
    with pytest.raises(text_format.ParseError, match="max_batches"):
        write(MODEL, "max_batch_size: 8", "max_batches: 8")


def test_one_name_in_two_repositories_is_caught(write: Write, tmp_path: Path) -> None:
    write(MODEL, "", "")
    again = tmp_path / "pipelines" / "network"
    (again / "1").mkdir(parents=True)
    (again / "config.pbtxt").write_text(NETWORK)
    assert "model 'network' is in 2 repositories" in problems((tmp_path / "models", tmp_path / "pipelines"), "")


@pytest.mark.parametrize(("folder", "text"), [(ENSEMBLE, "no version folder"), (STEP_FOLDER, "with a model.py")])
def test_a_missing_version_folder_is_caught(write: Write, tmp_path: Path, folder: str, text: str) -> None:
    write(MODEL, "", "")
    for file in (tmp_path / folder / "1").iterdir():
        file.unlink()
    (tmp_path / folder / "1").rmdir()
    assert any(text in problem for problem in problems((tmp_path / "models", tmp_path / "pipelines"), ""))


def test_a_named_configuration_stands_in_for_the_default_and_may_ask_for_a_gpu(write: Write, tmp_path: Path) -> None:
    write(MODEL, "", "")
    named = tmp_path / MODEL / "configs" / "cuda.pbtxt"
    named.parent.mkdir()
    named.write_text(NETWORK.replace("KIND_AUTO", "KIND_GPU").replace("max_batch_size: 8", "max_batch_size: 2"))
    repositories = (tmp_path / "models", tmp_path / "pipelines")
    assert repository.config_names(repositories) == ["", "cuda"]
    assert problems(repositories, "") == []
    assert [problem.split(": ", 1)[1] for problem in problems(repositories, "cuda")] == [
        "max_batch_size 4 is more than the 2 of step 'network'"
    ]
