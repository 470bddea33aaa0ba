from __future__ import annotations

import cv2
import numpy as np
import pytest

from imaging.foreground import decontaminate
from tests.imaging.comparison import assert_alike

SIZE = 400


def texture(seed: int, low: int, high: int) -> np.ndarray:
    cells = np.random.default_rng(seed).integers(low, high, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), np.uint8)


def soft_disc(softness: float) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = 130 - np.hypot(x - SIZE / 2, y - SIZE / 2)
    return np.asarray(np.clip(distance / softness + 0.5, 0, 1) * 255 + 0.5, np.uint8)


def mixed(front: np.ndarray, back: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.asarray(front * share + back * (1 - share) + 0.5, np.uint8)


@pytest.mark.parametrize("softness", [3, 12, 40])
@pytest.mark.parametrize("seed", range(3))
def test_colours_at_the_edge_come_nearer_to_the_subjects(softness: float, seed: int) -> None:
    front, back, alpha = texture(seed, 90, 250), texture(seed + 50, 5, 120), soft_disc(softness)
    picture = mixed(front, back, alpha)
    edge = (alpha > 0) & (alpha < 255)

    def error(pixels: np.ndarray) -> float:
        return float((np.abs(pixels.astype(int) - front).mean(-1) * alpha)[edge].sum() / alpha[edge].sum())

    found = decontaminate(picture, alpha)
    assert error(found) < 0.5 * error(picture), (error(found), error(picture))


@pytest.mark.parametrize(("ground", "level"), [((0, 0, 0), 0), ((255, 255, 255), 255), ((0, 200, 0), 1)])
def test_no_halo_of_the_old_background_shows(ground: tuple[int, int, int], level: int) -> None:
    """A grey subject off a bright, a dark and a green ground, put on its own grey: the edge must not show."""
    del level
    alpha = soft_disc(20)
    front = np.full((SIZE, SIZE, 3), (128, 120, 110), np.uint8)
    back = np.full_like(front, ground)
    found = decontaminate(mixed(front, back, alpha), alpha)
    seen = mixed(found, front, alpha)
    assert np.abs(seen.astype(int) - front).max() <= 12
    assert_alike(seen, front, 0.5, f"halo-{ground[1]}")


def test_opaque_pixels_keep_their_colour_exactly() -> None:
    picture, alpha = texture(1, 0, 255), soft_disc(15)
    found = decontaminate(picture, alpha)
    assert (found[alpha == 255] == picture[alpha == 255]).all()


@pytest.mark.parametrize("level", [0, 255])
def test_without_an_edge_nothing_changes(level: int) -> None:
    picture = texture(2, 0, 255)
    assert (decontaminate(picture, np.full((SIZE, SIZE), level, np.uint8)) == picture).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 2), (130, 129)])
def test_small_and_narrow_pictures_work(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 90, np.uint8)
    found = decontaminate(picture, np.full(shape, 128, np.uint8))
    assert np.abs(found.astype(int) - 90).max() <= 1
