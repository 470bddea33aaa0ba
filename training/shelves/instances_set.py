"""Sets for trainers of networks that find things one by one: YOLO's labels, and COCO's JSON as RF-DETR has it."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from training.scenes.shelf.classes import ShelfClass
from training.shelves.errors import ShelvesError
from training.shelves.pictures import CLASSES, ShelfPicture, held_back, read
from training.shelves.things import KINDS, ROOM, numbered, products_of

_CORNERS = 3
_JSON = "_annotations.coco.json"
_VALIDATION = 0.05

Held = NDArray[np.bool_]


def write_set(pictures: Sequence[ShelfPicture], output: Path, form: str) -> tuple[int, int]:
    """Write a set; how many pictures are to learn from and how many, of other aisles, to validate with.

    Raises:
        ShelvesError: a picture whose products are not known one by one, pictures of one aisle only, or a folder that is
            not empty.
    """
    if output.exists() and any(output.iterdir()):
        raise ShelvesError(f"{output}: is not empty")
    learnt, kept = _parts(pictures)
    write = _write_yolo if form == "yolo" else _write_coco
    for name, some in (("train", learnt), ("val" if form == "yolo" else "valid", kept)):
        write(some, output, name)
    if form == "yolo":
        names = {index: CLASSES[kind] for index, kind in enumerate(KINDS)}
        told = {"path": str(output.resolve()), "train": "images/train", "val": "images/val", "names": names}
        (output / "data.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    return len(learnt), len(kept)


def _parts(pictures: Sequence[ShelfPicture]) -> tuple[list[ShelfPicture], list[ShelfPicture]]:
    """Trainers want both: of a small set, in which chance holds nothing back, the first aisle by name is."""
    learnt, kept = held_back(pictures, _VALIDATION, len(pictures))
    if not kept:
        first = min(one.group or one.name for one in pictures)
        learnt = [one for one in pictures if (one.group or one.name) != first]
        kept = [one for one in pictures if (one.group or one.name) == first]
    if not learnt:
        raise ShelvesError("all pictures are of one aisle; a trainer validates with those of another: take more")
    return learnt, kept


def things(picture: ShelfPicture) -> Iterator[tuple[ShelfClass, Held]]:
    """Each thing with its pixels [H, W]. Raises ShelvesError where products are not known one by one."""
    products = products_of(picture)
    values = numbered(read(picture)[1], products)
    for value in np.unique(values[values > 0]):
        yield ShelfClass(int(value) % ROOM), values == value


def _write_yolo(pictures: Sequence[ShelfPicture], output: Path, name: str) -> None:
    images, labels = output / "images" / name, output / "labels" / name
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        _place(picture.image, images / f"{number:06d}{picture.image.suffix}")
        lines = [line for kind, held in things(picture) if (line := _polygon(kind, held))]
        (labels / f"{number:06d}.txt").write_text("".join(lines))


def _polygon(kind: ShelfClass, held: Held) -> str:
    """The outline of the largest part as shares of the picture; empty where it has no area."""
    outlines = cv2.findContours(held.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    largest = max(outlines, key=cv2.contourArea)[:, 0]
    if len(largest) < _CORNERS:
        return ""
    shares = (largest + 0.5) / np.array(held.shape[::-1])
    return f"{KINDS.index(kind)} " + " ".join(f"{value:.5f}" for value in shares.ravel()) + "\n"


def _write_coco(pictures: Sequence[ShelfPicture], output: Path, name: str) -> None:
    from imaging import rle

    folder = output / name
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, start=1):
        file = f"{number:06d}{picture.image.suffix}"
        _place(picture.image, folder / file)
        shape: tuple[int, ...] = read(picture)[1].shape
        images.append({"id": number, "file_name": file, "height": shape[0], "width": shape[1]})
        for kind, held in things(picture):
            left, top, width, height = cv2.boundingRect(held.astype(np.uint8))
            facts = {"id": len(found) + 1, "image_id": number, "category_id": int(kind), "iscrowd": 0}
            box = {"bbox": [left, top, width, height], "area": int(held.sum())}
            found.append({**facts, **box, "segmentation": rle.encode(held)})
    categories = [{"id": int(kind), "name": CLASSES[kind]} for kind in KINDS]
    (folder / _JSON).write_text(json.dumps({"images": images, "annotations": found, "categories": categories}))


def _place(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
