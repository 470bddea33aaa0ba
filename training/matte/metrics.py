"""How good a matte is, seven ways. Both mattes are UINT8 [H, W]; every figure is 1 (error: 0) for a perfect one."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from py_sod_metrics import Smeasure, WeightedFmeasure

THRESHOLD = 128
_BOUNDARY_SHARE = 0.02

Matte = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """Measures of one picture, or their means; all 0..1, more is better but for `mae`."""

    iou: float
    dice: float
    mae: float
    boundary_iou: float
    s_measure: float
    weighted_f: float


def measure(predicted: Matte, truth: Matte) -> Figures:
    """All figures of one picture. Where truth and prediction are both empty, all are perfect."""
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction {predicted.shape} and truth {truth.shape} differ in shape")
    found, wanted = predicted >= THRESHOLD, truth >= THRESHOLD
    return Figures(
        iou=_overlap(found, wanted),
        dice=_dice(found, wanted),
        mae=float(np.abs(predicted.astype(np.float32) - truth.astype(np.float32)).mean() / 255),
        boundary_iou=boundary_iou(found, wanted),
        s_measure=_s_measure(predicted, wanted),
        weighted_f=_weighted_f(predicted, wanted),
    )


def mean(figures: Sequence[Figures]) -> Figures:
    names = Figures.__dataclass_fields__
    return Figures(*(float(np.mean([getattr(one, name) for one in figures])) for name in names))


def boundary_iou(found: Mask, wanted: Mask) -> float:
    """IoU of the two inner contours, as wide as 2 % of the diagonal: large subjects cannot hide a bad edge.

    Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021. As there, the frame
    counts as an edge.
    """
    width = max(1, round(_BOUNDARY_SHARE * float(np.hypot(*wanted.shape))))
    return _overlap(_contour(found, width), _contour(wanted, width))


def _contour(mask: Mask, width: int) -> Mask:
    padded = np.pad(mask, 1).astype(np.uint8)
    # One erosion pixel is the padding's own; square kernels compose, so that `width` 3x3 erosions are one larger one.
    eroded = cv2.erode(
        padded, np.ones((3, 3), np.uint8), iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(mask & (eroded[1:-1, 1:-1] == 0), dtype=np.bool_)


def _overlap(found: Mask, wanted: Mask) -> float:
    union = int((found | wanted).sum())
    return int((found & wanted).sum()) / union if union else 1.0


def _dice(found: Mask, wanted: Mask) -> float:
    total = int(found.sum()) + int(wanted.sum())
    return 2 * int((found & wanted).sum()) / total if total else 1.0


def _s_measure(predicted: Matte, wanted: Mask) -> float:
    """Fan et al., ICCV 2017, through pysodmetrics; the prediction is not stretched to the full range."""
    measured = Smeasure()
    measured.step(predicted.astype(np.float64) / 255, wanted, normalize=False)
    return float(measured.get_results()["sm"])


def _weighted_f(predicted: Matte, wanted: Mask) -> float:
    """Margolin et al., CVPR 2014, through pysodmetrics, which calls an empty truth 0 whatever was predicted."""
    if not wanted.any():
        return float(not predicted.any())
    measured = WeightedFmeasure()
    measured.step(predicted.astype(np.float64) / 255, wanted, normalize=False)
    return float(measured.get_results()["wfm"])
