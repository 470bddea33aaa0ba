"""A training set from annotated pictures: masks that people drew, and for boxes the masks that SAM draws in them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.heads.head import replace
from training.matte.errors import MatteError
from training.matte.pairs import MANIFEST, read_picture
from training.scenes.shelf.classes import ShelfClass
from training.shelves.annotations import Annotated, Thing
from training.shelves.errors import ShelvesError
from training.shelves.pictures import UNKNOWN
from training.shelves.sam import Masker

SKIPPED = "skipped.jsonl"
_LEAST = 0.15  # of its box: a mask of SAM that fills less has missed the thing


@dataclass(frozen=True)
class Made:
    """How many pictures the folder has, how many of them are new, and what was wrong with the others, by name."""

    pictures: int
    new: int
    skipped: dict[str, str]


def bootstrap(
    annotated: Sequence[Annotated], images: Path, output: Path, masker: Masker | None, outside: int = UNKNOWN
) -> Made:
    """Write images/, masks/, instances/ and manifest.jsonl, going on where an earlier run ended.

    `outside` is what pixels are that no thing holds: UNKNOWN, or a class where everything of it was annotated. Pictures
    that cannot be read are listed in skipped.jsonl.

    Raises:
        ShelvesError: the folder holds another set, or there are boxes without masks and no `masker`.
    """
    done = _done(output, annotated)
    for name in ("images", "masks", "instances"):
        (output / name).mkdir(parents=True, exist_ok=True)
    skipped: dict[str, str] = {}
    with (output / MANIFEST).open("a", encoding="utf-8") as manifest:
        for index, one in enumerate(annotated):
            if index in done:
                continue
            try:
                line = _make(index, one, images, output, (masker, outside))
            except MatteError as error:
                skipped[one.name] = str(error)
                continue
            manifest.write(json.dumps(line) + "\n")
            manifest.flush()
    lines = "".join(json.dumps({"image": name, "reason": reason}) + "\n" for name, reason in skipped.items())
    replace(output / SKIPPED, lines.encode())
    return Made(len(annotated) - len(skipped), len(annotated) - len(skipped) - len(done), skipped)


def _done(output: Path, annotated: Sequence[Annotated]) -> set[int]:
    """What is there already; a last line that was cut short is taken away."""
    path = output / MANIFEST
    if not path.exists():
        return set()
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    replace(path, "".join(whole).encode())
    done = set()
    for line in map(json.loads, whole):
        index = int(line.get("index", -1))
        if not 0 <= index < len(annotated) or line.get("original") != annotated[index].name:
            raise ShelvesError(f"{output}: holds another set; choose an empty folder")
        done.add(index)
    return done


def _make(index: int, one: Annotated, images: Path, output: Path, how: tuple[Masker | None, int]) -> dict[str, Any]:
    masker, outside = how
    source = images / one.name
    if not source.resolve().is_relative_to(images.resolve()):
        raise MatteError(f"{one.name}: lies outside {images}")
    picture = read_picture(source)
    painted = _painted(picture, one.things, masker, outside)
    suffix = source.suffix.lower() or ".jpg"
    names = {"image": f"images/{index:06d}{suffix}", "mask": f"masks/{index:06d}.png"}
    names["instances"] = f"instances/{index:06d}.png"
    shutil.copyfile(source, output / names["image"])
    cv2.imwrite(str(output / names["mask"]), painted.classes)
    cv2.imwrite(str(output / names["instances"]), painted.numbers)
    height, width = painted.classes.shape
    facts = {"width": width, "height": height, "products": int(painted.numbers.max()), "doubtful": painted.doubtful}
    return {"index": index, **names, "original": one.name, "group": one.name, **facts}


@dataclass
class _Painted:
    """`classes` UINT8 [H, W], `numbers` UINT16 [H, W] of products."""

    classes: NDArray[np.uint8]
    numbers: NDArray[np.uint16]
    doubtful: int = 0
    products: int = 0

    def paint(self, thing: Thing, held: NDArray[np.bool_]) -> None:
        left, top, right, bottom = _window(thing, self.classes.shape)
        inside = held[top:bottom, left:right]
        if thing.segment is None and (not inside.size or inside.mean() < _LEAST):
            self.doubtful += 1
            self.classes[top:bottom, left:right] = UNKNOWN
            return
        self.classes[top:bottom, left:right][inside] = thing.kind
        if thing.kind is ShelfClass.PRODUCT:
            self.products += 1
            self.numbers[top:bottom, left:right][inside] = self.products
        else:
            self.numbers[top:bottom, left:right][inside] = 0


def _painted(picture: NDArray[np.uint8], things: Sequence[Thing], masker: Masker | None, outside: int) -> _Painted:
    """What was drawn best comes last, over the rest."""
    shape = picture.shape[:2]
    painted = _Painted(np.full(shape, outside, np.uint8), np.zeros(shape, np.uint16))
    boxed = [_clipped(thing, shape) for thing in things if thing.segment is None and _is_seen(thing, shape)]
    if boxed:
        if masker is None:
            raise ShelvesError("there are boxes without masks; --checkpoint names the SAM that draws them")
        masks, scores = masker(picture, [thing.box for thing in boxed])
        for place in np.argsort(scores, kind="stable"):
            painted.paint(boxed[place], masks[place])
    for thing in things:
        if thing.segment is not None:
            painted.paint(thing, _decoded(thing.segment, shape))
    painted.numbers = _counted(painted.numbers)
    return painted


def _counted(numbers: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Numbered from 1 without gaps, for one that is hidden wholly is gone."""
    table = np.zeros(int(numbers.max()) + 1, np.uint16)
    seen = np.unique(numbers[numbers > 0])
    table[seen] = np.arange(1, len(seen) + 1)
    return np.asarray(table[numbers], np.uint16)


def _window(thing: Thing, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Of the picture, in pixels; empty where the box lies outside of it."""
    left, top, right, bottom = thing.box
    height, width = shape
    left, top = max(0, int(left)), max(0, int(top))
    return left, top, max(left, min(width, int(np.ceil(right)))), max(top, min(height, int(np.ceil(bottom))))


def _is_seen(thing: Thing, shape: tuple[int, ...]) -> bool:
    left, top, right, bottom = _window(thing, shape)
    return right > left and bottom > top


def _clipped(thing: Thing, shape: tuple[int, ...]) -> Thing:
    left, top, right, bottom = thing.box
    height, width = shape
    return Thing((max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)), thing.kind)


def _decoded(segment: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ANN401 - polygons or an RLE
    """COCO's polygons, RLE or its compressed text. Raises MatteError where it is none of a picture of this size."""
    from imaging import rle

    try:
        if isinstance(segment, dict):
            held = rle.decode({"size": list(segment["size"]), "counts": segment["counts"]})
        else:
            held = _filled([np.asarray(one, np.float64).reshape(-1, 2) for one in segment], shape)
    except (rle.RleError, ValueError, TypeError, KeyError, cv2.error) as error:
        raise MatteError(f"a segmentation is neither polygons nor an RLE ({error})") from error
    if held.shape != shape:
        width, height = shape[::-1]
        raise MatteError(f"a segmentation is of {held.shape[1]}x{held.shape[0]} pixels, its picture {width}x{height}")
    return np.asarray(held, np.bool_)


def _filled(polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Corners lie between pixels; OpenCV's lie on their middles, with so many bits behind the point."""
    bits = 4
    held = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(held, [np.round((polygon - 0.5) * 2**bits).astype(np.int32)], 1, shift=bits)
    return held > 0
