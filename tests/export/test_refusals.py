"""Whatever is wrong: one line that says what, a non-zero exit, and a repository that has not changed."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from export.__main__ import main
from export.errors import ContractError, ProofError
from export.exporter import export
from export.options import Options
from export.roles import MatteRole, Tolerance
from tests.export.checkpoints import CONFIG, make_ready, make_remote, make_repository, tree

Break = Callable[[Path, Path], str]


class _Mark:
    """A pickle that leaves a file when it is loaded as pickles are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def _missing(folder: Path, _: Path) -> str:
    return str(folder / "nowhere")


def _empty(folder: Path, _: Path) -> str:
    return str(folder)


def _no_weights(folder: Path, sigmoid: Path) -> str:
    shutil.copy(sigmoid / "config.json", folder)
    return str(folder)


def _no_config(folder: Path, sigmoid: Path) -> str:
    shutil.copy(sigmoid / "model.safetensors", folder)
    return str(folder)


def _broken_config(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    (folder / "config.json").write_text("{")
    return str(folder)


def _unknown(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "vit", "architectures": ["ViTModel"]}')
    return str(folder)


def _classes(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"id2label": {str(i): str(i) for i in range(150)}}))
    return str(folder)


def _truncated(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    return str(folder)


def _nonsense(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"\xff" * 4096)
    return str(folder)


def _crop(folder: Path, sigmoid: Path) -> str:
    shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
    (folder / "preprocessor_config.json").write_text('{"do_center_crop": true}')
    return str(folder)


def _pickled(name: str) -> Break:
    def broken(folder: Path, sigmoid: Path) -> str:
        shutil.copy(sigmoid / "config.json", folder)
        with (folder / name).open("wb") as file:
            pickle.dump({"weight": _Mark(folder / "ran")}, file)
        return str(folder)

    return broken


def _other_file(folder: Path, _: Path) -> str:
    (folder / "model.pt").write_bytes(b"")
    return str(folder / "model.pt")


def _configured(**facts: object) -> Break:
    def broken(folder: Path, sigmoid: Path) -> str:
        shutil.copytree(sigmoid, folder, dirs_exist_ok=True)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **facts}))
        return str(folder)

    return broken


STEP_FAULTS: dict[str, tuple[Break, str]] = {
    "no such folder": (_missing, "no such checkpoint"),
    "an empty folder": (_empty, "no config.json and no .onnx file"),
    "no weights": (_no_weights, "no weights in it"),
    "no config": (_no_config, "no config.json"),
    "a broken config": (_broken_config, "not readable as JSON"),
    "another architecture": (_unknown, "unknown architecture"),
    "an auto_map of null": (_configured(model_type="x", auto_map=None), "unknown architecture"),
    "depths for fewer blocks": (_configured(depths=[1]), "cannot read the network"),
    "more blocks than depths": (_configured(num_encoder_blocks=3), "cannot read the network"),
    "no attention heads": (_configured(num_attention_heads=[0, 2]), "cannot read the network"),
    "sizes that are a word": (_configured(hidden_sizes="abc"), "hidden_sizes"),
    "150 classes": (_classes, "150 classes"),
    "half a safetensors file": (_truncated, "cannot read the network"),
    "a nonsense safetensors file": (_nonsense, "cannot read the network"),
    "a processor that crops": (_crop, "do_center_crop"),
    "a .bin that runs code": (_pickled("pytorch_model.bin"), "cannot read"),
    "a .pt that runs code": (_pickled("model.pt"), "cannot read model.pt"),
    "a file of another kind": (_other_file, "no .onnx file"),
}


@pytest.mark.parametrize(("broken", "words"), STEP_FAULTS.values(), ids=STEP_FAULTS)
def test_a_bad_checkpoint_is_one_line_and_changes_nothing(
    broken: Break, words: str, sigmoid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository, folder = make_repository(tmp_path / "repository", 512), tmp_path / "checkpoint"
    folder.mkdir()
    before = tree(repository)
    code = main(["step_matte", "--checkpoint", broken(folder, sigmoid), "--repository", str(repository)])
    told = capsys.readouterr()
    assert code == 1
    assert words in told.err
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert tree(repository) == before
    assert not (folder / "ran").exists()


USAGE_FAULTS = {
    "an unknown role": (["hat_matte", "--checkpoint", "x"], "unknown role 'hat_matte'; roles: step_matte"),
    "an unknown option": (["step_matte", "--checkpoint", "x", "--fast"], "--fast"),
    "no checkpoint": (["step_matte"], "--checkpoint"),
    "an unknown precision": (["step_matte", "--checkpoint", "x", "--precision", "int4"], "int4"),
    "a third class": (["step_matte", "--checkpoint", "x", "--subject", "2"], "--subject"),
    "pictures that are not there": (["step_matte", "--checkpoint", "x", "--pictures", "/nowhere"], "/nowhere"),
    "figures that are not there": (["step_matte", "--checkpoint", "x", "--figures", "/nowhere"], "/nowhere"),
    "a version below one": (["step_matte", "--checkpoint", "x", "--version=-3"], "'-3' is no integer from 1"),
    "version nought": (["step_matte", "--checkpoint", "x", "--version", "0"], "'0' is no integer from 1"),
    "a size of nought": (["step_matte", "--checkpoint", "x", "--network-size", "0"], "'0' is no integer from 1"),
    "figures for no version": (["figures", "step_matte", "9", "--json", "/nowhere"], "no such version"),
}


@pytest.mark.parametrize(("words", "told"), USAGE_FAULTS.values(), ids=USAGE_FAULTS)
def test_a_wrong_command_line_is_one_line(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = make_repository(tmp_path / "repository", 512)
    assert main([*words, "--repository", str(repository)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_revision_is_a_hubs(sigmoid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = make_repository(tmp_path / "repository", 512)
    words = ["step_matte", "--checkpoint", str(sigmoid), "--revision", "v9", "--repository", str(repository)]
    assert main(words) == 2
    assert "--revision chooses among a hub's versions" in capsys.readouterr().err


def test_a_repository_without_the_network_is_refused(sigmoid: Path, step: MatteRole, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"config\.pbtxt is missing"):
        export(step, str(sigmoid), Options(tmp_path))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[ 64, 64, 3 ]", "[ 3, 64, 64 ]", "pixels UINT8 [-1, 3, 64, 64]"),
        ('"alpha"', '"matte"', "matte UINT8"),
        ("TYPE_UINT8 dims: [ 64, 64 ]", "TYPE_FP32 dims: [ 64, 64 ]", "alpha FP32"),
        ("max_batch_size: 4", "max_batch_size: 0", "max_batch_size is 0"),
        ("max_batch_size: 4", "max_batch_sise: 4", "max_batch_sise"),
    ],
)
def test_a_config_that_says_otherwise_is_refused(
    before: str, after: str, words: str, repository: Path, step: MatteRole, sigmoid: Path
) -> None:
    path = repository / "step_matte" / "config.pbtxt"
    path.write_text(CONFIG.format(name="step_matte", side=64).replace(before, after))
    digest = tree(repository)
    with pytest.raises(ContractError) as refused:
        export(step, str(sigmoid), Options(repository))
    assert words in str(refused.value)
    assert tree(repository) == digest


def test_over_the_tolerance_no_version_is_written_and_the_table_says_where(
    repository: Path, main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    strict = replace(main_role, tolerance=MappingProxyType({"fp32": Tolerance(-1, -1)}))
    digest = tree(repository)
    with pytest.raises(ProofError, match="no version written: values, noise, batch 1") as refused:
        export(strict, str(make_ready(tmp_path / "model.onnx")), options)
    failed = [line for line in refused.value.table.splitlines() if line.endswith("FAILED")]
    assert len(failed) == 8
    assert tree(repository) == digest


def test_remote_code_does_not_run_unless_it_is_trusted(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "ran"
    folder = make_remote(tmp_path / "remote", mark)
    shutil.rmtree(repository)
    make_repository(repository, 1024)
    assert main(["main_matte", "--checkpoint", str(folder), "--repository", str(repository)]) == 1
    assert "--trust-remote-code" in capsys.readouterr().err
    assert not mark.exists()


def test_a_role_refuses_families_that_it_does_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = make_repository(tmp_path / "repository", 512)
    path = make_ready(tmp_path / "model.onnx")
    assert main(["step_matte", "--checkpoint", str(path), "--repository", str(repository)]) == 1
    assert "step_matte takes segformer checkpoints" in capsys.readouterr().err


def test_an_unreachable_hub_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", 512)
    command = [sys.executable, "-m", "export", "step_matte", "--checkpoint", "somebody/something"]
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [*command, "--repository", repository], env=os.environ | offline, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: no folder somebody/something here, and the hub cannot be reached")
    assert ran.stderr.count("\n") == 1


def test_tensorrt_where_there_is_none_says_how_to_get_it(
    tmp_path: Path, sigmoid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU; see test_tensorrt.py")
    repository = make_repository(tmp_path / "repository", 512)
    before = tree(repository)
    words = ["step_matte", "--checkpoint", str(sigmoid), "--repository", str(repository), "--engine", "tensorrt"]
    assert main(words) == 1
    assert "pip install tensorrt" in capsys.readouterr().err
    assert main([*words, "--precision", "int8"]) == 2
    assert tree(repository) == before
