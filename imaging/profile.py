"""ICC profiles: colours to sRGB."""

from __future__ import annotations

import functools
import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from imaging.arrays import Bytes

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "LAB"}
STRIP = 64  # rows
LARGEST = 8 << 20  # bytes; press profiles reach about 3 MB
ALIKE = 3  # levels of 255 by which a profile may differ from sRGB and still be taken for it
PROBES = 9
DATE, DAY = slice(24, 36), struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


@functools.lru_cache(maxsize=1)
def srgb() -> bytes:
    """Return an ICC profile of sRGB, about 600 bytes, the same ones whenever it is asked for."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[DATE] = DAY  # LittleCMS writes the time of day there
    return bytes(data)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB, L, CMYK or LAB picture in sRGB (mode RGB), or as it is where the profile is sRGB already.

    A profile that is broken, too large or of another colour space than the picture's is ignored, as browsers do.
    """
    transform = _known(profile, image.mode)
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


def pixels_to_srgb(pixels: Bytes, profile: bytes | None) -> Bytes:
    """Do the same to RGB UINT8 [h, w, 3], in place and in strips that stay in the processor's cache."""
    transform = _known(profile, "RGB")
    if transform is not None:
        for top in range(0, len(pixels), STRIP):
            strip = Image.fromarray(pixels[top : top + STRIP])
            ImageCms.applyTransform(strip, transform, inPlace=True)
            pixels[top : top + STRIP] = np.asarray(strip)
    return pixels


def _known(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    if mode == "LAB":  # says by itself what its numbers mean
        return _transform(b"", mode)
    if not profile or len(profile) > LARGEST or mode not in SPACES:
        return None
    return _transform(bytes(profile), mode)


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
        if source.profile.xcolor_space.strip().upper() != SPACES[mode]:
            return None
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(
            source, target, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        )
        return None if mode in {"RGB", "L"} and _changes_nothing(transform, mode) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.linspace(0, 255, PROBES).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    colours = cube if mode == "RGB" else levels[None]
    before = Image.fromarray(np.ascontiguousarray(colours))
    after = ImageCms.applyTransform(before, transform)
    difference = np.asarray(after, np.int16) - np.asarray(before.convert("RGB"), np.int16)
    return bool(np.abs(difference).max() <= ALIKE)
