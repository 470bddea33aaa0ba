"""TensorRT plans, where there is TensorRT and a GPU."""

import json
from pathlib import Path

import pytest
import torch

from export import loaders, pictures, to_tensorrt
from export.checkpoint import open_local
from export.exporter import export
from export.mattes import Matte
from export.options import Options
from export.processor import Pictures
from export.roles import MatteRole
from tests.export.checkpoints import SIDE, make_ready


@pytest.mark.parametrize(("largest", "profile"), [(8, (1, 4, 8)), (4, (1, 2, 4)), (1, (1, 1, 1)), (3, (1, 1, 3))])
def test_a_profile_spans_every_batch_that_the_server_makes(largest: int, profile: tuple[int, int, int]) -> None:
    found = to_tensorrt.profile_for(largest)
    assert (found.least, found.best, found.most) == profile


def test_a_plan_is_compared_at_every_batch_of_its_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main_role: MatteRole
) -> None:
    path = make_ready(tmp_path / "model.onnx")
    network = loaders.load(open_local(str(path)), main_role, Options())
    loaded = Matte(main_role, network, pictures.samples(SIDE))

    def answer(batch: Pictures) -> Pictures:
        return batch[..., 0]

    monkeypatch.setattr(to_tensorrt, "runner", lambda *_: answer)
    profile = to_tensorrt.profile_for(8)
    rows = to_tensorrt.compare(tmp_path / "model.plan", loaded, answer, profile, "fp32")
    assert sorted({row.check for row in rows}) == [f"plan against ONNX, batch {batch}" for batch in (1, 4, 8)]


@pytest.mark.gpu
@pytest.mark.parametrize("side", [SIDE, SIDE // 2, SIDE * 8], ids=["its own side", "it shrinks", "its answer shrinks"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_plan_lies_beside_the_graph_and_answers_like_it(
    precision: str, side: int, repository: Path, main_role: MatteRole, tmp_path: Path
) -> None:
    tensorrt = pytest.importorskip("tensorrt", reason="NVIDIA's tensorrt package is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU is visible")
    path = str(make_ready(tmp_path / "model.onnx", side, half=precision == "fp16"))
    done = export(main_role, path, Options(repository, engine="tensorrt"))
    assert sorted(file.name for file in done.folder.iterdir()) == ["model.json", "model.onnx", "model.plan"]
    plan = json.loads((done.folder / "model.json").read_text())["plan"]
    assert plan["tensorrt"] == tensorrt.__version__
    assert plan["profile"] == {"least": 1, "best": 2, "most": 4}
    assert [row.ok for row in done.proof.rows if row.check.startswith("plan against ONNX")] == [True] * 6
