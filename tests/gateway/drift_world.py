"""Generated shelves with what a perfect network would say of them, profiles of them, and the way things go wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.drift.observation import Observation, Seen, observe
from gateway.drift.profile import Profile, Reference
from gateway.drift.report import profile_of
from training.scenes.shelf.record import PER_AISLE, taken

Frame = NDArray[np.uint8]
Harm = Callable[[Frame], Frame]
NETWORK = "shelf_segmenter"
LONGER = 128


@dataclass(frozen=True, eq=False)
class Answered:
    """A segmented frame."""

    mask: Frame
    confidence: float
    shares: tuple[float, ...]
    embedding: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Photo:
    frame: Frame
    mask: Frame

    def harmed(self, harm: Harm) -> "Photo":
        return replace(self, frame=harm(self.frame))

    def seen(self, rng: np.random.Generator, time: float = 0.0) -> Seen:
        shares = np.bincount(self.mask.ravel(), minlength=5) / self.mask.size
        answer = Answered(self.mask, float(rng.beta(60, 4)), tuple(shares.tolist()), embedding(self.frame))
        return Seen(self.frame, answer, "one-request", time)


def embedding(frame: Frame) -> NDArray[np.float32]:
    """Histograms of hue, saturation and directions: poor features, but features."""
    small = cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    turns = np.histogram(np.arctan2(down, across), 16, (-np.pi, np.pi), weights=np.hypot(across, down))[0]
    parts = [np.histogram(hsv[..., 0], 16, (0, 180))[0], np.histogram(hsv[..., 1], 8, (0, 256))[0], turns]
    return np.concatenate([part / max(float(part.sum()), 1e-6) for part in parts]).astype(np.float32)


def photos(seed: int, aisles: Sequence[int], each: int) -> Iterator[Photo]:
    for aisle in aisles:
        for number in range(each):
            frame = taken(seed, aisle * PER_AISLE + number, LONGER)
            yield Photo(np.ascontiguousarray(frame.photo), frame.truth.classes.astype(np.uint8))


def observed(pictures: Sequence[Photo], seed: int = 0) -> list[Observation]:
    rng = np.random.default_rng(seed)
    return [observe(photo.seen(rng, float(number)), keep=number % 4 == 0) for number, photo in enumerate(pictures)]


def reference(window: Sequence[Observation]) -> Reference:
    found, _ = profile_of(NETWORK, window)
    return Reference(Profile.model_validate_json(found), np.stack([seen.embedding for seen in window]))


def drawn(pool: Sequence[Observation], size: int, seed: int) -> list[Observation]:
    """A window of the pool's own world: its frames in any number, never measured twice the same."""
    rng = np.random.default_rng(seed)
    return [_again(pool[int(number)], rng) for number in rng.integers(0, len(pool), size)]


def _again(seen: Observation, rng: np.random.Generator) -> Observation:
    wobble: Mapping[str, float] = {"brightness": 2.0, "sharpness": 0.02, "confidence": 0.005}
    figures = {name: value + rng.normal(0, wobble.get(name, 0.0)) for name, value in seen.figures.items()}
    return replace(seen, figures=figures)


def darker(frame: Frame) -> Frame:
    return np.asarray(frame * 0.5, np.uint8)


def blurred(frame: Frame) -> Frame:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 2.0), np.uint8)
