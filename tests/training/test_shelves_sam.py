"""SAM and SAM 2 draw the masks of boxes; SAM 2 where torchvision is."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.export.shelf_networks import make_segformer
from tests.training.sam_checkpoints import tiny_sam, tiny_sam2
from tests.training.test_shelves_bootstrap import H, W, write_pictures
from training.scenes.shelf.classes import ShelfClass
from training.shelves.annotations import read_annotations
from training.shelves.bootstrap import bootstrap
from training.shelves.errors import ShelvesError
from training.shelves.pictures import UNKNOWN, find_pictures, read, read_instances
from training.shelves.sam import Masker

MISSING = importlib.util.find_spec("torchvision") is None
needs_torchvision = pytest.mark.skipif(MISSING, reason="SAM 2 needs torchvision: pip install '.[training,torchvision]'")
MAKERS = [
    pytest.param(tiny_sam, id="sam"),
    pytest.param(tiny_sam2, id="sam2", marks=needs_torchvision),
]
Maker = Callable[[Path], Path]


@pytest.mark.parametrize("make", MAKERS)
def test_masks_have_the_pictures_size_however_many_boxes_there_are(make: Maker, tmp_path: Path) -> None:
    masker = Masker(str(make(tmp_path / "sam")))
    picture = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    boxes = [(float(x), 4.0, float(x + 20), 40.0) for x in range(70)]
    masks, scores = masker(picture, boxes)
    assert (masks.shape, scores.shape) == ((70, H, W), (70,))
    assert masks.dtype == np.bool_
    few, _ = masker(picture, boxes[:3])
    assert np.mean(few == masks[:3]) > 0.99
    assert np.mean(masks[0] == masks[60]) < 1 or not masks.any()


@pytest.mark.parametrize("make", MAKERS)
def test_boxes_that_overlap_or_reach_beyond_the_picture(make: Maker, tmp_path: Path) -> None:
    rows = ["5,5,60,50", "30,5,90,50", "70,40,500,500", "-60,-50,-5,-5", "200,10,260,40", "10,10,10,30"]
    lines = [f"0.jpg,{box},object,{W},{H}\n" for box in rows]
    (tmp_path / "boxes.csv").write_text("".join(lines) + "\n")
    images = write_pictures(tmp_path / "images", 1)
    annotated = read_annotations(tmp_path / "boxes.csv")
    made = bootstrap(annotated, images, tmp_path / "set", Masker(str(make(tmp_path / "sam"))))
    assert (made.pictures, made.skipped) == (1, {})
    (picture,) = find_pictures(tmp_path / "set")
    classes, numbers = read(picture)[1], read_instances(picture)
    assert numbers is not None
    assert set(np.unique(classes)) <= {ShelfClass.PRODUCT, UNKNOWN}
    assert np.array_equal(numbers > 0, classes == ShelfClass.PRODUCT)
    assert int(numbers.max()) <= 3
    boxed = np.zeros((H, W), np.bool_)
    boxed[5:50, 5:90] = True
    boxed[40:, 70:] = True
    assert not numbers[~boxed].any()


@pytest.mark.skipif(not MISSING, reason="torchvision is here")
def test_without_torchvision_sam_2_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "sam2"}')
    with pytest.raises(ShelvesError, match=r"SAM 2 needs torchvision: pip install"):
        Masker(str(tmp_path))


def test_other_checkpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(ShelvesError, match="cannot be loaded as SAM or SAM 2"):
        Masker(str(tmp_path))
    with pytest.raises(ShelvesError, match="its type is segformer"):
        Masker(str(make_segformer(tmp_path / "segformer")))
    broken = tiny_sam(tmp_path / "sam")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ShelvesError, match="cannot be loaded as SAM or SAM 2"):
        Masker(str(broken))
