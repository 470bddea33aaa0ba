"""SegFormer checkpoints with the detail head that `python -m training detail` adds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from export.errors import CheckpointError
from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import MatteRole
from tests.export.checkpoints import SIDE, make_repository, make_segformer
from training.matte.detail import WEIGHTS, DetailHead, save_head
from training.matte.network import TorchPredictor


@pytest.fixture(scope="module")
def detailed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that looks at half the role's side, and a head that says something."""
    folder = make_segformer(tmp_path_factory.mktemp("detailed") / "model", size=SIDE // 2)
    torch.manual_seed(5)
    head = DetailHead()
    torch.nn.init.normal_(head.outwards.weight, std=0.5)
    save_head(head, folder)
    return folder


def test_the_graph_gives_what_the_checkpoint_gives(detailed: Path, step: MatteRole, tmp_path: Path) -> None:
    options = Options(make_repository(tmp_path), licence="Apache-2.0", source="a test")
    with quiet_libraries():
        done = export(step, str(detailed), options)
        predictor = TorchPredictor(str(detailed), SIDE)
        bare = TorchPredictor(str(_without_head(detailed, tmp_path)), SIDE)
    card = json.loads((done.folder / "model.json").read_text())
    assert card["network_size"] == SIDE
    assert any("its detail head at 64" in remark for remark in card["remarks"])
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    served = session.run(["alpha"], {"pixels": pixels})[0]
    assert np.ptp(served) > 100
    assert np.abs(served - predictor(pixels).astype(int)).max() <= 1
    assert np.abs(served - bare(pixels).astype(int)).max() > 10


def _without_head(folder: Path, tmp_path: Path) -> Path:
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / WEIGHTS).unlink()
    return bare


def test_half_precision_holds(detailed: Path, step: MatteRole, tmp_path: Path) -> None:
    options = Options(make_repository(tmp_path), licence="Apache-2.0", source="a test", precision="fp16")
    with quiet_libraries():
        done = export(step, str(detailed), options)
    assert json.loads((done.folder / "model.json").read_text())["precision"] == "fp16"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("size", "multiple of 48, not 64"),
        ("damage", "not the weights of a detail head"),
        ("classes", "draws one class, the network has two"),
    ],
)
def test_a_head_that_cannot_be_used_is_refused(
    detailed: Path, softmax: Path, step: MatteRole, tmp_path: Path, change: str, said: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(detailed if change != "classes" else softmax, folder)
    save_head(DetailHead(), folder)
    options = Options(make_repository(tmp_path / "repository"), licence="Apache-2.0", source="a test")
    if change == "size":
        options = replace(options, network_size=48)
    elif change == "damage":
        (folder / WEIGHTS).write_bytes(b"{}")
    with quiet_libraries(), pytest.raises(CheckpointError, match=said):
        export(step, str(folder), options)
    assert not (tmp_path / "repository" / "step_matte" / "1").exists()
