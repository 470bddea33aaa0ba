"""Checkpoints that bring their own network code."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from export import pictures
from export.errors import CheckpointError, UsageError
from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import MatteRole
from tests.export.checkpoints import REMOTE_CODE, SIDE, make_remote

DEFORMED = REMOTE_CODE.replace(
    "return [", "offset = 0.3 * torch.tanh(self.coarse(x)).repeat(1, 32, 1, 1)\n        return ["
)
DEFORMED = DEFORMED.replace("self.fine(x)]", "deform_conv2d(x, offset[:, :32], self.deep, stride=8)]")
DEFORMED = DEFORMED.replace("import torch\n", "import torch\nfrom torchvision.ops import deform_conv2d\n", 1)


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers copies remote code before it imports it; not into the home of who runs the tests."""
    from transformers import dynamic_module_utils
    from transformers.utils import hub

    for module in (dynamic_module_utils, hub):
        monkeypatch.setattr(module, "HF_MODULES_CACHE", str(tmp_path / "modules"), raising=False)


def test_trusted_code_is_built_plainly_and_its_last_output_is_the_matte(
    main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    folder = make_remote(tmp_path / "remote", mark)
    with quiet_libraries():
        done = export(main_role, str(folder), Options(options.repository, trust_remote_code=True))
    assert mark.exists()
    card = json.loads((done.folder / "model.json").read_text())
    assert (card["architecture"], card["opset"]) == ("TinyMatte", 20)
    weights = _weights(folder)
    batch = pictures.noise(SIDE)
    planes = torch.from_numpy(((batch / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(0, 3, 1, 2))
    raw = torch.nn.functional.conv2d(planes.float(), weights["fine.weight"], weights["fine.bias"], stride=4)
    full = torch.nn.functional.interpolate(raw, (SIDE, SIDE), mode="bilinear").sigmoid()[:, 0]
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    answer = session.run(["alpha"], {"pixels": batch})[0]
    assert np.ptp(answer) > 200
    assert np.abs(answer - (full * 255).round().numpy()).max() <= 1


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("import torch\n", "import torch\nimport no_such_package\n", "no_such_package"),
        ("self.fine = torch.nn.Conv2d(3, 1, 4, stride=4)", "self.fine = torch.nn.Conv2d(3, 1, 5)", "do not fit"),
        ("self.fine = ", "self.extra = torch.nn.Linear(2, 2)\n        self.fine = ", "2 weights are missing"),
        ("self.fine(x)]", "self.fine(x) if float(x.sum()) < 1e9 else x]", "LastOutput cannot be exported"),
        ("self.coarse(x), self.fine(x)", "self.fine(x), x", r"\[1, 3, 64, 64\]; a matte is"),
        ("super().__init__(config)", "super().__init__(config); undefined_name", "does not run: name 'undefined_name'"),
        ("super().__init__(config)", "super().__init__(config); [][0]", "does not run: list index"),
        ("super().__init__(config)", "super().__init__(config); assert not config", "does not run: AssertionError"),
        ("return [", "assert x.shape[2] % 7 == 0, 'a multiple of 7'; return [", "does not run: a multiple of 7"),
        ("[self.coarse(x), self.fine(x)]", "{'matte': self.fine(x)}", "answers with a dict, not with a tensor"),
        ("def __init__(self, config):", "def __init__(self, config:", "does not run|was never closed"),
    ],
)
def test_code_that_is_no_matte_network_is_a_clear_error(
    before: str, after: str, words: str, main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    folder = make_remote(tmp_path / "remote", tmp_path / "ran", code=REMOTE_CODE.replace(before, after, 1))
    with quiet_libraries(), pytest.raises(CheckpointError, match=words):
        export(main_role, str(folder), Options(options.repository, trust_remote_code=True))


def test_code_in_another_repository_is_refused(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    folder = make_remote(tmp_path / "remote", tmp_path / "ran")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"]["AutoModelForImageSegmentation"] = "somebody/else--tiny.TinyMatte"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"from another repository .somebody/else--tiny"):
        export(main_role, str(folder), Options(options.repository, trust_remote_code=True))
    assert not (tmp_path / "ran").exists()


def test_a_sigmoid_inside_the_code_needs_a_word(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    code = REMOTE_CODE.replace("self.fine(x)]", "self.fine(x).sigmoid()]")
    folder = make_remote(tmp_path / "remote", tmp_path / "ran", code=code)
    with quiet_libraries(), pytest.raises(UsageError, match="without saying why; say --activation"):
        export(main_role, str(folder), Options(options.repository, trust_remote_code=True))
    with quiet_libraries():
        done = export(main_role, str(folder), Options(options.repository, trust_remote_code=True, activation="none"))
    assert json.loads((done.folder / "model.json").read_text())["head"]["kind"] == "probability"


def test_deformable_convolutions_become_one_operator(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    pytest.importorskip("torchvision", reason="needs pip install -e '.[export,birefnet]'")
    code = DEFORMED.replace(
        "self.fine = torch.nn.Conv2d(3, 1, 4, stride=4)", "self.deep = torch.nn.Parameter(torch.zeros(1, 3, 4, 4))"
    )
    folder = make_remote(tmp_path / "remote", tmp_path / "ran", code=code)
    _rename(folder, {"fine.weight": "deep", "fine.bias": None})
    with quiet_libraries():
        done = export(main_role, str(folder), Options(options.repository, trust_remote_code=True))
    operators = [node.op_type for node in onnx.load(done.folder / "model.onnx").graph.node]
    assert operators.count("DeformConv") == 1
    assert any("no: DeformConv" in str(row.value) for row in done.proof.rows)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def _rename(folder: Path, names: dict[str, str | None]) -> None:
    from safetensors.torch import save_file

    weights = {names.get(name, name): tensor for name, tensor in _weights(folder).items()}
    save_file({name: tensor for name, tensor in weights.items() if name}, folder / "model.safetensors")
