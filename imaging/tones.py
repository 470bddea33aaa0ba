"""Every Pillow mode to 8-bit RGB in sRGB and, where the picture has one, its own alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image

from imaging import profile

EIGHT_BIT = 8
SIXTEEN_BIT = 65535
TO_EIGHT_BIT = 257  # 65535 / 255
GREY = {"L", "I;16"}
GREY_STEPS = {2: 85, 4: 17}  # from one tone of so many bits to the next one, in the 8 bits that Pillow makes of them


def split(image: Image.Image, depth: int = EIGHT_BIT) -> tuple[Image.Image, Image.Image | None]:
    """Return the picture (RGB, sRGB) and its alpha (L), or None where it is opaque.

    `depth` is the bits per channel in a PNG file, in which it writes the tone that counts as transparent.
    """
    icc = image.info.get("icc_profile")
    alpha = _alpha(image, depth)
    colours = profile.to_srgb(_plain(image), icc if isinstance(icc, bytes) else None)
    return colours if colours.mode == "RGB" else colours.convert("RGB"), alpha


def _alpha(image: Image.Image, depth: int) -> Image.Image | None:
    key = image.info.get("transparency")
    if image.mode in {"RGBA", "LA"}:
        alpha = image.getchannel("A")
    elif isinstance(key, int) and image.mode in GREY:
        alpha = _unlike(image, key * GREY_STEPS.get(depth, 1))
    elif image.mode in {"PA", "La", "RGBa"} or (key is not None and image.mode in {"1", "RGB", "P"}):
        if isinstance(key, tuple) and depth > EIGHT_BIT:  # of sixteen bits per colour Pillow keeps the upper eight
            image.info["transparency"] = tuple(tone >> EIGHT_BIT for tone in key)
        alpha = image.convert("RGBA").getchannel("A")
    else:
        return None
    return None if alpha.getextrema() == (255, 255) else alpha


def _unlike(image: Image.Image, key: int) -> Image.Image:
    """Return 0 where a grey picture is `key` and 255 elsewhere: Pillow compares only what has 1 or 8 bits rightly."""
    return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))


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
