"""MTCNN's networks through the whole exporter, from random weights in files as facenet-pytorch has them."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from export import mtcnn
from export.__main__ import main
from export.errors import CheckpointError, ContractError, UsageError
from export.exporter import export
from export.kinds import PRECISIONS, Precision
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import role_named, roles_named
from tests.export.checkpoints import tree

ROOT = Path(__file__).resolve().parents[2]
FILES = {"pnet.pt": mtcnn.ProposalNet, "rnet.pt": mtcnn.RefinementNet, "onet.pt": mtcnn.OutputNet}
WHEEL = "facenet_pytorch-2.6.0-py3-none-any.whl"
NAMES = [role.name for role in roles_named("face_detector")]


def weights(kind: type[torch.nn.Module]) -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    with torch.no_grad():
        network = kind()
        for parameter in network.parameters():
            parameter.normal_(std=parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3)
    return network.state_dict()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        for name, kind in FILES.items():
            data = io.BytesIO()
            torch.save(weights(kind), data)
            archive.writestr(f"facenet_pytorch/data/{name}", data.getvalue())
    return path


@pytest.fixture
def folder(wheel: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "facenet_pytorch"


@pytest.fixture
def options(tmp_path: Path) -> Options:
    for name in NAMES:
        shutil.copytree(
            ROOT / "model_repository" / name, tmp_path / "models" / name, ignore=shutil.ignore_patterns("[0-9]*")
        )
    return Options(repository=tmp_path / "models")


def test_one_command_exports_all_three(wheel: Path, options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--checkpoint", str(wheel), "--repository", str(options.repository), "--commercial-only"]
    assert main(["face_detector", *words]) == 0
    assert capsys.readouterr().out.count("wrote ") == 3
    for name in NAMES:
        facts = json.loads((options.repository / name / "1" / "model.json").read_text())
        assert (facts["role"], facts["licence"], facts["commercial_use"]) == (name, "MIT", True)
        assert (facts["revision"], facts["precision"]) == ("2.6.0", "fp32")
        assert facts["max_difference"] <= facts["tolerance"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_of_the_output_network(precision: Precision, folder: Path, options: Options) -> None:
    with quiet_libraries():
        done = export(role_named("face_onet"), str(folder), replace(options, precision=precision))
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).uniform(0, 255, (5, 48, 48, 3)).astype(np.float32)
    probability, moves, landmarks = session.run(["probability", "regression", "landmarks"], {"pixels": pixels})
    network = mtcnn.OutputNet()
    network.load_state_dict(weights(mtcnn.OutputNet))
    with torch.inference_mode():
        wanted = network((torch.from_numpy(pixels).permute(0, 3, 1, 2) - 127.5) / 128)
    for one, other in zip((probability, moves, landmarks), wanted, strict=True):
        assert one == pytest.approx(other.numpy(), abs=1e-4 if precision == "fp32" else 0.05)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_proof_lays_pictures_side_by_side(precision: Precision, wheel: Path, options: Options) -> None:
    with quiet_libraries():
        done = export(role_named("face_pnet"), str(wheel), replace(options, precision=precision))
    assert sum("among others" in row.check for row in done.proof.rows) == 10
    assert done.proof.ok


def spoilt(folder: Path, name: str, case: str) -> None:
    """One file of weights, damaged in one way."""
    path = folder / "data" / name
    state = torch.load(path, weights_only=True)
    first = next(iter(state))
    if case == "missing":
        path.unlink()
    elif case == "torn":
        path.write_bytes(path.read_bytes()[:500])
    elif case == "a weight less":
        torch.save({key: value for key, value in state.items() if key != first}, path)
    elif case == "a weight more":
        torch.save(state | {"other": state[first]}, path)
    elif case == "other shapes":
        torch.save(state | {first: state[first][:1]}, path)
    else:
        torch.save(state | {first: state[first] * float("nan")}, path)


@pytest.mark.parametrize("case", ["missing", "torn", "a weight less", "a weight more", "other shapes", "no numbers"])
def test_weights_that_are_not_the_networks_are_refused_and_nothing_is_written(
    case: str, folder: Path, options: Options
) -> None:
    spoilt(folder, "rnet.pt", case)
    before = tree(options.repository)
    with pytest.raises(CheckpointError, match="rnet"), quiet_libraries():
        export(role_named("face_rnet"), str(folder), options)
    assert tree(options.repository) == before


def test_what_is_no_wheel_is_refused(tmp_path: Path, options: Options) -> None:
    (tmp_path / "weights.pt").write_bytes(b"not a wheel")
    for name, text in ((tmp_path / "weights.pt", "is no wheel"), (tmp_path / "nowhere", "no such checkpoint")):
        with pytest.raises(CheckpointError, match=text):
            export(role_named("face_pnet"), str(name), options)


def test_options_for_mattes_are_refused(wheel: Path, options: Options) -> None:
    with pytest.raises(UsageError, match="--network-size is not for face_pnet"):
        export(role_named("face_pnet"), str(wheel), replace(options, network_size=128))


def test_another_contract_is_refused(wheel: Path, options: Options) -> None:
    config = options.repository / "face_rnet" / "config.pbtxt"
    config.write_text(config.read_text().replace("TYPE_FP32 dims: [ 24", "TYPE_UINT8 dims: [ 24"))
    with pytest.raises(ContractError, match="pixels UINT8"):
        export(role_named("face_rnet"), str(wheel), options)
