"""Which models of made-up repositories are served, and what is said about the others."""

import re
from pathlib import Path

import pytest

from serving.errors import RepositoryError
from serving.repository import Refusal, Survey, survey
from serving.settings import ROOT

EMPTY_STEP = 'model_name: "{name}" model_version: -1'


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def network(repository: Path, name: str, *versions: str, more: str = "") -> None:
    put(repository / name / "config.pbtxt", f'name: "{name}" backend: "onnxruntime" {more}')
    for version in versions:
        put(repository / name / version / "model.onnx")


def step(repository: Path, name: str, calls: str = "") -> None:
    parameter = f'parameters {{ key: "calls" value {{ string_value: "{calls}" }} }}' if calls else ""
    put(repository / name / "config.pbtxt", f'name: "{name}" backend: "python" {parameter}')
    put(repository / name / "1" / "model.py")


def ensemble(repository: Path, name: str, *steps: str) -> None:
    listed = " ".join(f"step {{ {EMPTY_STEP.format(name=step)} }}" for step in steps)
    put(repository / name / "config.pbtxt", f'name: "{name}" platform: "ensemble" ensemble_scheduling {{ {listed} }}')
    put(repository / name / "1" / ".gitkeep")


def refusal(found: Survey, name: str) -> Refusal:
    return next(one for one in found.refused if one.name == name)


def test_models_with_artefacts_and_pipelines_with_all_steps_are_served(tmp_path: Path) -> None:
    network(tmp_path, "matte", "1", "2")
    step(tmp_path, "decode")
    ensemble(tmp_path, "cut", "decode", "matte")
    found = survey([tmp_path])
    assert sorted(found.served) == ["cut", "decode", "matte"]
    assert found.pipelines == ("cut",)
    assert found.served["cut"].steps == ("decode", "matte")
    assert found.refused == ()


def test_a_step_that_calls_a_model_needs_it_and_so_do_the_pipelines_of_the_step(tmp_path: Path) -> None:
    network(tmp_path, "eyes", "1")
    network(tmp_path, "mouth")
    step(tmp_path, "faces", calls="eyes, mouth")
    ensemble(tmp_path, "detect", "faces")
    found = survey([tmp_path])
    assert sorted(found.served) == ["eyes"]
    assert refusal(found, "faces").reason == "needs mouth: no version of it was made yet"
    assert refusal(found, "detect").reason.startswith("needs faces: needs mouth")
    network(tmp_path, "mouth", "1")
    assert survey([tmp_path]).served["faces"].steps == ("eyes", "mouth")


def test_the_newest_version_is_the_one_that_must_be_whole(tmp_path: Path) -> None:
    network(tmp_path, "matte", "9", "10")
    assert survey([tmp_path]).served["matte"].versions == (10,)
    step(tmp_path, "other")
    (tmp_path / "matte" / "10" / "model.onnx").unlink()
    assert refusal(survey([tmp_path]), "matte").reason == "version 10 has no model.onnx"


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("all {}", (1, 2, 10)),
        ("latest { num_versions: 2 }", (2, 10)),
        ("specific { versions: [ 1, 7 ] }", (1,)),
    ],
)
def test_the_version_policy_decides_which_versions_are_served(
    tmp_path: Path, policy: str, versions: tuple[int, ...]
) -> None:
    network(tmp_path, "matte", "1", "2", "10", "03", "backup", more=f"version_policy {{ {policy} }}")
    assert survey([tmp_path]).served["matte"].versions == versions


def test_a_network_without_a_version_comes_with_the_command_that_exports_it(tmp_path: Path) -> None:
    network(tmp_path, "matte")
    step(tmp_path, "decode")
    missing = refusal(survey([tmp_path]), "matte")
    assert missing == Refusal(
        "matte", "no version of it was made yet", "python -m export matte --checkpoint CHECKPOINT"
    )


def test_a_pipeline_of_pipelines_falls_with_its_deepest_step(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    network(tmp_path, "matte")
    ensemble(tmp_path, "inner", "decode", "matte")
    ensemble(tmp_path, "outer", "inner")
    found = survey([tmp_path])
    assert list(found.served) == ["decode"]
    assert refusal(found, "outer").reason == "needs inner: needs matte: no version of it was made yet"


def test_a_pipeline_with_an_unknown_step_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    ensemble(tmp_path, "cut", "decode", "nothing")
    assert refusal(survey([tmp_path]), "cut").reason == "needs nothing: there is no such model"


def test_a_pipeline_that_calls_itself_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    ensemble(tmp_path, "cut", "decode", "cut")
    assert list(survey([tmp_path]).served) == ["decode"]


def test_a_pipeline_without_its_empty_version_folder_is_refused_with_the_command(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    ensemble(tmp_path, "cut", "decode")
    (tmp_path / "cut" / "1" / ".gitkeep").unlink()
    (tmp_path / "cut" / "1").rmdir()
    assert refusal(survey([tmp_path]), "cut").cure == f"mkdir {tmp_path}/cut/1"


def test_a_config_that_does_not_parse_is_named_with_its_line(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    step(tmp_path, "broken")
    put(tmp_path / "broken" / "config.pbtxt", 'name: "broken"\nbakend: "python"')
    found = survey([tmp_path])
    assert list(found.served) == ["decode"]
    assert "2:1" in refusal(found, "broken").reason
    assert "bakend" in refusal(found, "broken").reason


def test_a_step_without_model_py_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    step(tmp_path, "finish")
    (tmp_path / "finish" / "1" / "model.py").unlink()
    missing = refusal(survey([tmp_path]), "finish")
    assert missing.reason == "version 1 has no model.py"
    assert missing.cure == f"write {tmp_path}/finish/1/model.py"


def test_a_name_that_differs_from_its_folder_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    step(tmp_path, "finish")
    put(tmp_path / "finish" / "config.pbtxt", 'name: "polish" backend: "python"')
    assert 'says name: "polish", its folder says finish' in refusal(survey([tmp_path]), "finish").reason


def test_a_model_without_config_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    put(tmp_path / "bare" / "1" / "model.py")
    assert refusal(survey([tmp_path]), "bare").cure == f"write {tmp_path}/bare/config.pbtxt"


def test_a_name_in_two_repositories_is_served_from_neither(tmp_path: Path) -> None:
    step(tmp_path / "one", "decode")
    step(tmp_path / "two", "decode")
    step(tmp_path / "two", "finish")
    ensemble(tmp_path / "two", "cut", "decode")
    found = survey([tmp_path / "one", tmp_path / "two"])
    assert list(found.served) == ["finish"]
    assert "two repositories" in refusal(found, "decode").reason
    assert "needs decode" in refusal(found, "cut").reason


def test_the_chosen_config_names_the_artefact(tmp_path: Path) -> None:
    network(tmp_path, "matte", "1")
    put(tmp_path / "matte" / "configs" / "tensorrt.pbtxt", 'name: "matte" backend: "tensorrt"')
    put(tmp_path / "matte" / "configs" / "cpu.pbtxt", 'name: "matte" backend: "onnxruntime"')
    step(tmp_path, "decode")
    assert "matte" in survey([tmp_path], "cpu").served
    missing = refusal(survey([tmp_path], "tensorrt"), "matte")
    assert missing.reason == "version 1 has no model.plan"
    assert missing.cure == "python -m export matte --checkpoint CHECKPOINT --engine tensorrt"
    put(tmp_path / "matte" / "1" / "model.plan")
    assert "matte" in survey([tmp_path], "tensorrt").served


def test_a_config_name_that_no_model_has_is_an_error_that_lists_the_names(tmp_path: Path) -> None:
    network(tmp_path, "matte", "1")
    with pytest.raises(RepositoryError, match=r"no model has a configs/cdua\.pbtxt, none has any"):
        survey([tmp_path], "cdua")
    for name in ("cpu", "cuda"):
        put(tmp_path / "matte" / "configs" / f"{name}.pbtxt", 'name: "matte" backend: "onnxruntime"')
    with pytest.raises(RepositoryError, match=r"no model has a configs/cdua\.pbtxt, there are cpu, cuda") as caught:
        survey([tmp_path], "cdua")
    assert "SERVING_MODEL_CONFIG_NAME=cuda" in caught.value.cure


def test_a_model_for_a_gpu_on_a_machine_without_is_told_what_to_do(tmp_path: Path) -> None:
    network(tmp_path, "matte", "1")
    network(tmp_path, "other", "1")
    put(tmp_path / "matte" / "configs" / "cpu.pbtxt", 'name: "matte" backend: "onnxruntime"')
    reason = "Invalid argument: instance group matte_0 of model matte has kind KIND_GPU but no GPUs are available"
    found = survey([tmp_path]).without({"matte": reason, "other": reason})
    assert refusal(found, "matte").cure == "SERVING_MODEL_CONFIG_NAME=cpu"
    assert refusal(found, "other").cure == f"write kind: KIND_AUTO in {tmp_path}/other/config.pbtxt"


def test_one_of_the_files_per_compute_capability_is_enough(tmp_path: Path) -> None:
    network(tmp_path, "matte", more='cc_model_filenames { key: "9.0" value: "model_h200.onnx" }')
    put(tmp_path / "matte" / "1" / "model_h200.onnx")
    assert list(survey([tmp_path]).served) == ["matte"]


def test_a_backend_that_the_server_lacks_is_refused(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    network(tmp_path, "matte", "1")
    found = survey([tmp_path], backends=frozenset({"python"}))
    assert refusal(found, "matte").reason == 'this server has no backend "onnxruntime"'


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ('{"commercial_use": true}', ""),
        ('{"commercial_use": false, "licence": "CC-BY-NC-4.0"}', "does not allow commercial use (CC-BY-NC-4.0)"),
        ('{"licence": "MIT"}', "does not allow commercial use (MIT)"),
        ("not json", "no readable model.json"),
        (None, "no readable model.json"),
    ],
)
def test_commercial_only_refuses_what_does_not_say_that_it_may_be_used(
    tmp_path: Path, card: str | None, reason: str
) -> None:
    step(tmp_path, "decode")
    network(tmp_path, "matte", "1")
    if card is not None:
        put(tmp_path / "matte" / "1" / "model.json", card)
    found = survey([tmp_path], commercial_only=True)
    assert "decode" in found.served
    assert ("matte" in found.served) == (not reason)
    assert not reason or reason in refusal(found, "matte").reason


def test_what_depends_on_a_model_that_failed_to_load_is_not_served_either(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    network(tmp_path, "matte", "1")
    ensemble(tmp_path, "cut", "decode", "matte")
    found = survey([tmp_path]).without({"matte": "INVALID_PROTOBUF"})
    assert list(found.served) == ["decode"]
    assert list(found.failed) == ["matte"]
    assert refusal(found, "matte").reason == "INVALID_PROTOBUF"
    assert refusal(found, "cut").reason == "needs matte: INVALID_PROTOBUF"


def test_a_repository_that_is_no_folder_is_an_error_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is no folder") as caught:
        survey([tmp_path / "nowhere"])
    assert caught.value.cure == "SERVING_MODEL_REPOSITORIES=DIR,DIR"


def test_a_repository_with_nothing_to_serve_says_why_for_each(tmp_path: Path) -> None:
    network(tmp_path, "matte")
    with pytest.raises(RepositoryError, match="matte: no version of it was made yet") as caught:
        survey([tmp_path])
    assert caught.value.cure == "python -m export matte --checkpoint CHECKPOINT"


def test_hidden_folders_and_files_are_no_models(tmp_path: Path) -> None:
    step(tmp_path, "decode")
    put(tmp_path / ".cache" / "note")
    put(tmp_path / "README.md")
    found = survey([tmp_path])
    assert (list(found.served), found.refused) == (["decode"], ())


def test_every_refusal_in_the_project_itself_is_a_network_still_to_be_exported_or_a_pipeline_of_one() -> None:
    found = survey([ROOT / "model_repository", ROOT / "ensembles"])
    networks = {
        path.parent.name
        for path in (ROOT / "model_repository").glob("*/config.pbtxt")
        if not [*path.parent.glob("[0-9]*/model.onnx"), *path.parent.glob("[0-9]*/model.py")]
    }
    exports = {one.name: one.cure for one in found.refused if one.name in networks}
    assert all(cure.startswith(f"python -m export {name} ") for name, cure in exports.items())
    waiting = [one.reason for one in found.refused if one.name not in networks]
    assert all(re.findall(r"needs (\w+)", reason)[-1] in exports for reason in waiting), waiting
