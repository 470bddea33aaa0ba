"""Pictures that people have annotated: boxes in a CSV as SKU-110K has it, and COCO's JSON of boxes and masks."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.scenes.shelf.classes import ShelfClass
from training.shelves.errors import ShelvesError
from training.shelves.pictures import CLASSES

_COLUMNS = 8
_PRODUCT_NAMES = frozenset({"object", "product", "sku", "item"})


@dataclass(frozen=True)
class Thing:
    """`box` is xmin, ymin, xmax, ymax in pixels; `segment` COCO's polygons or RLE, None where only the box is known."""

    box: tuple[float, float, float, float]
    kind: ShelfClass
    segment: Any = None


@dataclass(frozen=True)
class Annotated:
    """`name` is the picture's file within its folder."""

    name: str
    things: tuple[Thing, ...]


def read_annotations(path: Path, names: Mapping[str, str] | None = None) -> list[Annotated]:
    """The pictures of a `.csv` or `.json`, sorted by name; boxes without area are left out.

    `names` says for a category of the JSON which class it is; a category of a class's name is that one, and the only
    category of a file is the product.

    Raises:
        ShelvesError: not readable, or a category that is nothing known.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ShelvesError(f"{path}: not readable ({error})") from error
    found = _of_coco(path, text, names or {}) if path.suffix.lower() == ".json" else _of_csv(path, text)
    things: dict[str, list[Thing]] = {}
    for name, thing in found:
        held = things.setdefault(name, [])
        if thing is not None and thing.box[2] > thing.box[0] and thing.box[3] > thing.box[1]:
            held.append(thing)
    if not things:
        raise ShelvesError(f"{path}: no pictures")
    return [Annotated(name, tuple(things[name])) for name in sorted(things)]


Found = Iterator[tuple[str, Thing | None]]


def _of_csv(path: Path, text: str) -> Found:
    """Rows of image, x1, y1, x2, y2, class, width, height; a first row of names is left out."""
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        if not any(value.strip() for value in row) or (number == 1 and not _is_number(row[1] if len(row) > 1 else "")):
            continue
        if len(row) != _COLUMNS or not all(_is_number(value) for value in row[1:5]):
            raise ShelvesError(f"{path}: line {number} is not image,x1,y1,x2,y2,class,width,height")
        left, top, right, bottom = (float(value) for value in row[1:5])
        yield row[0], Thing((left, top, right, bottom), ShelfClass.PRODUCT)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _of_coco(path: Path, text: str, names: Mapping[str, str]) -> Found:
    try:
        facts = json.loads(text)
        files = {one["id"]: str(one["file_name"]) for one in facts["images"]}
        kinds = _kinds(path, facts["categories"], names)
        for name in files.values():
            yield name, None
        for one in facts["annotations"]:
            if not one.get("iscrowd"):
                yield files[one["image_id"]], _thing(one, kinds)
    except (ValueError, KeyError, TypeError) as error:
        raise ShelvesError(f"{path}: not COCO's JSON ({type(error).__name__}: {error})") from error


def _thing(one: Mapping[str, Any], kinds: Mapping[Any, ShelfClass]) -> Thing:
    left, top, width, height = (float(value) for value in one["bbox"])
    box = (left, top, left + width, top + height)
    return Thing(box, kinds[one["category_id"]], one.get("segmentation") or None)


def _kinds(path: Path, categories: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> dict[Any, ShelfClass]:
    found = {}
    for one in categories:
        name = str(one["name"]).strip().lower().replace(" ", "_")
        wanted = names.get(str(one["name"]), name)
        if wanted in _PRODUCT_NAMES or (len(categories) == 1 and wanted not in CLASSES):
            wanted = "product"
        if wanted not in CLASSES:
            raise ShelvesError(
                f"{path}: category {one['name']!r} is no class; say --class {one['name']}=CLASS with one of "
                f"{', '.join(CLASSES)}"
            )
        found[one["id"]] = ShelfClass(CLASSES.index(wanted))
    return found
