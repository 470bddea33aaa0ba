"""Random variations of a training picture: where it is cut, and how a camera and a codec might have left it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Change: TypeAlias = Callable[[Picture, Picture, np.random.Generator], Picture]

_CROP_TRIES = 8
_FLIPPED, _FRAMED, _BLACK_BARS, _PLAIN_PATCH, _COLOURED_NOISE = 0.5, 0.05, 0.6, 0.3, 0.6


@dataclass(frozen=True)
class CropRange:
    """How a crop is drawn. Fractions of the picture's side; the aspect is the log of width over height."""

    whole: float = 0.5
    """Share of samples that show (almost) the whole picture, as serving does."""
    smallest: float = 0.45
    aspect: float = 0.3
    least_subject: float = 0.35
    """Share of the subject's area that must stay inside."""
    most_subject: float = 0.9
    """Largest share of the crop that the subject may fill."""


def sample(picture: Picture, alpha: Picture, size: int, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """One training sample: UINT8 [size, size, 3] and its alpha [size, size].

    The crop is squeezed to the square without keeping its aspect, as serving squeezes whole pictures.
    """
    left, top, right, bottom = _choose_box(alpha, CropRange(), rng)
    picture = _resize(picture[top:bottom, left:right], size)
    alpha = _resize(alpha[top:bottom, left:right], size)
    if rng.random() < _FLIPPED:
        picture, alpha = picture[:, ::-1], alpha[:, ::-1]
    if rng.random() < _FRAMED:
        picture, alpha = _frame(picture, alpha, rng)
    picture, alpha = np.ascontiguousarray(picture), np.ascontiguousarray(alpha)
    for change, probability in _CHANGES:
        if rng.random() < probability:
            picture = change(picture, alpha, rng)
    return picture, alpha


def _choose_box(alpha: Picture, crop: CropRange, rng: np.random.Generator) -> tuple[int, int, int, int]:
    height, width = alpha.shape
    total = int(alpha.sum(dtype=np.int64))
    for _ in range(_CROP_TRIES):
        scale = rng.uniform(0.88, 1.0) if rng.random() < crop.whole else rng.uniform(crop.smallest, 0.95)
        squeeze = np.exp(rng.uniform(-crop.aspect, crop.aspect) / 2)
        w = int(np.clip(width * scale * squeeze, 16, width))
        h = int(np.clip(height * scale / squeeze, 16, height))
        left, top = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
        inside = int(alpha[top : top + h, left : left + w].sum(dtype=np.int64))
        if inside >= crop.least_subject * total and inside <= crop.most_subject * 255 * w * h:
            return left, top, left + w, top + h
    return 0, 0, width, height


def _resize(array: Picture, size: int) -> Picture:
    shrinks = array.shape[0] * array.shape[1] > size * size
    resized = cv2.resize(array, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def _frame(picture: Picture, alpha: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Plain bars above and below, or on both sides: letterboxed pictures."""
    size = alpha.shape[0]
    bar = int(size * rng.uniform(0.03, 0.2))
    colour = 0 if rng.random() < _BLACK_BARS else int(rng.integers(0, 256))
    kept = size - 2 * bar
    upright = rng.random() < _FLIPPED
    shape, inside = ((kept, size), np.s_[:, bar : bar + kept]) if upright else ((size, kept), np.s_[bar : bar + kept])
    framed, empty = np.full_like(picture, colour), np.zeros_like(alpha)
    framed[inside] = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
    empty[inside] = cv2.resize(alpha, shape, interpolation=cv2.INTER_AREA)
    return framed, empty


def _clip(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def _tone(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    """Exposure, contrast and gamma, a little apart per channel: a colour cast."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    gamma, gain, pivot = np.exp(rng.uniform(-0.35, 0.35)), np.exp(rng.uniform(-0.3, 0.2)), rng.uniform(0.3, 0.7)
    curve = (ramp**gamma - pivot) * gain + pivot + rng.uniform(-0.08, 0.08)
    cast = np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    table = _clip(curve[:, None] * cast[None] * 255)
    return np.asarray(cv2.LUT(picture, table[:, None, :].transpose(1, 0, 2).reshape(1, 256, 3)), dtype=np.uint8)


def _colour(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    hsv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), dtype=np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-14, 14)) % 180
    hsv[..., 1] *= np.exp(rng.uniform(-0.6, 0.45))
    return np.asarray(cv2.cvtColor(_clip(hsv), cv2.COLOR_HSV2RGB), dtype=np.uint8)


def _shuffle(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    return np.ascontiguousarray(picture[..., rng.permutation(3)])


def _grey(picture: Picture, _: Picture, __: np.random.Generator) -> Picture:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def _defocus_ground(picture: Picture, alpha: Picture, rng: np.random.Generator) -> Picture:
    """Blur of the ground alone, the subject's colours kept out of it: a wide aperture."""
    subject = alpha.astype(np.float32)[..., None] / 255
    sigma = float(rng.uniform(0.6, 4.0)) * picture.shape[0] / 256
    weight = 1 - subject + 1e-3
    spread = np.asarray(cv2.GaussianBlur(picture * weight, (0, 0), sigma), dtype=np.float32)
    share = np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma), dtype=np.float32)[..., None]
    return _clip(picture * subject + spread / share * (1 - subject))


def _patch_ground(picture: Picture, alpha: Picture, rng: np.random.Generator) -> Picture:
    """Rectangles of other content (or plain colour) over the ground: clutter that is no subject."""
    size = picture.shape[0]
    changed = picture.copy()
    for _ in range(int(rng.integers(1, 4))):
        h, w = (int(v) for v in rng.integers(size // 16, size // 3, 2))
        top, left = int(rng.integers(0, size - h)), int(rng.integers(0, size - w))
        ground = alpha[top : top + h, left : left + w] == 0
        fill = _patch(picture, (h, w), rng)
        changed[top : top + h, left : left + w][ground] = fill[ground]
    return changed


def _patch(picture: Picture, shape: tuple[int, int], rng: np.random.Generator) -> Picture:
    h, w = shape
    if rng.random() < _PLAIN_PATCH:
        return np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), (h, w, 3)).copy()
    top, left = int(rng.integers(0, picture.shape[0] - h)), int(rng.integers(0, picture.shape[1] - w))
    return picture[top : top + h, left : left + w, rng.permutation(3)].copy()


def _soften(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    sigma = float(rng.uniform(0.3, 1.6)) * picture.shape[0] / 256
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.uint8)


def _sharpen(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    """Unsharp masking, as telephones do; generated pictures are softer than photos."""
    values = picture.astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.6, 1.5))), dtype=np.float32)
    return _clip(values + float(rng.uniform(0.3, 1.5)) * (values - soft))


def _enlarge(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    size = picture.shape[0]
    small = int(size * rng.uniform(0.3, 0.8))
    return _resize(np.asarray(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), dtype=np.uint8), size)


def _noise(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    shape = picture.shape if rng.random() < _COLOURED_NOISE else (*picture.shape[:2], 1)
    return _clip(picture + rng.standard_normal(shape, dtype=np.float32) * np.float32(rng.uniform(1, 10)))


def _jpeg(picture: Picture, _: Picture, rng: np.random.Generator) -> Picture:
    quality = int(rng.integers(25, 95))
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


# Moderate, as generated pictures bring their own defects of lens, sensor and codec.
_CHANGES: tuple[tuple[Change, float], ...] = (
    (_patch_ground, 0.1),
    (_defocus_ground, 0.12),
    (_tone, 0.5),
    (_colour, 0.3),
    (_shuffle, 0.04),
    (_grey, 0.05),
    (_soften, 0.06),
    (_sharpen, 0.2),
    (_enlarge, 0.08),
    (_noise, 0.12),
    (_jpeg, 0.15),
)
