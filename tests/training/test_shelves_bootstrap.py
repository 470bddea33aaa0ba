import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging import rle
from tests.training.sam_checkpoints import tiny_sam
from training.__main__ import main
from training.matte.errors import MatteError
from training.scenes.shelf.classes import ShelfClass
from training.shelves.annotations import read_annotations
from training.shelves.bootstrap import _decoded, bootstrap
from training.shelves.errors import ShelvesError
from training.shelves.pictures import UNKNOWN, find_pictures, read, read_instances

W, H = 96, 64
ROWS = "0.jpg,10,10,40,50,object,96,64\n0.jpg,50,8,80,60,object,96,64\n1.jpg,5,5,30,30,object,96,64\n"


def write_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(3)
    for index in range(count):
        Image.fromarray(rng.integers(0, 256, (H, W, 3), dtype=np.uint8)).save(folder / f"{index}.jpg")
    return folder


def test_boxes_of_sku_110k_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("image,x1,y1,x2,y2,class,width,height\n" + ROWS + "1.jpg,9,9,9,20,object,96,64\n")
    first, second = read_annotations(path)
    assert [thing.box for thing in first.things] == [(10, 10, 40, 50), (50, 8, 80, 60)]
    assert len(second.things) == 1
    path.write_text(ROWS + "1.jpg,9,9,20\n")
    with pytest.raises(ShelvesError, match="line 4 is not image,x1"):
        read_annotations(path)
    path.write_text(ROWS + "1.jpg,9,nan,20,30,object,96,64\n")
    with pytest.raises(ShelvesError, match="line 4 is not image,x1"):
        read_annotations(path)
    path.write_text("\n" + ROWS + "\n  \n")
    assert [len(one.things) for one in read_annotations(path)] == [2, 1]
    path.write_text("")
    with pytest.raises(ShelvesError, match="no pictures"):
        read_annotations(path)


def coco(path: Path, categories: list[str]) -> Path:
    polygon, corner = [[10, 10, 40, 10, 40, 50, 10, 50]], [[60, 4, 80, 4, 80, 12]]
    things = [
        {"image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 40], "segmentation": polygon},
        {"image_id": 1, "category_id": len(categories), "bbox": [60, 4, 20, 8], "segmentation": corner},
    ]
    named = [{"id": number, "name": name} for number, name in enumerate(categories, start=1)]
    images = [{"id": 1, "file_name": "0.jpg"}, {"id": 2, "file_name": "1.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": things, "categories": named}))
    return path


def test_masks_of_coco_become_classes_and_products(tmp_path: Path) -> None:
    path = coco(tmp_path / "coco.json", ["bottle", "price label"])
    with pytest.raises(ShelvesError, match="--class bottle=CLASS"):
        read_annotations(path)
    with pytest.raises(ShelvesError, match="--class bottle=CLASS"):
        read_annotations(path, {"bottle": "drink"})
    found = read_annotations(path, {"bottle": "product", "price label": "tag"})
    images = write_pictures(tmp_path / "images", 2)
    made = bootstrap(found, images, tmp_path / "set", None, ShelfClass.BACKGROUND)
    assert (made.pictures, made.new, made.skipped) == (2, 2, {})
    first, second = find_pictures(tmp_path / "set")
    classes, numbers = read(first)[1], read_instances(first)
    assert numbers is not None
    assert classes[30, 25] == ShelfClass.PRODUCT
    assert classes[5, 78] == ShelfClass.TAG
    assert classes[60, 90] == ShelfClass.BACKGROUND
    assert set(np.unique(numbers)) == {0, 1}
    assert np.array_equal(numbers > 0, classes == ShelfClass.PRODUCT)
    assert not read(second)[1].any()


def test_sam_draws_masks_in_boxes_and_a_run_goes_on_where_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, boxes, output = write_pictures(tmp_path / "images", 2), tmp_path / "boxes.csv", tmp_path / "set"
    boxes.write_text(ROWS + "2.jpg,5,5,30,30,object,96,64\n../boxes.csv,5,5,30,30,object,96,64\n")
    (images / "2.jpg").write_bytes((images / "1.jpg").read_bytes()[:300])
    command = ["shelves", "bootstrap", "--annotations", str(boxes), "--images", str(images), "--output", str(output)]
    command += ["--checkpoint", str(tiny_sam(tmp_path / "sam"))]
    assert main(command) == 0
    assert "2 pictures, 2 made now, 2 skipped" in capsys.readouterr().out
    skipped = [json.loads(line)["image"] for line in (output / "skipped.jsonl").read_text().splitlines()]
    assert skipped == ["../boxes.csv", "2.jpg"]
    for picture in find_pictures(output):
        classes = read(picture)[1]
        assert set(np.unique(classes)) <= {ShelfClass.PRODUCT, UNKNOWN}
    manifest = output / "manifest.jsonl"
    manifest.write_text(manifest.read_text() + '{"index": 1')
    (images / "2.jpg").write_bytes((images / "1.jpg").read_bytes())
    assert main(command) == 0
    assert "3 pictures, 1 made now, 1 skipped" in capsys.readouterr().out
    boxes.write_text(ROWS.replace("0.jpg", "9.jpg"))
    assert main(command) == 2


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    images, boxes = write_pictures(tmp_path / "images", 2), tmp_path / "boxes.csv"
    boxes.write_text(ROWS)
    with pytest.raises(ShelvesError, match="--checkpoint names the SAM"):
        bootstrap(read_annotations(boxes), images, tmp_path / "set", None)


@pytest.mark.parametrize("form", ["runs", "text", "polygon"])
def test_a_segmentation_is_read_in_each_of_its_forms(form: str) -> None:
    held = np.zeros((H, W), np.bool_)
    held[10:40, 20:60] = True
    forms = {
        "runs": dict(rle.encode(held, compressed=False)),
        "text": dict(rle.encode(held)),
        "polygon": [[20, 10, 60, 10, 60, 40, 20, 40]],
    }
    found = _decoded(forms[form], (H, W))
    assert np.mean(found == held) > 0.97
    with pytest.raises(MatteError, match="a segmentation is"):
        _decoded({"size": [4, 4], "counts": [3, 2]}, (H, W))
    with pytest.raises(MatteError, match="a segmentation is"):
        _decoded("nonsense", (H, W))
