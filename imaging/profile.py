"""ICC profiles: colours to sRGB."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "LAB"}
LARGEST = 8 << 20  # bytes; press profiles reach about 3 MB
ALIKE = 3  # levels of 255 by which a profile may differ from sRGB and still be taken for it
PROBES = 9


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB, L, CMYK or LAB picture in sRGB (mode RGB), or as it is where the profile is sRGB already.

    A profile that is broken, too large or of another colour space than the picture's is ignored, as browsers do.
    """
    if not profile or len(profile) > LARGEST or image.mode not in SPACES:
        return image
    transform = _transform(bytes(profile), image.mode)
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
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
