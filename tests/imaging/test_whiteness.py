from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import field, ring, whiteness
from imaging.decode import decode
from perf import scene
from perf.quality import figures
from tests.imaging import white_scenes

SIDE = 512


def overlap(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    one, other = found > 127, wanted > 127
    return float((one & other).sum() / (one | other).sum())


def spoilt(alpha: NDArray[np.uint8], kind: str) -> NDArray[np.uint8]:
    """What a network makes of it that fails in one way."""
    disc = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15)), np.uint8)
    worse = alpha.copy()
    if kind == "holed":
        cv2.circle(worse, (SIDE // 2, int(0.58 * SIDE)), 30, 0, -1)
        return np.minimum(alpha, cv2.GaussianBlur(worse, (0, 0), 4))
    if kind == "cut short":
        worse[int(0.62 * SIDE) :] = 0
        return worse
    if kind == "blurred":
        few = cv2.resize(alpha, (32, 32), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(few, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.erode(alpha, disc) if kind == "eroded" else cv2.dilate(alpha, disc), np.uint8)


def distance(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """Mean pixels from the contour that was found to the true one."""
    true = np.concatenate([one.points for one in ring.rings(wanted)])
    mine = np.concatenate([one.points for one in ring.rings(found)])
    return float(np.mean([np.hypot(*(true - point).T).min() for point in mine[::4]]))


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
@pytest.mark.parametrize(("apart", "seed"), [(2, 1), (5, 2), (10, 3)])
def test_a_perfect_matte_is_kept(shape: str, apart: float, seed: int) -> None:
    made = white_scenes.make(shape, SIDE, apart, seed)
    found = whiteness.second_look(made.alpha, made.picture)
    assert figures.iou(found, made.alpha) >= 0.998
    assert figures.boundary_iou(found, made.alpha) >= 0.99


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
@pytest.mark.parametrize("kind", ["holed", "cut short", "blurred", "eroded", "dilated"])
def test_a_matte_that_failed_gets_better(shape: str, kind: str) -> None:
    made = white_scenes.make(shape, SIDE, 6, seed=5)
    worse = spoilt(made.alpha, kind)
    found = whiteness.second_look(worse, made.picture)
    assert figures.iou(found, made.alpha) > min(0.97, figures.iou(worse, made.alpha) + 0.02)
    assert figures.boundary_iou(found, made.alpha) > figures.boundary_iou(worse, made.alpha)


@pytest.mark.parametrize("shape", ["ball", "box"])
def test_contours_are_found_to_a_pixel(shape: str) -> None:
    made = white_scenes.make(shape, SIDE, 6, seed=6, shadow=0)
    for kind in ("cut short", "blurred"):
        assert distance(whiteness.second_look(spoilt(made.alpha, kind), made.picture), made.alpha) < 1


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
@pytest.mark.parametrize("apart", [4, 8])
def test_parts_that_the_network_dropped_come_back(shape: str, apart: int) -> None:
    made = white_scenes.make(shape, SIDE, apart)
    dropped = made.alpha.copy()
    dropped[:, : SIDE // 2] = 0
    found = whiteness.second_look(dropped, made.picture)
    assert overlap(dropped, made.alpha) < 0.7
    assert overlap(found, made.alpha) > 0.9


@pytest.mark.parametrize("shape", white_scenes.SHAPES)
def test_a_network_that_knows_nothing_does_not_spoil_it(shape: str) -> None:
    made = white_scenes.make(shape, SIDE, 6)
    found = whiteness.second_look(np.full((SIDE, SIDE), 160, np.uint8), made.picture)
    assert overlap(found, made.alpha) > 0.9
    assert found[:80].max() == 0


@pytest.mark.parametrize("shape", ["ball", "box", "bottle"])
def test_ground_that_the_network_swallowed_goes(shape: str) -> None:
    made = white_scenes.make(shape, SIDE, 6, shadow=0)
    swollen = np.asarray(cv2.dilate(made.alpha, np.ones((61, 61))), np.uint8)
    found = whiteness.second_look(swollen, made.picture)
    assert overlap(swollen, made.alpha) < 0.75
    assert overlap(found, made.alpha) > 0.93


@pytest.mark.parametrize("depth", [6, 14, 30])
def test_a_soft_shadow_does_not_become_subject(depth: float) -> None:
    made = white_scenes.make("box", SIDE, 8, shadow=depth)
    found = whiteness.second_look(made.alpha, made.picture)
    far = cv2.dilate(made.alpha, np.ones((25, 25))) == 0
    assert found[far].max() == 0
    assert overlap(found, made.alpha) > 0.95


def test_a_ground_without_subject_stays_empty() -> None:
    made = white_scenes.make("ball", SIDE, 0, shadow=14)
    nothing = np.zeros((SIDE, SIDE), np.uint8)
    empty = whiteness.second_look(nothing, np.full((SIDE, SIDE, 3), 246, np.uint8))
    assert empty is nothing
    shadow_only = np.asarray(cv2.GaussianBlur(made.picture, (0, 0), 6), np.uint8)
    assert not whiteness.second_look(nothing, shadow_only).any()


def test_pictures_whose_ground_is_no_even_light_field_keep_their_matte() -> None:
    made = scene.make(600, seed=4)
    small = np.asarray(cv2.resize(made.alpha, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    full = decode(made.jpeg).pixels
    assert whiteness.second_look(small, full) is small
    dark = np.asarray(white_scenes.make("mug", SIDE, 6).picture // 2, np.uint8)
    assert whiteness.second_look(small, dark) is small
    noisy = np.random.default_rng(0).integers(180, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert whiteness.second_look(small, np.asarray(cv2.resize(noisy[::16, ::16], (SIDE, SIDE)), np.uint8)) is small


def test_a_sure_matte_of_a_dark_subject_on_white_hardly_changes() -> None:
    made = white_scenes.make("mug", SIDE, 150)
    found = whiteness.second_look(made.alpha, made.picture)
    assert overlap(found, made.alpha) > 0.98


def test_a_small_matte_is_left_alone() -> None:
    small = np.zeros((32, 32), np.uint8)
    assert whiteness.second_look(small, white_scenes.make("mug", 128).picture) is small


@settings(max_examples=15)
@given(height=st.integers(1, 200), width=st.integers(1, 200), level=st.integers(0, 255), seed=st.integers(0, 99))
def test_any_picture_is_looked_at(height: int, width: int, level: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    full = np.clip(level + rng.normal(0, 2, (height, width, 3)), 0, 255).astype(np.uint8)
    small = rng.integers(0, 256, (64, 80), dtype=np.uint8)
    found = whiteness.second_look(small, full)
    assert found.shape == small.shape
    assert found.dtype == np.uint8


def test_the_field_is_found_behind_the_subject_with_its_vignetting() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    bare = 250 - 12 * (x * x + y * y) + 3 * x
    picture = np.repeat(bare[..., None], 3, axis=2)
    picture[150:400, 130:380] -= 5
    picture += np.random.default_rng(2).normal(0, 1, picture.shape)
    ground = field.fitted(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    assert ground is not None
    assert np.abs(ground.colours - bare[..., None]).max() < 1
    assert ground.noise < 0.5


@pytest.mark.parametrize("change", [(-80, -80, -80), (0, -40, -60)])
def test_a_dark_or_coloured_ground_is_no_booths(change: tuple[int, int, int]) -> None:
    assert field.fitted(np.full((128, 128, 3), 250, np.uint8)) is not None
    assert field.fitted(np.asarray(np.full((128, 128, 3), 250) + change, np.uint8)) is None


@pytest.mark.parametrize("opacity", [0.3, 0.5])
def test_glass_on_white_stays_translucent(opacity: float) -> None:
    made = white_scenes.make("bottle", SIDE, 30)
    bare = white_scenes.make("bottle", SIDE, 0).picture.astype(np.float32)
    core = cv2.erode(made.alpha, np.ones((15, 15)))[..., None] / np.float32(255)
    inside = 1 - core * (1 - np.float32(opacity))
    full = made.picture * inside + bare * (1 - inside)
    small = np.asarray(made.alpha * inside[..., 0], np.uint8)
    found = whiteness.second_look(small, np.asarray(full, np.uint8))
    assert np.abs(found.astype(int) - small)[core[..., 0] > 0].mean() < 3
