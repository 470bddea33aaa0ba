"""What one picture file is: its facts, or why it cannot be used. Decoded as what is served decodes it."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging import decode, sniff
from imaging.errors import ImageError
from imaging.resize import on_white
from training.dataset.files import FileError, Files
from training.dataset.signature import signature

Pixels = NDArray[np.uint8]
SIDE = 256
_ORIENTATION = 0x0112
_DEPTH = 24  # the byte of a PNG that holds the bits per channel
_EIGHT = 8


class BrokenError(Exception):
    """A picture cannot be used; the text says why."""


@dataclass(frozen=True)
class Facts:
    """A row of the table of pictures. `light`, `contrast` (0..255) and `sharpness` (variance of the Laplacian) are of
    the grey picture at 256 pixels; `signature` is None where an even picture has nothing to compare; `error` says why a
    picture cannot be used, and nothing else is known then but its size in bytes and SHA-256.
    """

    image: str
    size: int | None = None
    sha256: str | None = None
    format: str | None = None
    traits: str | None = None
    width: int | None = None
    height: int | None = None
    light: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    signature: bytes | None = None
    error: str | None = None


def upright(data: bytes, smallest: int) -> tuple[Pixels, tuple[int, int]]:
    """UINT8 RGB [h, w, 3], upright sRGB with transparency on white, and the full (height, width).

    A JPEG may come reduced, with no side under `smallest` pixels. Raises BrokenError.
    """
    with _named():
        picture = decode.decode(data, smallest=smallest)
        pixels = picture.pixels if picture.coverage is None else on_white(picture.pixels, picture.coverage)
        return pixels, (picture.height, picture.width)


def look(files: Files, image: str, smallest: int = SIDE) -> tuple[Facts, Pixels | None]:
    """The facts of a picture, and its pixels as `upright` gives them unless it is broken. Never raises for a file."""
    try:
        data = files.read(image)
    except FileError as error:
        return Facts(image, error=str(error)), None
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        pixels, (height, width) = upright(data, max(smallest, SIDE))
    except BrokenError as error:
        return Facts(image, len(data), sha256, error=str(error)), None
    light, contrast, sharpness = _measured(pixels)
    kind = sniff.kind(data)
    return Facts(
        image, len(data), sha256, kind, traits(data, kind), width, height, light, contrast, sharpness, signature(pixels)
    ), pixels


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise BrokenError(str(error)) from error
    except MemoryError as error:
        raise BrokenError("the picture needs more memory than there is") from error


def _measured(pixels: Pixels) -> tuple[float, float, float]:
    import cv2

    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width, SIDE)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    return round(float(grey.mean()), 2), round(float(grey.std()), 2), round(sharpness, 2)


def traits(data: bytes, kind: str) -> str:
    """What is unusual about a sound file, from its header: CMYK, 16 bits, turned, transparent, animated, ..."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        sixteen = (kind == "PNG" and data[_DEPTH] > _EIGHT) or image.mode.startswith("I")
        found = {
            image.mode: image.mode not in {"RGB", "RGBA"} and not image.mode.startswith("I"),
            "16 bits": sixteen,
            "turned": image.getexif().get(_ORIENTATION, 1) not in {1, None},
            "transparent": image.has_transparency_data,
            "several frames": getattr(image, "n_frames", 1) > 1,
            "colour profile": "icc_profile" in image.info,
        }
    return ", ".join(name for name, holds in found.items() if holds)
