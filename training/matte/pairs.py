"""Folders of pictures with their masks: how a mask is found for a picture, and how both are read."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from training.matte.errors import MatteError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MASK_ENDINGS = (".mask", "_mask", "-mask", ".alpha", "_alpha", "-alpha", "_matte", "-matte")
MANIFEST = "manifest.jsonl"
_FIRST_QUARTER_TURN = 5  # EXIF orientations from here on swap width and height
# PNG before JPEG: where both exist, the lossless mask is the truth.
_SUFFIX_ORDER = (".png", ".tif", ".tiff", ".bmp", ".webp", ".jpg", ".jpeg")

Values: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Pair:
    """A picture and its mask on disk; `category` as its manifest says, empty where it says nothing."""

    name: str
    image: Path
    mask: Path
    category: str = ""


def find_pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder, sorted by name.

    A folder with a `manifest.jsonl` holds what its complete lines name, so that a set can be read while it still grows.
    Otherwise either `folder/images/NAME.*` with `folder/masks/NAME.*`, or both in one folder, the mask marked by its
    ending: `x.jpg` with `x.mask.png`, `x_mask.jpg`, `x-alpha.png`, ... Sizes are compared from the headers alone.

    Raises:
        MatteError: no such folder, no picture in it, a picture without mask, or the two differ in size.

    """
    if not folder.is_dir():
        raise MatteError(f"{folder}: no such folder")
    images, masks = folder / "images", folder / "masks"
    if (folder / MANIFEST).is_file():
        pairs = list(_from_manifest(folder))
    elif images.is_dir() and masks.is_dir():
        pairs = list(_from_two_folders(images, masks))
    else:
        pairs = list(_from_one_folder(folder))
    if not pairs:
        raise MatteError(f"{folder}: no pictures (looked for {' '.join(sorted(PICTURE_SUFFIXES))})")
    for pair in pairs:
        _check_sizes(pair)
    return pairs


def read_pair(pair: Pair) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The upright RGB picture [H, W, 3] and its alpha [H, W], both UINT8.

    A mask is its alpha channel where it has one that is not opaque throughout (a cut-out), else its grey.

    Raises:
        MatteError: one of the files is no picture, is cut short, or the two differ in size; the mask counts 0 and 1.

    """
    picture = read_picture(pair.image)
    alpha = _alpha(pair.mask)
    if picture.shape[:2] != alpha.shape:
        raise MatteError(f"{pair.mask}: mask is {_wh(alpha)}, its picture {pair.image} is {_wh(picture)}")
    return picture, alpha


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The upright RGB picture UINT8 [H, W, 3]. Raises MatteError."""
    return np.asarray(_decode(path, upright=True).convert("RGB"))


def read_numbers(path: Path) -> Values:
    """The one channel of a PNG of classes or numbers [H, W], as it is stored. Raises MatteError."""
    picture = _decode(path, upright=False)
    if picture.mode == "P" or picture.mode.startswith(("L", "I", "1")):
        values = np.asarray(picture)
        return values.astype(np.uint16) if picture.mode.startswith("I") else values.astype(np.uint8)
    raise MatteError(f"{path}: {picture.mode} colours; one channel of numbers is expected")


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)


def _by_stem(paths: Sequence[Path]) -> dict[str, Path]:
    ordered = sorted(paths, key=lambda p: _SUFFIX_ORDER.index(p.suffix.lower()), reverse=True)
    return {p.stem: p for p in ordered}


def _from_manifest(folder: Path) -> Iterator[Pair]:
    lines = (folder / MANIFEST).read_text().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            image, mask = folder / entry["image"], folder / entry["mask"]
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                return  # still being written
            raise MatteError(f"{folder / MANIFEST}: line {number} names no image and mask ({error})") from error
        yield Pair(image.stem, image, mask, str(entry.get("category", "")))


def _from_two_folders(images: Path, masks: Path) -> Iterator[Pair]:
    known = _by_stem(_pictures(masks))
    for image in _pictures(images):
        names = [image.stem, *(image.stem + ending for ending in MASK_ENDINGS)]
        mask = next((known[name] for name in names if name in known), None)
        if mask is None:
            raise MatteError(f"{image}: no mask; expected {masks / image.stem}.png")
        yield Pair(image.stem, image, mask)


def _from_one_folder(folder: Path) -> Iterator[Pair]:
    pictures = _pictures(folder)
    known = _by_stem([p for p in pictures if p.stem.endswith(MASK_ENDINGS)])
    for image in pictures:
        if image.stem in known:
            continue
        mask = next((known[image.stem + ending] for ending in MASK_ENDINGS if image.stem + ending in known), None)
        if mask is None:
            raise MatteError(f"{image}: no mask; expected {folder / image.stem}.mask.png")
        yield Pair(image.stem, image, mask)


def _check_sizes(pair: Pair) -> None:
    w, h = _header_size(pair.image, upright=True)
    mask_w, mask_h = _header_size(pair.mask, upright=False)
    if (w, h) != (mask_w, mask_h):
        raise MatteError(f"{pair.mask}: mask is {mask_w}x{mask_h}, its picture {pair.image} is {w}x{h}")


def _header_size(path: Path, *, upright: bool) -> tuple[int, int]:
    try:
        with Image.open(path) as picture:
            turned = upright and picture.getexif().get(ExifTags.Base.Orientation, 1) >= _FIRST_QUARTER_TURN
            return picture.size[::-1] if turned else picture.size
    except (OSError, UnidentifiedImageError) as error:
        raise MatteError(f"{path}: not a readable picture ({error})") from error


def _decode(path: Path, *, upright: bool) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
            return ImageOps.exif_transpose(picture) if upright else picture
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's decoders raise all three on broken files
        raise MatteError(f"{path}: not a readable picture ({error})") from error


def _values(mask: Image.Image) -> Values:
    if mask.mode.startswith("I"):
        return np.asarray(mask).astype(np.uint16)
    if mask.has_transparency_data:
        alpha = np.asarray(mask.convert("RGBA").getchannel("A"))
        if alpha.min() < np.iinfo(alpha.dtype).max:
            return alpha
    return np.asarray(mask.convert("L"))


def _alpha(path: Path) -> NDArray[np.uint8]:
    values = _values(_decode(path, upright=False))
    full = int(np.iinfo(values.dtype).max)
    if values.max() == 1:
        raise MatteError(f"{path}: no value above 1; a mask is 0 where the subject is not and {full} where it is")
    return (values // (full // 255)).astype(np.uint8)


def _wh(array: Values) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
