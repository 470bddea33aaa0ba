"""The same work by the libraries' own means, for comparison in the benchmark of the steps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def entropy(jpeg: bytes) -> object:
    """Decode at one eighth: all of the Huffman decoding, next to nothing of the rest."""
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_COLOR_8)


def png(pixels: NDArray[np.uint8]) -> dict[str, Callable[[], object]]:
    """Return other encoders of RGBA UINT8 [h, w, 4] by name."""
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA)
    return {
        "PNG by Pillow, level 1": lambda: Image.fromarray(pixels).save(io.BytesIO(), "PNG", compress_level=1),
        "PNG by OpenCV, as it comes": lambda: cv2.imencode(".png", swapped),
    }
