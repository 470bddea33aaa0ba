"""What is kept of one sampled frame."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LONGEST = 1280
QUALITY = 90


class Answer(Protocol):
    """What is read of a segmented frame: mask UINT8 [s, s], confidence and shares 0 to 1, embedding FP32 [d]."""

    @property
    def mask(self) -> NDArray[np.uint8]: ...
    @property
    def confidence(self) -> float: ...
    @property
    def shares(self) -> Sequence[float]: ...
    @property
    def embedding(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """A frame RGB UINT8 [h, w, 3] with what its network said; `time` in seconds since 1970; `stream` by its request."""

    frame: NDArray[np.uint8]
    answer: Answer
    stream: str
    time: float


@dataclass(frozen=True, eq=False, slots=True)
class Observation:
    """Figures by their names; `jpeg` is empty where the frame itself is not kept."""

    stream: str
    time: float
    width: int
    height: int
    figures: Mapping[str, float]
    embedding: NDArray[np.float32]
    jpeg: bytes


def observe(seen: Seen, *, keep: bool) -> Observation:
    """Measures a frame; some milliseconds of work, for a thread."""
    from imaging import frame_figures
    from imaging.shelf_classes import ShelfClass
    from imaging.shelf_counts import parts

    luma = frame_figures.grey(seen.frame)
    answer = seen.answer
    figures = {
        "brightness": frame_figures.brightness(luma),
        "sharpness": frame_figures.sharpness(luma),
        "confidence": answer.confidence,
        "parts": float(parts(answer.mask, ShelfClass.PRODUCT)),
    }
    shares = {f"share_{kind.key}": share for kind, share in zip(ShelfClass, answer.shares, strict=True)}
    height, width = seen.frame.shape[:2]
    jpeg = _jpeg(seen.frame) if keep else b""
    return Observation(seen.stream, seen.time, width, height, figures | shares, answer.embedding, jpeg)


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    picture, buffer = Image.fromarray(frame), io.BytesIO()
    picture.thumbnail((LONGEST, LONGEST))
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
