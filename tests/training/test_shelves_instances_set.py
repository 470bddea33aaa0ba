import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tests.training.shelf_data import write_shelves
from training.__main__ import main
from training.matte.pairs import MANIFEST
from training.shelves.annotations import read_annotations
from training.shelves.bootstrap import bootstrap
from training.shelves.errors import ShelvesError
from training.shelves.instances_set import things, write_set
from training.shelves.pictures import CLASSES, find_pictures, read
from training.shelves.things import KINDS


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, of an aisle each; the second is validated with."""
    folder = write_shelves(tmp_path_factory.mktemp("shelves"), 2, size=160)
    lines = [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]
    told = [line | {"group": group} for line, group in zip(lines, ("b", "a"), strict=True)]
    (folder / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in told))
    return folder


def test_coco_s_set_reads_back_as_the_classes_it_was_made_of(shelves: Path, tmp_path: Path) -> None:
    assert write_set(find_pictures(shelves), tmp_path / "coco", "coco") == (1, 1)
    for part, first in zip(("train", "valid"), find_pictures(shelves), strict=True):
        folder = tmp_path / "coco" / part
        annotated = read_annotations(folder / "_annotations.coco.json")
        bootstrap(annotated, folder, tmp_path / part, None, 0)
        (again,) = find_pictures(tmp_path / part)
        held = np.any([pixels for _, pixels in things(first)], axis=0)
        assert held.mean() > 0.2
        assert np.array_equal(read(again)[1], np.where(held, read(first)[1], 0))
    with pytest.raises(ShelvesError, match="is not empty"):
        write_set(find_pictures(shelves), tmp_path / "coco", "coco")


def test_yolo_s_polygons_cover_their_things(shelves: Path, tmp_path: Path) -> None:
    assert (
        main(["shelves", "instances", "--data", str(shelves), "--output", str(tmp_path / "y"), "--format", "yolo"]) == 0
    )
    told = yaml.safe_load((tmp_path / "y" / "data.yaml").read_text())
    assert told["names"] == dict(enumerate(CLASSES[1:]))
    picture = find_pictures(shelves)[0]
    lines = (tmp_path / "y" / "labels" / "train" / "000000.txt").read_text().splitlines()
    assert (tmp_path / "y" / "labels" / "val" / "000000.txt").read_text()
    held = list(things(picture))
    assert 0 < len(lines) <= len(held)
    shape = read(picture)[1].shape
    drawn = np.zeros(shape, np.uint8)
    for line in lines:
        kind, *values = line.split()
        if KINDS[int(kind)].name == "PRODUCT":
            corners = np.array(values, float).reshape(-1, 2) * np.array(shape[::-1]) - 0.5
            cv2.fillPoly(drawn, [np.round(corners).astype(np.int32)], 1)
    products = np.any([one for kind, one in held if kind.name == "PRODUCT"], axis=0)
    assert (drawn[products] > 0).mean() > 0.9


def test_pictures_of_one_aisle_cannot_be_validated_with(shelves: Path, tmp_path: Path) -> None:
    with pytest.raises(ShelvesError, match="all pictures are of one aisle"):
        write_set(find_pictures(shelves)[:1], tmp_path / "one", "yolo")
    assert not (tmp_path / "one").exists()


def test_pictures_without_products_one_by_one_are_refused(shelves: Path, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / "plain" / folder).mkdir(parents=True)
    for one in find_pictures(shelves):
        for name, file in (("images", one.image), ("masks", one.mask)):
            (tmp_path / "plain" / name / file.name).write_bytes(file.read_bytes())
    command = ["shelves", "instances", "--data", str(tmp_path / "plain"), "--output", str(tmp_path / "y")]
    assert main([*command, "--format", "yolo"]) == 2
