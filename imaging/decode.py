"""Bytes of an untrusted image file to upright sRGB pixels."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from imaging import extent, heif, jpeg, nclx, orientation, pages, profile, sniff, tones
from imaging.errors import (
    CorruptError,
    ImageError,
    TooLongError,
    TooManyPixelsError,
    TruncatedError,
    ZeroSizeError,
)
from imaging.zero_size import has_zero_size

if TYPE_CHECKING:
    from imaging.arrays import Bytes

MAX_PIXELS = 50_000_000
MAX_SIDE = 65_535  # what a JPEG can have; the work on a line of pixels goes by its length, not by its area
LARGEST_LIMIT = 178_956_970  # Pillow's own guard against decompression bombs
PNG_DEPTH = 24  # the byte of a PNG that holds the bits per channel
TRUNCATION = ("truncat", "not enough image data", "unexpected end", "end of file", "premature")


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright.

    `pixels` UINT8 [h, w, 3] sRGB, straight colours; `coverage` UINT8 [h, w] its own alpha, None where it is opaque;
    `height` and `width` of the file's picture at full size, of which `pixels` may be a reduction.
    """

    pixels: Bytes
    coverage: Bytes | None
    height: int
    width: int


def decode(data: bytes, max_pixels: int = MAX_PIXELS, smallest: int | None = None) -> Picture:
    """Decode the first frame of an image file, of a TIFF the first page that is no preview.

    `max_pixels` and MAX_SIDE are checked on the header, before anything is decoded. With `smallest`, a JPEG may come
    back reduced by 2, 4 or 8, but with no side under `smallest` pixels. Raises ImageError, whatever the bytes are, and
    MemoryError where a sound picture is too much for the machine at the moment, which is no fault of the file.
    """
    kind = sniff.kind(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, kind, max_pixels, smallest)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder says of hostile bytes, the caller hears one kind of error
        raise _ours(error, data, kind) from error


def _decode(data: bytes, kind: str, max_pixels: int, smallest: int | None) -> Picture:
    image = _open(data, kind, max_pixels)
    if kind == "JPEG":
        return _jpeg(data, image, smallest)
    image.load()
    if kind in {"AVIF", "HEIF"} and not image.info.get("icc_profile"):
        image.info["icc_profile"] = nclx.profile(data)
    return _finish(image, orientation.of(image), image.size, data[PNG_DEPTH] if kind == "PNG" else tones.EIGHT_BIT)


def _open(data: bytes, kind: str, max_pixels: int) -> Image.Image:
    if kind == "HEIF":
        heif.register()
    if has_zero_size(data, kind):
        raise ZeroSizeError
    try:
        image = Image.open(io.BytesIO(data), formats=[kind])
        if isinstance(image, TiffImageFile):
            pages.open_picture(image)
    except Image.DecompressionBombError:
        raise TooManyPixelsError(None, max_pixels) from None
    if image.width * image.height > max_pixels or _tile_pixels(image) > max_pixels:
        raise TooManyPixelsError(image.size, max_pixels)
    if max(image.size) > MAX_SIDE:
        raise TooLongError(image.size, MAX_SIDE)
    return image


def _tile_pixels(image: Image.Image) -> int:
    """Return the pixels of one TIFF tile: a small picture may claim giant tiles."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(322, 0)) * int(tags.get(323, 0))


def _jpeg(data: bytes, image: Image.Image, smallest: int | None) -> Picture:
    if jpeg.has_too_many_scans(data):
        raise CorruptError("JPEG")
    size, turn = image.size, orientation.of(image)
    scale = 1 if smallest is None else jpeg.scale_for(*size, smallest)
    pixels = jpeg.decode(data, size, scale) if image.mode == "RGB" else None
    if pixels is None:
        if smallest is not None:
            image.draft(None, (smallest, smallest))
        image.load()
        return _finish(image, turn, size)
    return _picture(profile.pixels_to_srgb(pixels, image.info.get("icc_profile")), None, turn, size)


def _finish(image: Image.Image, turn: int, size: tuple[int, int], depth: int = tones.EIGHT_BIT) -> Picture:
    colours, alpha = tones.split(image, depth)
    return _picture(np.asarray(colours), None if alpha is None else np.asarray(alpha), turn, size)


def _picture(pixels: Bytes, alpha: Bytes | None, turn: int, size: tuple[int, int]) -> Picture:
    width, height = size if turn not in orientation.SWAPPING else size[::-1]
    coverage = None if alpha is None else orientation.upright(alpha, turn)
    return Picture(orientation.upright(pixels, turn), coverage, height, width)


def _ours(error: Exception, data: bytes, kind: str) -> ImageError:
    text = str(error).lower()
    if isinstance(error, EOFError) or any(word in text for word in TRUNCATION) or extent.is_cut_short(data, kind):
        return TruncatedError(kind)
    return CorruptError(kind)
