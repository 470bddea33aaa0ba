"""How likely a cut-out needs a person, told from the network's matte alone.

What counts as bad is a matter of calibration; the usual numbers were fitted to this event: the true IoU is below 0.9,
or the true boundary IoU (Cheng et al. 2021) below 0.75. A matte tells on itself by doubt along its boundary (entropy
over length), by grey far from any boundary, by loose parts, by much boundary around little subject; and, where the
network was also asked about the mirrored picture, by what it says of that. That the frame cuts the subject off is none
of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from imaging.resize import resized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imaging.arrays import Bytes, Floats

SIDE = 256  # at which a matte is looked at; lengths are in pixels of it
BAND = 4  # pixels on both sides of the boundary that may be soft
LEAST_AREA = 1e-3  # of the picture: less is no subject
FAINT = 0.1
TINY = 1e-3
FULL = 255
LARGEST = 1e6

Values: TypeAlias = "tuple[float, ...]"
NAMES = ("doubt", "grey", "loose", "winding", "haze", "area")
MIRRORED = "disagreement"


@dataclass(frozen=True, slots=True)
class Features:
    """`values` in the order of NAMES, all logarithms; `disagreement` of the mirrored picture's matte, where given.

    `found` is false where there is next to no subject; the values then mean nothing.
    """

    found: bool
    values: Values
    disagreement: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regression: the constant, then a factor for each feature, without and with the mirrored picture.

    The usual numbers are those of the starter `main_matte`, fitted to 200 composed scenes of seeds 900002 and 900004.
    """

    alone: Values = (-7.8729, 6.0934, 0.1169, 0.19, 1.8333, 0.5648, -0.1418)
    mirrored: Values = (-4.8278, 5.4945, -0.0527, 0.1779, 1.4332, 0.1522, 0.0701, 0.8711)


def read(texts: Mapping[str, str]) -> Calibration:
    """Return the calibration that a model's parameters state: `uncertainty` and `uncertainty_mirrored`, numbers
    separated by commas as `python -m training uncertainty` prints them; the usual ones where they state none. Raises
    ValueError for what is none, with what is expected.
    """
    usual = Calibration()
    return Calibration(
        _numbers(texts, "uncertainty", usual.alone), _numbers(texts, "uncertainty_mirrored", usual.mirrored)
    )


def raw(small: Bytes, mirrored: Bytes | None = None) -> Features:
    """Return what the network's matte UINT8 [h, w] says of itself; `mirrored` [h, w] is that of the mirrored picture,
    left and right still changed over.
    """
    share = _looked_at(small)
    subject = np.asarray(share >= 0.5, np.uint8)  # noqa: PLR2004 - more subject than not
    area = int(subject.sum())
    if area < LEAST_AREA * share.size:
        return Features(found=False, values=(0.0,) * len(NAMES))
    values = _values(share, subject, area)
    if mirrored is None:
        return Features(found=True, values=values)
    other = _looked_at(mirrored)[:, ::-1]
    apart = float(np.abs(share - other).sum() / np.maximum(share, other).sum())
    return Features(found=True, values=values, disagreement=math.log(apart + TINY))


def score(features: Features, calibration: Calibration) -> float:
    """Return the probability from 0 to 1 that the cut-out needs a person; 1 where nothing was found."""
    if not features.found:
        return 1.0
    if features.disagreement is None:
        factors, values = calibration.alone, features.values
    else:
        factors, values = calibration.mirrored, (*features.values, features.disagreement)
    total = factors[0] + sum(factor * value for factor, value in zip(factors[1:], values, strict=True))
    return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))


def _numbers(texts: Mapping[str, str], name: str, usual: Values) -> Values:
    if name not in texts:
        return usual
    try:
        found = tuple(float(part) for part in texts[name].split(","))
    except ValueError:
        found = ()
    if len(found) != len(usual) or not all(abs(one) <= LARGEST for one in found):
        raise ValueError(f"{name} must be {len(usual)} numbers separated by commas, not {texts[name]!r}")
    return found


def _looked_at(matte: Bytes) -> Floats:
    return resized(matte, SIDE, SIDE).astype(np.float32) / np.float32(FULL)


def _values(share: Floats, subject: Bytes, area: int) -> Values:
    near = np.ones((3, 3), np.uint8)
    # The frame is no boundary: beyond it the subject is taken to go on.
    boundary = cv2.subtract(subject, cv2.erode(subject, near, borderType=cv2.BORDER_REPLICATE))
    length = max(int(np.count_nonzero(boundary)), 1)
    band = cv2.dilate(boundary, near, iterations=BAND) > 0
    entropy = _entropy(share)
    inside = float(entropy[band].sum())
    _, _, facts, _ = cv2.connectedComponentsWithStats(subject, connectivity=8)
    largest = int(facts[1:, cv2.CC_STAT_AREA].max())
    return tuple(
        math.log(value + TINY)
        for value in (
            inside / length,
            (float(entropy.sum()) - inside) / area,
            1 - largest / area,
            length / math.sqrt(area),
            np.count_nonzero(share >= FAINT) / area - 1,
            area / share.size,
        )
    )


def _entropy(share: Floats) -> Floats:
    """Return [h, w] in bits: 0 where the network is sure, 1 at a half."""
    sure = np.clip(share, np.float32(1e-6), np.float32(1 - 1e-6))
    return np.asarray(-sure * np.log2(sure) - (1 - sure) * np.log2(1 - sure), np.float32)
