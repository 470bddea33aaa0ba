"""Networks that know instances: their masks put together, RF-DETR and YOLOv8 from checkpoint to version."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export import pictures
from export.contract import PIXELS
from export.convolutions import quantised
from export.errors import CheckpointError, ExportError, LicenceError
from export.exporter import export
from export.instance_ends import InstanceEnds
from export.instance_proof import Instances, painted, shape_iou
from export.network import resized
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import BOX_TOLERANCE, MASK_TOLERANCE, BoxTolerance, MaskTolerance, ShelfRole
from export.to_onnx import exported
from export.unchecked import unchecked
from tests.export.people import make_rf_detr as people_rf_detr
from tests.export.shelf_networks import SIDE, make_repository, make_rf_detr, make_segformer, settle

COUNT = 40
# Random weights put many instances on one another, at scores that are all alike.
LOOSE = MappingProxyType({one: MaskTolerance(0.9, 0.6, 255.0, 1e-3) for one in MASK_TOLERANCE})
LOOSE_BOXES = MappingProxyType({one: BoxTolerance(8.0, 2.0, 0.05, 0.1) for one in BOX_TOLERANCE})
RF_DETR = ShelfRole("shelf_segmenter_rf_detr", SIDE, ("detr",), count=COUNT, tolerance=LOOSE, boxes=LOOSE_BOXES)
YOLO = ShelfRole("shelf_segmenter_yolov8n", 320, ("yolo",), "yolov8n-seg", count=COUNT, tolerance=LOOSE)
MISSING = importlib.util.find_spec("ultralytics") is None
needs_ultralytics = pytest.mark.skipif(MISSING, reason="needs pip install -e '.[export,yolo]'")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=make_repository(tmp_path / "repository", RF_DETR, YOLO))


@settings(max_examples=20, deadline=None)
@example(count=11, h=16, seed=659, cropped=True)
@given(count=st.integers(1, 12), h=st.sampled_from([16, 24]), seed=st.integers(0, 9999), cropped=st.booleans())
def test_ends_give_each_pixel_to_the_instance_with_the_largest_mask(
    count: int, h: int, seed: int, *, cropped: bool
) -> None:
    """Against all masks enlarged: equal but for a few pixels around which several overlap."""
    share, known = _equal(count, h, seed, cropped=cropped)
    assert share > (0.999 if count == 1 else 0.94)
    assert known


@pytest.mark.parametrize("cropped", [False, True])
def test_ends_miss_few_pixels_on_average(*, cropped: bool) -> None:
    assert np.mean([_equal(1 + seed % 12, 16, seed, cropped=cropped)[0] for seed in range(100)]) > 0.996


def _equal(count: int, h: int, seed: int, *, cropped: bool) -> tuple[float, bool]:
    """The share of the pixels with the right instance, and whether the rest agrees with the instances."""
    rng = np.random.default_rng(seed)
    boxes, scores, classes, logits = _drafts(rng, count, h)
    size = 4 * h
    tensors = [torch.from_numpy(one[None]) for one in (boxes, scores, classes, logits.transpose(1, 2, 0).copy())]
    mask, confidence, instances = (one[0].numpy() for one in InstanceEnds(h, size, cropped=cropped)(*tensors))
    values = resized(logits[None], size)[0].astype(np.float64)
    values[scores == 0] = -np.inf
    places = np.arange(size) / size
    for index, (left, top, right, bottom) in enumerate(boxes if cropped else []):
        inside = (places >= left) & (places < right) & ((places >= top) & (places < bottom))[:, None]
        values[index] = np.where(inside, values[index], -np.inf)
    known = (mask == np.concatenate([[0], classes])[instances]).all() and confidence.shape == (h, h)
    return float((instances == painted(values, size)).mean()), bool(known)


@pytest.mark.parametrize("cropped", [False, True])
def test_ends_without_any_instance_are_empty_and_sure_of_it(*, cropped: bool) -> None:
    tensors = (torch.zeros(1, 5, 4), torch.zeros(1, 5), torch.zeros(1, 5, dtype=torch.int64), torch.ones(1, 8, 8, 5))
    mask, confidence, instances = InstanceEnds(8, 32, cropped=cropped)(*tensors)
    assert not mask.any()
    assert not instances.any()
    assert bool((confidence == 255).all())


def test_rf_detr_keeps_its_contract_and_its_instances(options: Options, tmp_path: Path) -> None:
    checkpoint = make_rf_detr(tmp_path / "rf_detr")
    with quiet_libraries():
        done = export(RF_DETR, str(checkpoint), options)
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["architecture"], facts["network_size"]) == ("RfDetrForInstanceSegmentation", 84)
    _insist_on_rows(done.folder, SIDE)


def test_rf_detr_without_masks_and_other_networks_are_refused(options: Options, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="takes detr checkpoints"), quiet_libraries():
        export(RF_DETR, str(make_segformer(tmp_path / "segformer")), options)
    people = people_rf_detr(tmp_path / "people")
    with pytest.raises(CheckpointError, match=r"its classes are bicycle, person, car; a shelf's are product"):
        export(RF_DETR, str(people), options)


@pytest.mark.skipif(not MISSING, reason="ultralytics is here")
def test_yolo_without_its_library_says_how_to_get_it(options: Options, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "best.pt")
    with pytest.raises(ExportError, match=r"best.pt needs ultralytics .*AGPL-3.0"):
        export(YOLO, str(tmp_path / "best.pt"), options)


def test_yolo_is_refused_where_only_commercial_use_counts(options: Options, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "best.pt")
    with pytest.raises(LicenceError, match=r"licence AGPL-3.0 \(known source\)"):
        export(YOLO, str(tmp_path / "best.pt"), replace(options, commercial_only=True, licence="MIT"))


@needs_ultralytics
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_yolo_is_what_ultralytics_makes_of_the_same_picture(options: Options, tmp_path: Path, precision: str) -> None:
    checkpoint = make_yolo(tmp_path / "best.pt")
    role = replace(YOLO, boxes=LOOSE_BOXES) if precision == "fp16" else YOLO
    with quiet_libraries():
        done = export(role, str(checkpoint), replace(options, precision=precision))  # type: ignore[arg-type]
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["licence"], facts["architecture"]) == ("AGPL-3.0", "yolov8n-seg")
    _insist_on_rows(done.folder, 320)


@needs_ultralytics
def test_a_file_that_would_run_code_is_not_read(options: Options, tmp_path: Path) -> None:
    torch.save({"model": Path}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="which is no layer"):
        export(YOLO, str(tmp_path / "evil.pt"), options)


def test_masks_of_instances_are_compared_by_what_covers_them() -> None:
    numbers = np.asarray([[1, 1, 0], [2, 2, 0]], dtype=np.int32)
    rows = np.zeros((2, 4)), np.ones(2), np.ones(2, dtype=np.int64), np.zeros(3)
    one = Instances(numbers, numbers.astype(np.uint8), *rows)
    other = replace(one, numbers=np.where(numbers > 0, 3 - numbers, 0).astype(np.int32))
    assert shape_iou(one, other) == 1.0
    assert shape_iou(replace(one, numbers=np.where(numbers == 1, 1, 0).astype(np.int32)), one) == pytest.approx(0.5)


def make_yolo(path: Path, size: int = 320) -> Path:
    """The real YOLOv8n with masks, random weights, as Ultralytics' trainer saves it."""
    from ultralytics.nn.tasks import SegmentationModel

    torch.manual_seed(3)
    network: Any = SegmentationModel("yolov8n-seg.yaml", nc=4, verbose=False)
    network.names = {0: "product", 1: "tag", 2: "board", 3: "empty"}
    planes = torch.from_numpy(pictures.drawn(size)).permute(0, 3, 1, 2).float() / 255
    settle(network, planes)
    _calm(network.model[-1], network, planes)
    smooth = network.model[-1].proto.cv3.bn  # prototypes of random weights are noise, and so would be every mask
    with torch.no_grad():
        smooth.weight.mul_(0.03)
        smooth.bias.fill_(1.0)
    torch.save({"model": network.half(), "ema": None}, path)
    return path


def _calm(head: Any, network: Any, planes: torch.Tensor) -> None:  # noqa: ANN401 - the library has no types
    """Scores of which a few in a thousand are above the least one, and no two alike."""
    with torch.no_grad():
        _, raw = network(planes)
        sides = [level.shape[-1] for level in raw["feats"]]
        for level, scores in enumerate(raw["scores"].split([side * side for side in sides], dim=2)):
            last = head.cv3[level][-1]
            gain = 1.2 / scores.std(dim=(0, 2))
            last.weight.mul_(gain[:, None, None, None])
            last.bias.mul_(gain).sub_(scores.mean(dim=(0, 2)) * gain + 5.2)


def _drafts(rng: np.random.Generator, count: int, h: int) -> tuple[Any, ...]:
    corners = np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1)
    boxes = corners.reshape(count, 4).astype(np.float32)
    scores = np.sort(rng.uniform(0.3, 1, count)).astype(np.float32)[::-1].copy()
    scores[rng.integers(1, count + 1) :] = 0
    smooth = resized(rng.normal(0, 1, (1, count, 3, 3)).astype(np.float32), h)[0]
    return boxes, scores, rng.integers(1, 5, count), smooth


def _insist_on_rows(folder: Path, size: int) -> None:
    session = ort.InferenceSession(folder / "model.onnx")
    batch = pictures.drawn(size, 2)
    mask, confidence, _, instances, boxes, scores, classes = session.run(None, {"pixels": batch})
    assert (mask.shape, confidence.shape) == ((2, size, size), (2, size // 4, size // 4))
    assert (boxes.shape, scores.shape, classes.shape) == ((2, COUNT, 4), (2, COUNT), (2, COUNT))
    assert (scores > 0).any()
    assert (np.diff(scores, axis=1) <= 0).all()
    assert instances.max() <= (scores > 0).sum(axis=1).max()
    assert not boxes[scores == 0].any()


def test_eight_bits_do_not_write_down_the_places_of_all_pixels() -> None:
    with quiet_libraries(), unchecked():
        graph = exported(_Drawn().eval(), torch.zeros(2, 128, 128, 3, dtype=torch.uint8), PIXELS, ["mask"], 18)
        smaller = quantised(graph, pictures.drawn(128, 2))
    assert "QuantizeLinear" in {node.op_type for node in smaller.graph.node}
    assert smaller.ByteSize() < graph.ByteSize() + 100_000  # the places alone are 131072 bytes for each neighbour


class _Drawn(torch.nn.Module):
    """Three instances by one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.paint = torch.nn.Conv2d(3, 3, 3, stride=8, padding=1)
        self.ends = InstanceEnds(16, 128, cropped=True)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits = self.paint(pixels.permute(0, 3, 1, 2) / 255.0)
        scores = logits.amax(dim=(2, 3)).sigmoid()
        boxes = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(pixels.shape[0], 3, 4)
        classes = torch.ones_like(scores, dtype=torch.int64)
        mask: torch.Tensor = self.ends(boxes, scores, classes, logits.movedim(1, 3))[0]
        return mask
