"""What can be set of the search for faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imaging.pyramid import FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """`smallest` is the side in pixels of the smallest face, `factor` from one scale to the next, `least` the scores
    that pass P-Net, R-Net and O-Net. The values are facenet-pytorch's own.
    """

    smallest: int = 20
    factor: float = 0.709
    least: tuple[float, float, float] = (0.6, 0.7, 0.7)


def read(texts: Mapping[str, str]) -> Settings:
    """Return the settings that a model's parameters state: `min_face_size` in pixels, `factor`, and `thresholds`, three
    scores separated by commas. Raises ValueError for values that make no sense, with the allowed ones.
    """
    usual = Settings()
    smallest = _number(texts.get("min_face_size", str(usual.smallest)))
    if not (smallest.is_integer() and FIELD <= smallest <= LARGEST):
        raise ValueError(f"min_face_size must be an integer from {FIELD} to {LARGEST}, not {texts['min_face_size']!r}")
    factor = _number(texts.get("factor", str(usual.factor)))
    if not 0 < factor <= 0.95:  # noqa: PLR2004 - beyond, hundreds of scales
        raise ValueError(f"factor must be a number above 0 and at most 0.95, not {texts['factor']!r}")
    least = [_number(part) for part in texts.get("thresholds", ",".join(map(str, usual.least))).split(",")]
    if len(least) != len(usual.least) or not all(0 <= one <= 1 for one in least):
        raise ValueError(f"thresholds must be three numbers from 0 to 1, as 0.6,0.7,0.7, not {texts['thresholds']!r}")
    return Settings(int(smallest), factor, (least[0], least[1], least[2]))


def _number(text: str) -> float:
    """Return the number, or one that no setting allows."""
    try:
        return float(text)
    except ValueError:
        return math.nan
