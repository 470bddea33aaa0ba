"""Folders of shelf pictures with their masks of classes, and of products where these are known one by one."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.matte.pairs import MANIFEST, Values, find_pairs, read_numbers, read_picture
from training.scenes.shelf.classes import ShelfClass
from training.shelves.errors import ShelvesError

CLASSES = tuple(kind.name.lower() for kind in ShelfClass)
UNKNOWN = 255
"""A pixel of which nobody says what it is: neither learnt nor counted."""


@dataclass(frozen=True)
class ShelfPicture:
    """On disk. `group` names what pictures have in common that must not be split, an aisle or a clip."""

    name: str
    image: Path
    mask: Path
    instances: Path | None = None
    group: str = ""


def find_pictures(folder: Path) -> list[ShelfPicture]:
    """The pictures of a folder: what the complete lines of its `manifest.jsonl` name, clips frame by frame.

    Without a manifest, `images/NAME.*` with `masks/NAME.*`; `instances/NAME.png` is optional in both.

    Raises:
        ShelvesError: no such folder, no picture in it, a broken manifest.
        MatteError: without a manifest, a picture without mask.
    """
    if not folder.is_dir():
        raise ShelvesError(f"{folder}: no such folder")
    if (folder / MANIFEST).is_file():
        found = [picture for line in _lines(folder) for picture in _of_line(folder, line)]
    else:
        found = [_of_files(folder, pair.image, pair.mask) for pair in find_pairs(folder)]
    if not found:
        raise ShelvesError(f"{folder}: no pictures")
    return found


def read(picture: ShelfPicture) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The upright RGB picture UINT8 [H, W, 3] and its classes UINT8 [H, W], 0..4 or UNKNOWN.

    Raises:
        MatteError: a file is no picture, or is cut short.
        ShelvesError: the two differ in size, or the mask has other values.
    """
    pixels, classes = read_picture(picture.image), read_numbers(picture.mask).astype(np.uint8)
    if pixels.shape[:2] != classes.shape:
        raise ShelvesError(f"{picture.mask}: {_wh(classes)}, its picture {picture.image} is {_wh(pixels)}")
    counts = np.bincount(classes.ravel(), minlength=UNKNOWN + 1)
    if counts[len(CLASSES) : UNKNOWN].any():
        value = len(CLASSES) + int(counts[len(CLASSES) : UNKNOWN].argmax())
        raise ShelvesError(f"{picture.mask}: value {value}; 0 to {len(CLASSES) - 1} and {UNKNOWN} are expected")
    return pixels, classes


def read_instances(picture: ShelfPicture) -> Values | None:
    """The products [H, W], numbered from 1, 0 where none is; None where they are not known."""
    return None if picture.instances is None else read_numbers(picture.instances)


def held_back(
    pictures: Sequence[ShelfPicture], share: float, most: int
) -> tuple[list[ShelfPicture], list[ShelfPicture]]:
    """Pictures to learn from and others to look at meanwhile, whole groups of them, at most so many.

    A group's side follows from its name: it keeps it in a set that grows.
    """
    back = [one for one in pictures if _fraction(one.group or one.name) < share]
    learnt = [one for one in pictures if _fraction(one.group or one.name) >= share]
    chosen = [back[index] for index in np.linspace(0, len(back) - 1, min(most, len(back))).round().astype(int)]
    return learnt, chosen


def _fraction(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if number < len(lines) or line.endswith("\n"):  # else it is still being written
            yield _line(line, f"{folder / MANIFEST}: line {number}")


def _line(text: str, place: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(text)
        return {**entry, "image": str(entry["image"]), "mask": str(entry["mask"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ShelvesError(f"{place} names no image and mask ({error})") from error


def _of_line(folder: Path, line: dict[str, Any]) -> Iterator[ShelfPicture]:
    image, mask = folder / line["image"], folder / line["mask"]
    instances = folder / line["instances"] if line.get("instances") else None
    group = str(line.get("group", ""))
    if not line.get("frames"):
        yield ShelfPicture(image.stem, image, mask, instances, group)
        return
    for frame in range(int(line["frames"])):
        stem = f"{frame:05d}"
        one = None if instances is None else instances.with_name(f"{stem}.png")
        name = f"{image.parent.name}/{stem}"
        yield ShelfPicture(name, image.with_name(f"{stem}.jpg"), mask.with_name(f"{stem}.png"), one, group)


def _of_files(folder: Path, image: Path, mask: Path) -> ShelfPicture:
    instances = folder / "instances" / f"{image.stem}.png"
    return ShelfPicture(image.stem, image, mask, instances if instances.is_file() else None)


def _wh(array: NDArray[np.uint8]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
