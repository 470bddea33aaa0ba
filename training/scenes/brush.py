"""Many small strokes at once: grass, leaves, needles, twigs. Drawn on 8-bit encoded pictures, which OpenCV smooths."""

import cv2
import numpy as np
import numpy.typing as npt

from training.scenes.canvas import SUBPIXEL_BITS, Array, encoded, linear

Sheet = npt.NDArray[np.uint8]


def sheet(light: Array) -> Sheet:
    return np.ascontiguousarray((encoded(light) * 255).astype(np.uint8))


def light(drawn: Sheet) -> Array:
    return linear(drawn.astype(np.float32) * np.float32(1 / 255))


def _colour(colour: Array) -> tuple[float, float, float]:
    r, g, b = (np.sqrt(np.clip(colour, 0, 1)) * 255).tolist()
    return r, g, b


def blades(
    rng: np.random.Generator, drawn: Sheet, roots: Array, lengths: Array, colours: Array, *, lean: float = 0.4
) -> None:
    """Curved thin strokes upwards from `roots` (n, 2), each of its length in pixels; colours (m, 3) linear."""
    bend = rng.normal(rng.normal(0, lean * 0.5), lean, len(roots)).astype(np.float32)
    middle = roots + np.stack([bend * lengths * 0.3, -lengths * 0.6], axis=1)
    tips = roots + np.stack([bend * lengths, -lengths * (1 - 0.3 * np.abs(bend))], axis=1)
    lines = np.round(np.stack([roots, middle, tips], axis=1) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    for colour, part in zip(colours, np.array_split(np.arange(len(roots)), len(colours)), strict=True):
        if len(part):
            thick = max(1, round(float(np.mean(lengths[part])) * 0.05))
            cv2.polylines(drawn, list(lines[part]), False, _colour(colour), thick, cv2.LINE_AA, SUBPIXEL_BITS)  # noqa: FBT003


def leaves(rng: np.random.Generator, drawn: Sheet, places: Array, sizes: Array, colours: Array) -> None:
    """Pointed ovals at `places` (n, 2), reaching `sizes` pixels to each side, turned about a common direction."""
    count = len(places)
    angle = rng.normal(rng.uniform(0, 6.3), rng.uniform(0.3, 2.0), count)
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * rng.uniform(0.12, 0.5)
    reach = sizes[:, None]
    corners = [places - along * reach, places + across * reach, places + along * reach, places - across * reach]
    if float(sizes.mean()) > 5:
        side = across * 0.8
        corners = [
            places - along * reach, places + (side - along * 0.5) * reach, places + (side + along * 0.4) * reach,
            places + along * reach, places + (along * 0.4 - side) * reach, places - (side + along * 0.5) * reach,
        ]  # fmt: skip
    shapes = np.round(np.stack(corners, axis=1) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    picks = rng.integers(0, len(colours), count)
    table = [_colour(colour) for colour in colours]
    for shape, pick in zip(shapes, picks, strict=True):
        cv2.fillConvexPoly(drawn, shape, table[pick], cv2.LINE_AA, SUBPIXEL_BITS)


def scattered(rng: np.random.Generator, count: int, low: tuple[float, float], high: tuple[float, float]) -> Array:
    """`count` points (x, y), evenly spread between two corners."""
    return rng.uniform(low, high, (count, 2)).astype(np.float32)
