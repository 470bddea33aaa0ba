import hashlib
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from tests.training.shelf_data import tiny_matte, write_shelves
from tests.training.shelf_networks import SIDE, by_colour, painted
from training.__main__ import main
from training.shelves.errors import ShelvesError
from training.shelves.evaluation import evaluate, shortfall
from training.shelves.figures import Confusion
from training.shelves.pictures import CLASSES, UNKNOWN, find_pictures
from training.shelves.precision import Instances
from training.shelves.predictor import OnnxPredictor, Things, load_predictor
from training.shelves.profile import RANGES, bins_of

CLASS = st.integers(0, len(CLASSES) - 1)


def write_painted(folder: Path, count: int, wrong: int = 0) -> Path:
    """Pictures of SIDE that the network of colours reads exactly; the first `wrong` are said to be otherwise."""
    for name in ("images", "masks", "instances"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        drawn = rng.integers(0, 5, (8, 8), dtype=np.uint8)
        classes = np.asarray(cv2.resize(drawn, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), np.uint8)
        Image.fromarray(painted(classes)).save(folder / "images" / f"{index}.png")
        told = (classes + 1) % 5 if index < wrong else classes
        Image.fromarray(told.astype(np.uint8)).save(folder / "masks" / f"{index}.png")
        Image.fromarray((classes == 1).astype(np.uint16)).save(folder / "instances" / f"{index}.png")
    return folder


@given(
    truth=arrays(np.uint8, (6, 7), elements=CLASS | st.just(UNKNOWN)), found=arrays(np.uint8, (6, 7), elements=CLASS)
)
def test_figures_are_those_of_scikit_learn(truth: np.ndarray, found: np.ndarray) -> None:
    confusion = Confusion()
    confusion.add(truth[:3], found[:3])
    confusion.add(truth[3:], found[3:])
    known = truth != UNKNOWN
    right, said, figures = truth[known], found[known], confusion.figures
    if not known.any():
        assert (figures.miou, figures.iou) == (1.0, {})
        return
    labels = sorted({*right.tolist(), *said.tolist()})
    each = jaccard_score(right, said, labels=labels, average=None)
    assert figures.iou == pytest.approx({CLASSES[label]: value for label, value in zip(labels, each, strict=True)})
    assert math.isclose(figures.miou, each.mean())
    assert math.isclose(figures.accuracy, accuracy_score(right, said))
    assert math.isclose(figures.f1, f1_score(right, said, labels=labels, average="macro"))


def test_a_network_that_is_right_has_full_figures_and_its_errors_lower_them(tmp_path: Path) -> None:
    network = load_predictor(by_colour(tmp_path / "1"))
    good = evaluate(network, find_pictures(write_painted(tmp_path / "good", 3)))
    assert (good.figures.miou, good.figures.accuracy, good.figures.f1) == (1.0, 1.0, 1.0)
    assert good.instances is None
    bad = evaluate(network, find_pictures(write_painted(tmp_path / "bad", 4, wrong=2)))
    assert 0.2 < bad.figures.miou < 0.5
    assert bad.figures.accuracy == pytest.approx(0.5)
    assert {one.picture.name for one in bad.worst(2)} == {"0", "1"}
    assert shortfall(bad, 0.8) == pytest.approx(0.8 - bad.figures.miou)
    assert shortfall(good, 0.8) < 0


def test_products_one_by_one_are_judged_as_coco_does(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    found = evaluate(
        load_predictor(by_colour(tmp_path / "1", instances=True)), find_pictures(write_painted(tmp_path / "data", 2))
    )
    assert found.instances is not None
    assert (found.instances.mean, found.instances.at_50, found.instances.products) == (1.0, 1.0, 2)


def test_half_found_products_have_half_the_precision_and_slivers_do_not_count() -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    truth = np.zeros((200, 200), np.uint16)
    truth[10:60, 10:60], truth[100:150, 100:150], truth[199, 199] = 1, 2, 3
    mask = np.zeros((200, 200), np.int32)
    mask[10:60, 10:60] = 1
    instances = Instances()
    instances.add(truth, Things(mask, np.array([0.8, 0], np.float32), np.array([1, 0], np.int32)))
    figures = instances.figures
    assert figures is not None
    assert figures.products == 2
    assert figures.at_50 == pytest.approx(0.5, abs=0.01)
    nothing = Instances()
    nothing.add(truth, Things(np.zeros_like(mask), np.zeros(2, np.float32), np.zeros(2, np.int32)))
    assert nothing.figures is not None
    assert nothing.figures.mean == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_bins_hold_every_value_once_between_rising_edges(values: list[float]) -> None:
    bins = bins_of(np.array(values), 0.0, 1.0)
    assert all(low < high for low, high in zip(bins.edges, bins.edges[1:], strict=False))
    assert len(bins.edges) == len(bins.shares) + 1 >= 3
    assert math.isclose(sum(bins.shares), 1)
    counts = np.histogram(values, np.array(bins.edges))[0]
    assert counts / len(values) == pytest.approx(bins.shares)


def test_the_command_writes_report_and_profile_and_the_gate_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, store = by_colour(tmp_path / "net" / "1"), f"sqlite:///{tmp_path}/mlflow.db"
    data = write_painted(tmp_path / "data", 24, wrong=8)
    command = ["shelves", "evaluate", str(network), "--data", str(data), "--output", str(tmp_path / "report")]
    assert main([*command, "--gate", "0.3", "--mlflow", store]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == page.count("data:image/png;base64,") == 1
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert facts["evaluations"][0]["passes"]
    profile = json.loads((tmp_path / "report" / "shelf_segmenter" / "profile.json").read_text())
    assert (profile["version"], profile["network"], profile["pictures"]) == (1, "shelf_segmenter", 24)
    assert profile["figures"].keys() == RANGES.keys()
    with np.load(tmp_path / "report" / "shelf_segmenter" / "profile.npz") as arrays_of:
        assert arrays_of["embeddings"].shape == (24, 3)
        assert arrays_of["embeddings"].dtype == np.float32
    capsys.readouterr()
    assert main([*command, "--worst", "0"]) == 1
    told = capsys.readouterr().out
    under = 0.8 - facts["evaluations"][0]["miou"]
    assert f"is {under:.4f} under the gate of 0.80" in told


def test_the_whole_chain_on_generated_shelves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_shelves(tmp_path / "shelves", 4)
    options = ["--data", str(data), "--checkpoint", str(tiny_matte(tmp_path / "tiny")), "--sizes", "64"]
    options += ["--steps", "4", "--batch", "1", "--held-back", "0", "--workers", "0", "--output", str(tmp_path / "run")]
    assert main(["shelves", *options]) == 0
    model = str(tmp_path / "run" / "model")
    told = ["--data", str(data), "--output", str(tmp_path / "report"), "--limit", "3"]
    assert main(["shelves", "evaluate", model, *told]) == 1
    text = capsys.readouterr().out
    assert "under the gate of 0.80" in text
    assert "no profile for drift: 3 pictures, 20 are needed" in text


def test_files_that_are_no_shelf_segmenter_are_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ShelvesError, match="not a loadable ONNX file"):
        OnnxPredictor(tmp_path / "model.onnx")
    assert main(["shelves", "evaluate", str(tiny_matte(tmp_path / "matte")), "--data", str(tmp_path)]) == 2
    assert main(["shelves", "evaluate", str(tmp_path)]) == 2


def test_a_candidate_is_served_with_its_profile_unless_it_is_worse(tmp_path: Path) -> None:
    repository, data = tmp_path / "repository", write_painted(tmp_path / "data", 24, wrong=1)
    (repository / "shelf_segmenter").mkdir(parents=True)
    (repository / "shelf_segmenter" / "config.pbtxt").write_text("")
    candidate = by_colour(tmp_path / "candidate")
    card = json.loads((candidate / "model.json").read_text())
    digest = hashlib.sha256((candidate / "model.onnx").read_bytes()).hexdigest()
    (candidate / "model.json").write_text(json.dumps(card | {"sha256": digest, "proof": [{"ok": True}]}))
    command = ["shelves", "promote", str(candidate), "--data", str(data), "--repository", str(repository)]
    assert main([*command, "--gate", "0.99"]) == 1
    assert not (repository / "shelf_segmenter" / "1").exists()
    assert main(command) == 0
    served = repository / "shelf_segmenter" / "1"
    names = {"model.json", "model.onnx", "profile.json", "profile.npz"}
    assert {one.name for one in served.iterdir()} == names
    told = json.loads((served / "model.json").read_text())
    assert told["figures"]["pictures"] == 24
    assert 0.8 < told["figures"]["miou"] < 1
    (candidate / "model.json").write_text(json.dumps(card | {"sha256": digest, "proof": [{"ok": False}]}))
    assert main(command) == 2
