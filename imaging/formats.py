"""The file that comes back: a finished picture as PNG, JPEG, WebP, AVIF, or a ZIP of colours and alpha.

Every file says that its colours are sRGB by an embedded ICC profile, and how many dots make an inch: where the format
has a field for it there, else in EXIF (WebP, AVIF). The same picture with the same wishes gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ExifTags, Image

from imaging import bleed, palette, profile
from imaging.encode import Marks, indexed_png, png
from imaging.errors import ImageError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imaging.arrays import Bytes
    from imaging.product_options import Encode

OPAQUE = 255
CHANNELS = 4
FULL_CHROMA = 90  # the quality from which colour is kept as finely as brightness: red edges stay sharp
EVEN = 100  # the quality at which WebP keeps every visible pixel
WEBP_METHOD = 2
WEBP_LOSSLESS_EFFORT = 20
AVIF_SPEED = 9  # as small as at 8 in half the time
EXACT_ALPHA = {"alpha:lossless": "1"}  # else specks of a level or two come up far from the subject
INCHES = 2
COLOURS, ALPHA = "color.jpg", "alpha.png"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP knows


class FormatError(ImageError):
    """The picture cannot be kept in the format that was asked for."""


@dataclass(frozen=True, slots=True)
class File:
    """`extension` is without a dot."""

    data: bytes
    media_type: str
    extension: str


@dataclass(frozen=True, slots=True)
class _Kind:
    media_type: str
    extension: str
    longest: int  # pixels a side
    write: Callable[[Bytes, Encode], bytes]


def encoded(picture: Bytes, wishes: Encode) -> File:
    """Return straight RGBA UINT8 [h, w, 4] as a file. Raises FormatError and ShapeError."""
    if picture.ndim != 3 or picture.shape[2] != CHANNELS or not picture.size:  # noqa: PLR2004 - rows, columns, channels
        raise ShapeError(f"a picture of {CHANNELS} channels with at least one pixel expected, not {picture.shape}")
    kind = KINDS[wishes.format]
    height, width = picture.shape[:2]
    if max(height, width) > kind.longest:
        raise FormatError(
            f"{wishes.format} holds at most {kind.longest} pixels a side, the picture is {width} x {height}: "
            "choose a smaller size or png"
        )
    return File(kind.write(np.ascontiguousarray(picture), wishes), kind.media_type, kind.extension)


def _png(picture: Bytes, wishes: Encode) -> bytes:
    marks = Marks(profile.srgb(), wishes.dpi)
    if wishes.palette == "auto" and (found := palette.indexed(picture)):
        return indexed_png(found.indices, found.colours, marks)
    if _opaque(picture):
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB), np.uint8)
    return png(picture, marks)


def _jpeg(picture: Bytes, wishes: Encode) -> bytes:
    if not _opaque(picture):
        raise FormatError("jpeg has no transparency: choose a ground for the picture, or png, webp, avif or zip")
    return _colours(picture, wishes)


def _webp(picture: Bytes, wishes: Encode) -> bytes:
    lossless = wishes.quality == EVEN
    out = io.BytesIO()
    _image(picture).save(
        out,
        "WEBP",
        lossless=lossless,
        quality=WEBP_LOSSLESS_EFFORT if lossless else wishes.quality,
        method=WEBP_METHOD,
        exif=_density(wishes.dpi),
        icc_profile=profile.srgb(),
    )
    return out.getvalue()


def _avif(picture: Bytes, wishes: Encode) -> bytes:
    opaque = _opaque(picture)
    out = io.BytesIO()
    _image(picture if opaque else bleed.extended(picture)).save(
        out,
        "AVIF",
        codec="aom",
        quality=wishes.quality,
        subsampling="4:4:4" if wishes.quality >= FULL_CHROMA else "4:2:0",
        speed=AVIF_SPEED,
        max_threads=1,  # the file would differ by the machine's cores
        advanced=None if opaque else EXACT_ALPHA,
        exif=_density(wishes.dpi),
        icc_profile=profile.srgb(),
    )
    return out.getvalue()


def _zip(picture: Bytes, wishes: Encode) -> bytes:
    """Stored, since what lies in it is compressed."""
    alpha = np.ascontiguousarray(picture[..., 3])
    parts = {
        COLOURS: _colours(bleed.extended(picture), wishes),
        ALPHA: png(alpha, Marks(dpi=wishes.dpi)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return out.getvalue()


def _colours(picture: Bytes, wishes: Encode) -> bytes:
    """Return the colours alone as JPEG, whatever alpha says."""
    out = io.BytesIO()
    _image(picture, "RGBX").save(
        out,
        "JPEG",
        quality=wishes.quality,
        subsampling="4:4:4" if wishes.quality >= FULL_CHROMA else "4:2:0",
        optimize=True,
        dpi=(wishes.dpi, wishes.dpi),
        icc_profile=profile.srgb(),
    )
    return out.getvalue()


def _opaque(picture: Bytes) -> bool:
    return bool(picture[..., 3].min() == OPAQUE)


def _image(picture: Bytes, mode: str | None = None) -> Image.Image:
    """Return Pillow's view of the same memory: RGBA, or RGBX where nothing is transparent."""
    height, width = picture.shape[:2]
    mode = mode or ("RGBX" if _opaque(picture) else "RGBA")
    return Image.frombuffer(mode, (width, height), picture, "raw", mode, 0, 1)


def _density(dpi: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution] = exif[ExifTags.Base.YResolution] = float(dpi)
    exif[ExifTags.Base.ResolutionUnit] = INCHES
    return exif


KINDS = {
    "png": _Kind("image/png", "png", 2**31 - 1, _png),
    "jpeg": _Kind("image/jpeg", "jpg", 65_500, _jpeg),
    "webp": _Kind("image/webp", "webp", 16_383, _webp),
    "avif": _Kind("image/avif", "avif", 32_768, _avif),
    "zip": _Kind("application/zip", "zip", 65_500, _zip),
}
