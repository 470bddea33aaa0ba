"""How natural a drawn shadow is: it is compared with the one that the booth's light threw, where the subject is not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perf.quality.figures import HALF, Bytes, Mask, Reals, linear

SIDE = 512  # shadows are soft, and so they are compared small
CLEAR = 3  # levels of alpha up to which a pixel is ground
SEEN = 0.02  # opacity from which a shadow can be seen
STANDING = 0.06  # of the height: columns that end this near the lowest one stand on the ground
BAND = 0.015  # of the height: how far below an edge a contact shadow is looked for
K1, K2, SIGMA = 0.01**2, 0.03**2, 1.5  # of SSIM, with a range of 1


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of two shadows, 0..1, 1 for the same: correlation, SSIM where either is seen, darkness where things stand."""

    correlation: float
    ssim: float
    contact: float


def opacity(final: Bytes) -> Reals:
    """How much of the light a shadow takes from a white ground: [h, w], 0..1, of a picture [h, w, 3]."""
    return np.asarray(1 - linear(final).mean(axis=2))


def compare(found: Reals, wanted: Reals, subjects: list[Bytes]) -> Likeness:
    """Of two shadows [h, w], opacity 0..1; what any of the mattes covers is left out. The first is the true one."""
    covered = np.max(np.stack(subjects), axis=0)
    ground = cv2.dilate((covered > CLEAR).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    small = _reduced(np.asarray(ground, np.float64))
    mine, theirs = (_reduced(np.where(ground, one, 0.0)) / np.maximum(small, 1e-6) for one in (found, wanted))
    free = small > 0.5  # noqa: PLR2004
    seen = free & (np.maximum(mine, theirs) > SEEN)
    return Likeness(
        _correlation(mine, theirs, free), _ssim(mine, theirs, seen), contact(found, wanted, subjects[0], ground)
    )


def _reduced(field: Reals) -> Reals:
    scale = min(1.0, SIDE / max(field.shape))
    size = max(1, round(field.shape[1] * scale)), max(1, round(field.shape[0] * scale))
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_AREA), np.float64)


def _correlation(found: Reals, wanted: Reals, where: Mask) -> float:
    """Pearson's, none below 0; that of a shadow with none is 0, of none with none 1."""
    a, b = found[where], wanted[where]
    flat = [not len(one) or float(one.std()) < 1e-4 for one in (a, b)]  # noqa: PLR2004
    if any(flat):
        return float(all(flat))
    return max(0.0, float(np.corrcoef(a, b)[0, 1]))


def _ssim(found: Reals, wanted: Reals, where: Mask) -> float:
    """Wang et al., 2004: Gaussian windows, mean over `where`; 1 where there is nothing to see."""
    if not where.any():
        return 1.0
    a, b = _smooth(found), _smooth(wanted)
    aa, bb, ab = _smooth(found * found) - a * a, _smooth(wanted * wanted) - b * b, _smooth(found * wanted) - a * b
    map_ = (2 * a * b + K1) * (2 * ab + K2) / ((a * a + b * b + K1) * (aa + bb + K2))
    return float(np.clip(map_[where].mean(), 0, 1))


def _smooth(field: Reals) -> Reals:
    return np.asarray(cv2.GaussianBlur(field, (11, 11), SIGMA, borderType=cv2.BORDER_REPLICATE), np.float64)


def contact(found: Reals, wanted: Reals, subject: Bytes, ground: Mask) -> float:
    """Of the mean opacities just below the edge on which the subject stands, the smaller divided by the larger."""
    below = below_feet(subject) & ground
    if not below.any():
        return 1.0
    a, b = float(found[below].mean()), float(wanted[below].mean())
    return (min(a, b) + 1e-3) / (max(a, b) + 1e-3)


def below_feet(subject: Bytes) -> Mask:
    """A band under the lowest pixel of each column that ends near the lowest of all."""
    height = subject.shape[0]
    solid = subject >= HALF
    lowest = height - 1 - np.argmax(solid[::-1], axis=0)
    lowest = np.where(solid.any(axis=0), lowest, -height)
    stands = lowest >= lowest.max() - STANDING * height
    rows = np.arange(height)[:, None]
    reach = max(3, round(BAND * height))
    return np.asarray(stands & (rows > lowest) & (rows <= lowest + reach) & (lowest >= 0))
