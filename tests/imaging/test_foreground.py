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


def strands(side: int, width: int, level: int, *, round_a_disc: bool) -> tuple[np.ndarray, np.ndarray]:
    """Alpha of lines of one level, away from a disc or with nothing opaque at all, and where the lines are."""
    alpha, lines = np.zeros((side, side), np.uint8), np.zeros((side, side), bool)
    for at in range(side // 10, side - side // 10, side // 6):
        lines[side // 20 : -side // 20, at : at + width] = True
    if round_a_disc:
        y, x = np.mgrid[:side, :side]
        distance = np.hypot(x - side / 2, y - side / 2)
        alpha[distance < side / 4] = 255
        lines &= distance > side * 0.33
    alpha[lines] = level
    return alpha, lines


@pytest.mark.parametrize("round_a_disc", [False, True])
@pytest.mark.parametrize(("side", "width", "level"), [(1200, 1, 90), (1600, 1, 128), (2400, 2, 180)])
def test_thin_strands_lose_the_old_ground(side: int, width: int, level: int, *, round_a_disc: bool) -> None:
    alpha, lines = strands(side, width, level, round_a_disc=round_a_disc)
    front, back = (np.full((side, side, 3), colour, np.uint8) for colour in ((200, 180, 150), (20, 20, 20)))
    picture = mixed(front, back, alpha)
    before, after = (
        float(np.abs(pixels[lines].astype(int) - front[lines]).mean())
        for pixels in (picture, decontaminate(picture, alpha))
    )
    assert after < 0.65 * before


def test_a_matte_that_reaches_too_far_does_not_bring_the_old_ground_back() -> None:
    """The subject ends two pixels before its matte: what is seen there must stay nearer to it than to the ground."""
    front, back = np.full((SIZE, SIZE, 3), 220, np.uint8), np.full((SIZE, SIZE, 3), 20, np.uint8)
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = 130 - np.hypot(x - SIZE / 2, y - SIZE / 2)
    truth, reaching = (np.asarray(np.clip(distance / 4 + 0.5 + d, 0, 1) * 255, np.uint8) for d in (0, 0.5))
    found = decontaminate(mixed(front, back, truth), reaching)
    rim = (reaching > 50) & (reaching < 255)
    assert np.average(found[..., 0][rim], weights=reaching[rim]) > 120


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
