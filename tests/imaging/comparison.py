"""Pictures are compared by tolerance; those that differ stay behind in tests/failures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAILURES = Path(__file__).resolve().parents[1] / "failures"


def assert_alike(found: NDArray[np.uint8], expected: NDArray[np.uint8], mean: float, name: str) -> None:
    """Fail where the mean absolute difference exceeds `mean` levels of 255, and keep both pictures."""
    assert found.shape == expected.shape, f"{name}: {found.shape} instead of {expected.shape}"
    difference = np.abs(found.astype(np.int16) - expected.astype(np.int16)).astype(np.uint8)
    if difference.mean() <= mean:
        return
    FAILURES.mkdir(exist_ok=True)
    for part, pixels in (("found", found), ("expected", expected), ("difference", difference)):
        Image.fromarray(pixels).save(FAILURES / f"{name}.{part}.png")
    raise AssertionError(f"{name} differs by {difference.mean():.2f} on average, more than {mean}; see {FAILURES}")
