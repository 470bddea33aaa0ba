"""Pictures for the proof: noise, photographs from a folder, or drawn ones where there is no folder."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from export.errors import UsageError
from export.processor import Pictures

COUNT = 3
PHOTOGRAPHS = 6
LEAST_OTHERS, MOST_OTHERS = 16, 64
# What Pillow raises for files that are damaged, or so large that they must be a trick.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Samples:
    """What a network is tried on beside noise, pictures or tokens; `label` says in the proof's table what it is."""

    label: str
    batch: npt.NDArray[Any]


def samples(side: int, folder: Path | None = None) -> Samples:
    """Photographs where there is a folder of them, else drawn pictures."""
    return real(side, folder) if folder else Samples("drawn", drawn(side))


def noise(side: int, count: int = COUNT) -> Pictures:
    return np.random.default_rng(20).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def flat(side: int) -> Pictures:
    """One colour each: no resize rule can change them, so they show scale, mean and deviation alone."""
    colours = np.asarray([[0, 0, 0], [255, 255, 255], [255, 0, 128], [12, 200, 77]], dtype=np.uint8)
    return np.broadcast_to(colours[:, None, None, :], (len(colours), side, side, 3)).copy()


def drawn(side: int, count: int = COUNT) -> Pictures:
    return np.stack([_drawn(side, seed) for seed in range(count)])


def real(side: int, folder: Path, count: int = PHOTOGRAPHS) -> Samples:
    """`count` pictures [n, side, side, 3], spread evenly over the folder's names; upright RGB, squashed to a square."""
    chosen = _spread(_paths(folder), count)
    label = f"photographs ({len(set(chosen))} from {folder.resolve().name})"
    return Samples(label, np.stack([_read(path, side) for path in chosen]))


def others(side: int, folder: Path) -> Pictures:
    """Up to 64 pictures [n, side, side, 3] of the folder, none of which `real` gives. Raises UsageError below 16."""
    paths = _paths(folder)
    left = sorted({*paths} - {*_spread(paths, PHOTOGRAPHS)})
    if len(left) < LEAST_OTHERS:
        raise UsageError(
            f"{folder}: {len(paths)} pictures; at least {LEAST_OTHERS} are needed beside the {PHOTOGRAPHS} of the proof"
        )
    return np.stack([_read(path, side) for path in _spread(left, min(len(left), MOST_OTHERS))])


def _paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"no such folder of pictures: {folder}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise UsageError(f"no pictures ({', '.join(_SUFFIXES)}) in {folder}")
    return paths


def _spread(paths: list[Path], count: int) -> list[Path]:
    return [paths[i * len(paths) // count] for i in range(count)]


def _read(path: Path, side: int) -> Pictures:
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(upright.resize((side, side), Image.Resampling.BILINEAR))
    except _BROKEN as error:
        raise UsageError(f"cannot read the picture {path}: {error}") from error


def _drawn(side: int, seed: int) -> Pictures:
    """A soft background, one rounded subject with texture, a thin part: something with edges for a matte."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    top, bottom, ink = rng.integers(20, 236, (3, 3))
    ground = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (side, side, 3)) + rng.normal(0, 4, (side, side, 3))
    picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    subject = picture.copy()
    draw, mask = ImageDraw.Draw(subject), Image.new("L", (side, side))
    shape = ImageDraw.Draw(mask)
    x, y = rng.uniform(0.15, 0.35, 2) * side
    w, h = rng.uniform(0.3, 0.5, 2) * side
    shape.ellipse((x, y, x + w, y + h), fill=255)
    shape.line((x + w / 2, y + h / 2, side * 0.9, side * 0.1), fill=255, width=max(2, side // 100))
    draw.rectangle((0, 0, side, side), fill=tuple(map(int, ink)))
    for row in range(0, side, max(4, side // 24)):
        draw.line((0, row, side, row), fill=tuple(map(int, 255 - ink)), width=max(1, side // 200))
    return np.asarray(Image.composite(subject, picture, mask.filter(ImageFilter.GaussianBlur(side / 300))))
