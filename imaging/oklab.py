"""From one colour to another in steps that look even: Oklab (Ottosson 2020), as CSS Color 4 mixes colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imaging import light

if TYPE_CHECKING:
    from imaging.arrays import Floats

TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
OPAQUE = 255


def course(start: list[int], end: list[int], steps: int) -> Floats:
    """Return FP32 [steps, 4], straight RGBA in sRGB levels 0 to 255, not rounded; colours weigh by their alpha."""
    ends = np.array([start, end], np.uint8)
    lab = np.cbrt(light.of(ends[:, :3]) / light.FULL @ TO_CONES.T) @ TO_LAB.T
    alpha = ends[:, 3:] / OPAQUE
    along = ((np.arange(steps) + 0.5) / steps)[:, None]
    shares = alpha[0] * (1 - along) + alpha[1] * along
    mixed = lab[0] * alpha[0] * (1 - along) + lab[1] * alpha[1] * along
    mixed = np.where(shares > 0, mixed / np.where(shares > 0, shares, 1), 0)
    seen = (mixed @ np.linalg.inv(TO_LAB).T) ** 3 @ np.linalg.inv(TO_CONES).T
    colours = light.exact_levels(np.clip(seen * light.FULL, 0, light.FULL).astype(np.float32))
    return np.hstack([colours, shares * OPAQUE]).astype(np.float32)
