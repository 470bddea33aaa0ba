import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.training.matte_data import ellipse, tiny_checkpoint, write_pairs
from training.__main__ import main
from training.matte.errors import MatteError
from training.matte.evaluation import evaluate, serve
from training.matte.network import ServedMatte, TorchPredictor, load_segformer
from training.matte.onnx_file import OnnxPredictor
from training.matte.pairs import find_pairs
from training.matte.sheet import Case, write_sheet

SIZE = 64


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def onnx_file(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    network = ServedMatte(load_segformer(str(checkpoint))).eval()
    example = torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, whose result is checked
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["pixels"],
            output_names=["alpha"],
            dynamic_axes={"pixels": {0: "batch"}, "alpha": {0: "batch"}},
            opset_version=17,
            dynamo=False,  # the older exporter is quicker, and this file is thrown away
        )
    return path


def test_an_exported_file_scores_as_its_checkpoint(checkpoint: Path, onnx_file: Path, tmp_path: Path) -> None:
    pairs = find_pairs(write_pairs(tmp_path, 3))
    torch_scores = evaluate(TorchPredictor(str(checkpoint), SIZE), pairs)
    onnx_scores = evaluate(OnnxPredictor(onnx_file), pairs)
    for one, other in zip(torch_scores, onnx_scores, strict=True):
        assert vars(one.figures) == pytest.approx(vars(other.figures), abs=2e-3)


def test_pictures_are_squeezed_to_the_square_and_the_matte_is_brought_back() -> None:
    seen = []

    class Bright:
        size = 32

        def __call__(
            self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
        ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
            seen.append(pixels.shape)
            return np.where(pixels.mean(axis=-1) > 130, 255, 0).astype(np.uint8)

    picture, alpha = ellipse(1, (120, 200))
    matte = serve(Bright(), picture)
    assert seen == [(1, 32, 32, 3)]
    assert matte.shape == alpha.shape
    assert np.abs(matte.astype(float) - alpha).mean() < 8


def test_the_command_writes_scores_and_a_sheet_of_the_worst(checkpoint: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "data", 5)
    out = tmp_path / "out"
    options = ["--data", str(tmp_path / "data"), "--output", str(out), "--size", "64", "--limit", "4", "--worst", "2"]
    assert main(["evaluate", str(checkpoint), *options]) == 0
    report = json.loads((out / "scores.json").read_text())
    rows = list(csv.DictReader((out / "scores.csv").read_text().splitlines()))
    assert report["pictures"] == len(rows) == len(report["scores"]) == 4
    assert report["mean"]["iou"] == pytest.approx(np.mean([float(row["iou"]) for row in rows]))
    with Image.open(out / "worst.jpg") as sheet:
        assert sheet.size == (4 * 256, 2 * 272)


def test_categories_of_a_manifest_have_means_of_their_own(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pairs(tmp_path / "data", 4)
    names = ["lens", "lens", "strap", ""]
    lines = [
        json.dumps({"image": f"images/{n:03d}.jpg", "mask": f"masks/{n:03d}.png", "category": name})
        for n, name in enumerate(names)
    ]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    arguments = [str(checkpoint), "--data", str(folder), "--size", str(SIZE), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == 0
    report = json.loads((tmp_path / "out/scores.json").read_text())
    assert list(report["categories"]) == ["lens", "strap"]
    of_each = [row["iou"] for row in report["scores"]]
    assert report["categories"]["lens"]["iou"] == pytest.approx(np.mean(of_each[:2]))
    assert report["categories"]["strap"]["iou"] == of_each[2]
    assert "lens: iou" in capsys.readouterr().out


def test_what_went_badly_becomes_a_set_to_train_on(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pairs(tmp_path / "data", 6)
    out, hard = tmp_path / "out", tmp_path / "sets" / "hard"
    options = ["--data", str(tmp_path / "data"), "--size", "64"]
    assert main(["evaluate", str(checkpoint), *options, "--output", str(out)]) == 0
    ious = {score["name"]: score["iou"] for score in json.loads((out / "scores.json").read_text())["scores"]}
    limit = sorted(ious.values())[3]
    assert main(["evaluate", str(checkpoint), *options, "--hard", str(hard), "--hard-below", repr(limit)]) == 0
    assert f"3 pictures under an IoU of {limit}: {hard}" in capsys.readouterr().out
    found = find_pairs(hard)
    assert {pair.name for pair in found} == {name for name, iou in ious.items() if iou < limit}
    assert all(pair.mask.is_file() for pair in found)


def test_the_sheet_shows_missed_parts_red_and_taken_ground_blue(tmp_path: Path) -> None:
    truth, predicted = np.zeros((2, 64, 64), np.uint8)
    truth[:, :40], predicted[:, 20:] = 255, 255
    write_sheet([Case("x", np.zeros((64, 64, 3), np.uint8), truth, predicted)], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        row = [sheet.getpixel((3 * 256 + x, 140)) for x in (32, 120, 224)]
    assert row == [(255, 0, 0), (0, 0, 0), (0, 0, 255)]


def test_the_inner_size_changes_what_the_network_sees_but_not_the_contract(checkpoint: Path) -> None:
    pixels = ellipse(2, (SIZE, SIZE))[0][None]
    direct, reduced = TorchPredictor(str(checkpoint), SIZE), TorchPredictor(str(checkpoint), SIZE, inner=32)
    assert direct(pixels).shape == reduced(pixels).shape == (1, SIZE, SIZE)
    assert not np.array_equal(direct(pixels), reduced(pixels))


@pytest.mark.parametrize("size", [{"height": 32, "width": 32}, {"shortest_edge": 32}, 32])
def test_a_checkpoint_looks_at_its_own_size(tmp_path: Path, size: int | dict[str, int]) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path))
    pixels = ellipse(2, (SIZE, SIZE))[0][None]
    whole = TorchPredictor(checkpoint, SIZE)(pixels)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_resize": True, "size": size}))
    assert np.array_equal(TorchPredictor(checkpoint, SIZE)(pixels), TorchPredictor(checkpoint, SIZE, inner=32)(pixels))
    assert np.array_equal(TorchPredictor(checkpoint, SIZE, inner=SIZE)(pixels), whole)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_resize": False, "size": size}))
    assert np.array_equal(TorchPredictor(checkpoint, SIZE)(pixels), whole)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ('{"size": {"height": 32, "width": 64}}', "is not one square; name one with --inner-size"),
        ("{", "not readable"),
        ('{"image_mean": [0.5, 0.5, 0.5]}', "image_mean is not ImageNet's"),
    ],
)
def test_preprocessing_that_is_not_repeated_here_is_refused(tmp_path: Path, facts: str, message: str) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    (checkpoint / "preprocessor_config.json").write_text(facts)
    with pytest.raises(MatteError, match=message):
        TorchPredictor(str(checkpoint), SIZE)


@pytest.mark.parametrize("classes", [2, 150])
def test_a_head_that_is_no_matte_is_refused_not_replaced(tmp_path: Path, classes: int) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path, classes))
    with pytest.raises(MatteError, match=f"{classes} classes; a matte has 1"):
        TorchPredictor(checkpoint, SIZE)
    assert load_segformer(checkpoint).config.num_labels == 1


def test_a_checkpoint_without_head_is_refused(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    weights = load_file(checkpoint / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "classifier" not in name}
    save_file(kept, checkpoint / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MatteError, match=r"lacks decode_head\.classifier"):
        TorchPredictor(str(checkpoint), SIZE)


def test_half_a_file_of_weights_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "checkpoint")
    write_pairs(tmp_path / "data", 1)
    data = (checkpoint / "model.safetensors").read_bytes()
    (checkpoint / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert main(["evaluate", str(checkpoint), "--data", str(tmp_path / "data")]) == 2
    assert "checkpoint: cannot be loaded as a SegFormer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--limit", "0"], ["--limit", "-1"], ["--size", "0"], ["--inner-size", "-32"], ["--worst", "-1"]]
)
def test_a_count_out_of_range_is_told_before_anything_is_read(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "nowhere", "--data", str(tmp_path), *option])
    assert stopped.value.code == 2
    assert f"argument {option[0]}: '{option[1]}': expected a number from" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "1.5", "-1", "nan", "most"])
def test_a_limit_that_is_no_share_is_told(limit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "nowhere", "--data", str(tmp_path), "--hard-below", limit])
    assert stopped.value.code == 2
    assert "argument --hard-below" in capsys.readouterr().err


def test_files_outside_the_contract_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pairs(tmp_path / "data", 1)
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    assert main(["evaluate", str(tmp_path / "broken.onnx"), "--data", str(tmp_path / "data")]) == 2
    assert "broken.onnx: not a loadable ONNX file" in capsys.readouterr().err
    with pytest.raises(MatteError, match="not a loadable"):
        OnnxPredictor(tmp_path / "missing.onnx")
    assert main(["evaluate", "/nowhere/at/all", "--data", str(tmp_path / "data")]) == 2
    assert "/nowhere/at/all: cannot be loaded as a SegFormer" in capsys.readouterr().err
