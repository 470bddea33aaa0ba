from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging import matte, resize
from imaging.decode import decode
from perf import scene
from tests.imaging.comparison import assert_alike

quick = settings(max_examples=40)
sides = st.integers(1, 300)
seeds = st.integers(0, 10_000)


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@quick
@given(height=sides, width=sides, level=st.integers(0, 255), seed=seeds)
def test_an_even_matte_stays_even_whatever_the_picture(height: int, width: int, level: int, seed: int) -> None:
    found = matte.upsample(np.full((32, 32), level, np.uint8), noise(height, width, seed))
    assert found.shape == (height, width)
    assert (found == matte.LEVELS[level]).all()


@pytest.mark.parametrize(("level", "expected"), [(0, 0), (matte.NOTHING, 0), (matte.EVERYTHING, 255), (255, 255)])
def test_what_the_network_is_sure_of_becomes_exact(level: int, expected: int) -> None:
    assert matte.LEVELS[level] == expected


@quick
@given(height=st.integers(40, 300), width=st.integers(40, 300), seed=seeds)
def test_far_from_an_edge_nothing_changes(height: int, width: int, seed: int) -> None:
    small = np.zeros((32, 32), np.uint8)
    small[:, 16:] = 255
    found = matte.upsample(small, noise(height, width, seed))
    near = int(np.ceil(3 * width / 32)) + 1
    assert (found[:, : width // 2 - near] == 0).all()
    assert (found[:, width // 2 + near + 1 :] == 255).all()


@quick
@given(seed=seeds, reach=st.integers(0, 255))
def test_no_pixel_leaves_the_range_of_the_matte(seed: int, reach: int) -> None:
    small = np.random.default_rng(seed).integers(0, reach + 1, (24, 24), dtype=np.uint8)
    found = matte.upsample(small, noise(150, 130, seed))
    assert found.max() <= matte.LEVELS[small].max()
    assert found.min() >= matte.LEVELS[small].min()


def test_edges_follow_the_picture() -> None:
    made = scene.make(1600, seed=3)
    picture = decode(made.jpeg).pixels
    small = np.asarray(cv2.resize(made.alpha, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    band = cv2.dilate(made.alpha, np.ones((15, 15))) != cv2.erode(made.alpha, np.ones((15, 15)))

    def error(alpha: np.ndarray) -> float:
        return float(np.abs(alpha.astype(int) - made.alpha)[band].mean())

    guided, plain = matte.upsample(small, picture), matte.plain(small, 1600, 1600)
    assert error(guided) < 0.8 * error(plain), (error(guided), error(plain))
    assert_alike(guided, made.alpha, 5, "guided-upsampling")


def test_a_hard_edge_between_the_mattes_pixels_is_found() -> None:
    picture = np.full((512, 512, 3), 40, np.uint8)
    picture[:, 203:] = 200
    truth = np.where(np.arange(512) >= 203, 255, 0).astype(np.uint8)[None].repeat(512, 0)
    small = np.asarray(cv2.resize(truth, (32, 32), interpolation=cv2.INTER_AREA), np.uint8)
    plain = np.abs(matte.plain(small, 512, 512).astype(int) - truth).mean()
    found = matte.upsample(small, picture)
    assert_alike(found, truth, float(plain) / 3, "hard-edge")


@pytest.mark.parametrize("upright", [False, True])
def test_edges_of_a_banner_follow_the_picture(upright: bool) -> None:  # noqa: FBT001
    """Six times as wide as the matte and lower than it: the guide shrinks one way and grows the other."""
    y, x = np.mgrid[:400, :3000]
    distance = np.hypot((x + 100) % 500 - 250, y - 200)
    truth = np.asarray(np.clip(160.5 - distance, 0, 1) * 255, np.uint8)
    noisy = np.random.default_rng(1).normal(0, 6, (400, 3000, 3))
    share = truth[..., None] / 255
    picture = np.asarray(np.clip(share * (200, 60, 40) + (1 - share) * (60, 120, 180) + noisy, 0, 255), np.uint8)
    near = np.abs(160 - distance) < 5
    if upright:
        truth, picture, near = truth.T.copy(), picture.swapaxes(0, 1).copy(), near.T
    found = matte.upsample(resize.square(truth, 512), picture)
    assert np.abs(found.astype(int) - truth)[near].mean() < 5


def test_texture_does_not_show_in_the_matte() -> None:
    stripes = np.where(np.arange(600) // 20 % 2 == 0, 30, 220).astype(np.uint8)
    picture = np.dstack([np.broadcast_to(stripes[:, None], (600, 600))] * 3)
    small = np.zeros((64, 64), np.uint8)
    small[:, 32:] = 255
    found = matte.upsample(small, np.ascontiguousarray(picture))
    assert_alike(found, matte.plain(small, 600, 600), 0.6, "texture")


def test_a_picture_smaller_than_the_matte_is_averaged() -> None:
    small = np.kron(np.eye(4, dtype=np.uint8) * 255, np.ones((8, 8), np.uint8))
    assert (matte.upsample(small, noise(4, 4, 0)) == np.eye(4) * 255).all()
