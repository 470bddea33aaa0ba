from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.decode import Picture, decode
from imaging.resize import for_network, on_white, square
from perf import scene
from tests.imaging.comparison import assert_alike

sides = st.integers(1, 90)
quick = settings(max_examples=60)


@quick
@given(height=sides, width=sides, side=st.integers(1, 64), level=st.integers(0, 255))
def test_an_even_picture_stays_even(height: int, width: int, side: int, level: int) -> None:
    found = square(np.full((height, width, 3), level, np.uint8), side)
    assert found.shape == (side, side, 3)
    assert (found == level).all()


@quick
@given(height=sides, width=sides, side=st.integers(8, 64), seed=st.integers(0, 1000))
def test_resizing_stays_within_the_range_of_the_picture(height: int, width: int, side: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)
    found = square(pixels, side)
    assert found.min() >= pixels.min()
    assert found.max() <= pixels.max()


@quick
@given(cells=st.integers(1, 16), factor=st.sampled_from([1, 2, 3, 4, 6, 8]), seed=st.integers(0, 1000))
def test_shrinking_what_was_enlarged_in_blocks_gives_the_original(cells: int, factor: int, seed: int) -> None:
    small = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    big = np.kron(small, np.ones((factor, factor, 1), np.uint8))
    assert (square(big, cells) == small).all()


def test_the_way_by_half_the_size_mixes_no_more_than_a_tenth_of_a_neighbour() -> None:
    small = (np.indices((4, 4)).sum(0) % 2 * 255).astype(np.uint8)
    found = square(np.kron(np.dstack([small] * 3), np.ones((5, 5, 1), np.uint8)), 4)
    assert np.abs(found.astype(int) - small[..., None]).max() <= 2 * 0.1 * 255 + 1


@pytest.mark.parametrize("shape", [(700, 40), (40, 700), (30, 20), (1024, 600)])
def test_the_mean_survives(shape: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    found = square(np.dstack([ramp] * 3), 64)
    assert abs(float(found.mean()) - float(ramp.mean())) < 1.5


@pytest.mark.parametrize("side", [256, 512])
def test_jpeg_scaling_looks_like_the_full_decode_to_the_network(side: int) -> None:
    data = scene.make(1800).jpeg
    reduced, full = (for_network(decode(data, smallest=smallest), side) for smallest in (side, None))
    assert_alike(reduced, full, 1.5, f"jpeg-scaling-{side}")


def test_a_network_sees_transparency_on_white() -> None:
    coverage = np.array([[0, 255], [128, 255]], np.uint8)
    picture = Picture(np.zeros((2, 2, 3), np.uint8), coverage, 2, 2)
    assert (for_network(picture, 2)[..., 0] == [[255, 0], [127, 0]]).all()


@quick
@given(height=st.integers(1, 150), width=sides, seed=st.integers(0, 1000))
def test_every_pixel_on_white_is_right(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels, coverage = (rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((height, width, 3), (height, width)))
    share = coverage[..., None] / 255
    assert np.abs(on_white(pixels, coverage) - (pixels * share + 255 * (1 - share))).max() <= 0.51


def test_transparency_takes_little_more_memory_than_the_picture() -> None:
    pixels = np.zeros((2000, 1500, 3), np.uint8)
    picture = Picture(pixels, np.full(pixels.shape[:2], 99, np.uint8), *pixels.shape[:2])
    tracemalloc.start()
    try:
        for_network(picture, 512)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * pixels.nbytes
