"""Every Pillow mode to 8-bit RGB in sRGB and, where the picture has one, its own alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image

from imaging import profile

SIXTEEN_BIT = 65535
TO_EIGHT_BIT = 257  # 65535 / 255


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the picture (RGB, sRGB) and its alpha (L), or None where it is opaque."""
    icc = image.info.get("icc_profile")
    alpha = _alpha(image)
    colours = profile.to_srgb(_plain(image), icc if isinstance(icc, bytes) else None)
    return colours if colours.mode == "RGB" else colours.convert("RGB"), alpha


def _alpha(image: Image.Image) -> Image.Image | None:
    if image.mode not in {"RGBA", "LA", "PA", "La", "RGBa"} and "transparency" not in image.info:
        return None
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return None
    alpha = image.getchannel("A") if image.mode in {"RGBA", "LA"} else image.convert("RGBA").getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _plain(image: Image.Image) -> Image.Image:
    """Return the colours without alpha, in a mode that a profile may describe: RGB, L, CMYK or LAB."""
    mode = image.mode
    if mode in profile.SPACES:
        return image
    if mode.startswith("I;16") or mode == "I":
        return Image.fromarray(_from_sixteen_bit(np.asarray(image)))
    if mode == "F":
        return Image.fromarray(_from_unit(np.asarray(image, np.float32)))
    if mode in {"1", "LA", "La"}:
        return image.convert("LA").convert("L") if mode == "La" else image.convert("L")
    return image.convert("RGBA").convert("RGB") if mode in {"RGBa", "P", "PA"} else image.convert("RGB")


def _from_sixteen_bit(values: np.ndarray) -> np.ndarray:
    wide = np.clip(values.astype(np.int64), 0, SIXTEEN_BIT)
    return ((wide + TO_EIGHT_BIT // 2) // TO_EIGHT_BIT).astype(np.uint8)


def _from_unit(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5, np.uint8)
