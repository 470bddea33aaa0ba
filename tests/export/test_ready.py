"""Ready-made ONNX files, wrapped into the contract, against the original file run by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from export import pictures
from export.exporter import export
from export.options import Options
from export.processor import IMAGENET_MEAN, IMAGENET_STD, Pictures
from export.roles import MatteRole
from tests.export.checkpoints import SIDE, make_ready

KINDS: dict[str, dict[str, Any]] = {
    "logits, any batch": {},
    "logits, one picture": {"batch": 1},
    "logits, one picture baked in": {"batch": 1, "baked": True},
    "probabilities": {"probability": True},
    "half precision": {"half": True},
    "two outputs": {"coarse": True},
    "two classes": {"channels": 2},
    "opset 11": {"opset": 11},
    "opset 12": {"opset": 12, "batch": 1},
    "opset 13": {"opset": 13, "batch": 1},
    "opset 11 at half the side": {"opset": 11, "side": SIDE // 2, "channels": 2},
    "an output called alpha": {"output": "alpha"},
    "half the contract's side": {"side": SIDE // 2, "batch": 1},
    "twice the contract's side": {"side": SIDE * 2},
}


def by_hand(path: Path, batch: Pictures, kind: dict[str, Any]) -> Pictures:
    """As a script around such a file does it: one picture, NumPy before, OpenCV-free resize after."""
    import torch

    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = kind.get("output", "output_image")
    side = kind.get("side", SIDE)
    mattes = []
    for picture in batch:
        values = (picture / 255 - IMAGENET_MEAN) / IMAGENET_STD
        planes = torch.from_numpy(values.transpose(2, 0, 1)[None])
        planes = torch.nn.functional.interpolate(planes, (side, side), mode="bilinear", antialias=side < SIDE)
        dtype = np.float16 if kind.get("half") else np.float32
        raw = session.run([name], {"input_image": planes.numpy().astype(dtype)})[0].astype(np.float64)
        logit = raw[:, :1] if raw.shape[1] == 1 else raw[:, 1:] - raw[:, :1]
        full = torch.nn.functional.interpolate(torch.from_numpy(logit), (SIDE, SIDE), mode="bilinear")
        mattes.append(full[0, 0] if kind.get("probability") else full[0, 0].sigmoid())
    return np.stack([(matte * 255).round().numpy().astype(np.uint8) for matte in mattes])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_wrapped_file_gives_what_the_original_gives(
    kind: dict[str, Any], main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    path = make_ready(tmp_path / "model.onnx", **kind)
    done = export(main_role, str(path), options)
    session = ort.InferenceSession(done.folder / "model.onnx", providers=["CPUExecutionProvider"])
    batch = np.concatenate([pictures.noise(SIDE, 2), pictures.drawn(SIDE, 1)])
    wanted = by_hand(path, batch, kind)
    assert np.ptp(wanted) > 150
    difference = np.abs(session.run(["alpha"], {"pixels": batch})[0].astype(int) - wanted)
    assert difference.max() <= (4 if kind.get("half") else 1)


def test_a_graph_with_its_batch_baked_in_runs_picture_by_picture(
    main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    loops = {}
    for name, baked in (("free", False), ("baked", True)):
        path = make_ready(tmp_path / f"{name}.onnx", batch=1, baked=baked)
        done = export(main_role, str(path), options)
        loops[name] = [node.op_type for node in onnx.load(done.folder / "model.onnx").graph.node].count("Loop")
        assert json.loads((done.folder / "model.json").read_text())["one_picture_at_a_time"] is baked
    assert loops == {"free": 0, "baked": 1}
    assert done.folder.name == "2"


@pytest.mark.parametrize("kind", [{}, {"channels": 2}, {"probability": True}], ids=["logits", "two", "probabilities"])
def test_one_picture_at_a_time_goes_with_half_precision(
    kind: dict[str, Any], main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    path = make_ready(tmp_path / "model.onnx", batch=1, baked=True, **kind)
    done = export(main_role, str(path), Options(options.repository, precision="fp16"))
    graph = onnx.load(done.folder / "model.onnx").graph
    assert [node.op_type for node in graph.node].count("Loop") == 1
    assert done.proof.ok


def test_the_largest_map_is_the_matte_unless_another_is_named(
    main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    path = make_ready(tmp_path / "model.onnx", coarse=True)
    card = json.loads((export(main_role, str(path), options).folder / "model.json").read_text())
    assert card["remarks"] == ["output output_image of coarse, output_image"]
    named = Options(options.repository, output="coarse")
    graph = onnx.load(export(main_role, str(path), named).folder / "model.onnx").graph
    assert "MaxPool" in {node.op_type for node in graph.node}


def test_what_other_outputs_need_is_left_out(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    path = make_ready(tmp_path / "model.onnx", coarse=True)
    graph = onnx.load(export(main_role, str(path), options).folder / "model.onnx").graph
    assert "MaxPool" not in {node.op_type for node in graph.node}


def test_half_precision_weights_stay_and_are_said(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    done = export(main_role, str(make_ready(tmp_path / "model.onnx", half=True)), options)
    assert json.loads((done.folder / "model.json").read_text())["precision"] == "fp16"
    kinds = {t.name: t.data_type for t in onnx.load(done.folder / "model.onnx").graph.initializer}
    assert kinds["w0"] == onnx.TensorProto.FLOAT16


def test_a_processor_file_beside_the_graph_decides_the_preprocessing(
    main_role: MatteRole, options: Options, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    (folder / "onnx").mkdir(parents=True)
    make_ready(folder / "onnx" / "model.onnx")
    facts = {"image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 1], "size": {"height": SIDE, "width": SIDE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    card = json.loads((export(main_role, str(folder), options).folder / "model.json").read_text())
    assert card["preprocessing"]["mean"] == [0.5, 0.5, 0.5]
    assert card["preprocessing"]["stated"] is True


def test_several_files_need_a_choice(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    from export.errors import CheckpointError

    for name in ("first", "second"):
        make_ready(tmp_path / f"{name}.onnx")
    with pytest.raises(CheckpointError, match=r"choose one with --file: first\.onnx, second\.onnx"):
        export(main_role, str(tmp_path), options)
    chosen = Options(options.repository, file="second.onnx")
    assert export(main_role, str(tmp_path), chosen).folder.name == "1"


def test_weights_in_a_second_file_come_along(main_role: MatteRole, options: Options, tmp_path: Path) -> None:
    model = onnx.load(make_ready(tmp_path / "small.onnx"))
    folder = tmp_path / "external"
    folder.mkdir()
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    done = export(main_role, str(folder), options)
    assert [file.name for file in sorted(done.folder.iterdir())] == ["model.json", "model.onnx"]
