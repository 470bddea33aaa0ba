"""Probabilities and the labels that they belong to, the most probable first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imaging.errors import ShapeError

if TYPE_CHECKING:
    from imaging.arrays import Bytes, Floats


def labels_of(text: Bytes) -> list[str]:
    """Return the labels of a label file's bytes UINT8 [n]: UTF-8, one a line. Raises ShapeError."""
    try:
        return text.tobytes().decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ShapeError("the labels are not UTF-8") from error


def ranked(probabilities: Floats, labels: list[str]) -> tuple[list[str], Floats]:
    """Return all labels and their probabilities FP32 [n], the most probable first, equal ones in the labels' order.

    Raises ShapeError where there are not as many of one as of the other, FloatingPointError for what is no number.
    """
    if len(labels) != len(probabilities):
        raise ShapeError(f"{len(probabilities)} probabilities do not belong to {len(labels)} labels")
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("the probabilities are no finite numbers")
    order = np.argsort(-probabilities, kind="stable")
    return [labels[place] for place in order], probabilities[order].astype(np.float32, copy=False)
