"""The booth's floor: a white sweep, the shadows that things throw on it, and their faint reflection in it."""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from training.scenes.booth.light import level
from training.scenes.booth.sheet import Sheet
from training.scenes.canvas import Array, Size, blurred, chance, grid
from training.scenes.textures import noise

COARSE = 4  # shadows are soft: they are made at a fourth of the size


@dataclass(frozen=True)
class Throw:
    """How shadows fall: `direction` in degrees (0 behind, 90 right, 180 front, 270 left), `length` of the cast in
    heights of the subject, `softness`, `opacity` of the cast and of the `contact` shadow, all 0..1.
    """

    direction: float
    length: float
    softness: float
    opacity: float
    contact: float
    flat: bool

    @staticmethod
    def drawn(rng: np.random.Generator, *, flat: bool) -> "Throw":
        """`flat`: seen from above, things lie on the ground and shadows are around them."""
        direction = float(rng.uniform(110, 250) if chance(rng, 0.7) else rng.uniform(0, 360))
        parts = rng.uniform([0.08, 0.3, 0.05, 0.35], [0.4, 1.0, 0.38, 0.8])
        length, softness, opacity, contact = (round(float(part), 3) for part in parts)
        return Throw(round(direction, 1), length, softness, opacity, contact, flat)

    def facts(self) -> dict[str, float | bool]:
        return asdict(self)


def sweep(rng: np.random.Generator, size: Size) -> Array:
    """The bare ground in linear light: 235 to 255, a little darker at corners and below, hardly coloured."""
    y, x = grid(size)
    top = level(float(rng.uniform(243, 256)))
    far = (y - rng.uniform(0.35, 0.6)) ** 2 + (x - rng.uniform(0.4, 0.6)) ** 2
    fall = 1 - np.clip(far * rng.uniform(0.02, 0.2), 0, 0.13)
    bend = rng.uniform(0.35, 0.8)
    floor = 1 - rng.uniform(0, 0.05) * np.clip((y - bend) / 0.12 + 0.5, 0, 1)
    uneven = 1 + (noise(rng, size, 2.5, 1) - 0.5) * rng.uniform(0, 0.02)
    light = np.clip(top * fall * floor * uneven, level(235), 1)
    cast = 1 + rng.normal(0, 0.006, 3)
    return np.asarray(np.clip(light[..., None] * cast.astype(np.float32), level(233), 1), np.float32)


def shade(sheet: Sheet, throw: Throw) -> Array:
    """The opacity 0..1 of the shadows on the floor, under the subject, too."""
    height, width = sheet.size
    small = (max(8, width // COARSE), max(8, height // COARSE))
    alpha = np.asarray(cv2.resize(sheet.alpha, small, interpolation=cv2.INTER_AREA), np.float32)
    made = _lying(alpha, throw) if throw.flat else _standing(sheet, alpha, throw)
    return np.asarray(np.clip(cv2.resize(made, (width, height), interpolation=cv2.INTER_LINEAR), 0, 0.92), np.float32)


def _lying(alpha: Array, throw: Throw) -> Array:
    longer = max(alpha.shape)
    turn = np.deg2rad(throw.direction)
    reach = longer * throw.length * 0.05
    shift = np.array([[1, 0, np.sin(turn) * reach], [0, 1, -np.cos(turn) * reach]], np.float32)
    cast = blurred(
        np.asarray(cv2.warpAffine(alpha, shift, alpha.shape[::-1]), np.float32), reach * 0.6 + longer * 0.008
    )
    near = blurred(alpha, longer * 0.006)
    return 1 - (1 - cast * np.float32(throw.opacity)) * (1 - near * np.float32(throw.contact * 0.45))


def _standing(sheet: Sheet, alpha: Array, throw: Throw) -> Array:
    """Around the feet a contact shadow in three widths, and the outline cast away from the light."""
    prints = np.zeros(alpha.shape, np.uint8)
    rows = [alpha.shape[0] * 0.9] if not sheet.feet else []
    for foot in sheet.feet:
        points = foot / COARSE
        rows.append(float(points[:, 1].min() + points[:, 1].max()) / 2)
        cv2.fillPoly(prints, [np.round(np.clip(points, -2000, 4000) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    low = (prints.astype(np.float32) / 255).astype(np.float32)
    dark = np.zeros_like(low)
    reach = max(alpha.shape) * (0.5 + throw.softness)
    for share, sigma, gain in ((0.6, 0.004, 1.2), (0.5, 0.012, 1.6), (0.5, 0.035, 1.6)):
        widths = max(0.6, reach * sigma * 1.5), max(0.5, reach * sigma * 0.6)
        spread = np.clip(cv2.GaussianBlur(low, (0, 0), sigmaX=widths[0], sigmaY=widths[1]) * gain, 0, 1)
        dark = 1 - (1 - dark) * (1 - spread * np.float32(share * throw.contact))
    cast = _cast(alpha, float(np.mean(rows)), throw)
    return np.asarray(1 - (1 - dark) * (1 - np.maximum(cast, _swept(low, alpha, throw))), np.float32)


def _way(throw: Throw) -> tuple[float, float]:
    """How far the shadow of a point reaches per pixel of its height: to the right, and down the picture."""
    turn = np.deg2rad(throw.direction)
    drop = -np.cos(turn) * throw.length * 0.5
    return float(np.sin(turn) * throw.length), float(np.copysign(max(abs(drop), 0.04), drop))


def _cast(alpha: Array, foot: float, throw: Throw) -> Array:
    """The outline laid onto the floor from row `foot`; blurred more the higher the part was that throws it."""
    height, width = alpha.shape
    lean, drop = _way(throw)
    matrix = np.array([[1, -lean, lean * foot], [0, -drop, foot * (1 + drop)]], np.float32)
    laid = np.asarray(cv2.warpAffine(alpha, matrix, (width, height)), np.float32)
    sharp = blurred(laid, max(width, height) * 0.008 * (0.4 + throw.softness))
    soft = blurred(laid, max(width, height) * 0.035 * (0.4 + throw.softness))
    rows = np.arange(height, dtype=np.float32)[:, None]
    away = np.clip(np.abs(rows - foot) / (height * throw.length * 0.4 + 1), 0, 1)
    return np.asarray((sharp * (1 - away) + soft * away) * np.float32(throw.opacity) * (1 - 0.5 * away), np.float32)


def _swept(prints: Array, alpha: Array, throw: Throw) -> Array:
    """What the things' depth adds: the feet themselves drawn out along the shadow."""
    lean, drop = _way(throw)
    rows = np.flatnonzero(alpha.max(axis=1) > 0.5)
    tall = float(np.ptp(rows)) * 0.6 if len(rows) else 0.0
    total = np.zeros_like(prints)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        shift = np.array([[1, 0, lean * tall * share], [0, 1, drop * tall * share]], np.float32)
        total += np.asarray(cv2.warpAffine(prints, shift, prints.shape[::-1]), np.float32) / 5
    return blurred(total, max(alpha.shape) * 0.012 * (0.4 + throw.softness)) * np.float32(throw.opacity)


def reflection(sheet: Sheet, strength: float) -> tuple[Array, Array]:
    """What a shiny floor shows below the feet: premultiplied light and its opacity."""
    height, width = sheet.size
    foot = max((float(points[:, 1].max()) for points in sheet.feet), default=float(height))
    flip = np.array([[1, 0, 0], [0, -1, 2 * foot - 1]], np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    fade = np.where(rows < foot, 0, np.clip(1 - (rows - foot) / (0.22 * height), 0, 1) ** 1.5) * np.float32(strength)
    light = blurred(np.asarray(cv2.warpAffine(sheet.light, flip, (width, height)), np.float32), height * 0.003)
    alpha = blurred(np.asarray(cv2.warpAffine(sheet.alpha, flip, (width, height)), np.float32), height * 0.003)
    return (light * fade[..., None]).astype(np.float32), (alpha * fade).astype(np.float32)
