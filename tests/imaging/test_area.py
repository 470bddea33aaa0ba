from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging import area
from imaging.area import Averages, cells


def by_torch(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    return torch.nn.functional.interpolate(planes, (height, width), mode="area")[0].permute(1, 2, 0).numpy()


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 80), st.integers(1, 80))
@settings(max_examples=50)
def test_grids_are_those_of_torch_finer_ones_too(height: int, width: int, rows: int, columns: int) -> None:
    pixels = noise(height, width)
    found = Averages(pixels).grid(cells(height, rows), cells(width, columns))
    assert found.dtype == np.float32
    assert found == pytest.approx(by_torch(pixels, rows, columns), abs=1e-4)


@pytest.mark.parametrize("shared", [area.SHARED, 700], ids=["whole", "bands"])
def test_a_part_of_a_grid_is_cut_from_the_whole(shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area, "SHARED", shared)
    pixels = noise(90, 70)
    whole = by_torch(pixels, 50, 41)
    part = Averages(pixels).grid(cells(90, 50).part(13, 37), cells(70, 41).part(5, 41))
    assert part == pytest.approx(whole[13:37, 5:], abs=1e-4)


@pytest.mark.parametrize("shared", [area.SHARED, 700], ids=["whole", "bands"])
def test_squares_are_grids_on_crops(shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area, "SHARED", shared)
    pixels = noise(90, 120)
    boxes = np.array([[0, 0, 120, 90], [3, 5, 4, 6], [50, 40, 71, 61], [100, 0, 120, 90]])
    found = Averages(pixels).squares(boxes, 24)
    assert found.dtype == np.float32
    for (left, top, right, bottom), one in zip(boxes.tolist(), found, strict=True):
        assert one == pytest.approx(by_torch(pixels[top:bottom, left:right], 24, 24), abs=1e-4)


def test_no_squares_are_an_empty_array() -> None:
    assert Averages(noise(9, 9)).squares(np.zeros((0, 4), np.int64), 24).shape == (0, 24, 24, 3)


@pytest.mark.parametrize("shared", [area.SHARED, 10_000_000], ids=["bands", "whole"])
def test_sums_of_a_large_white_picture_do_not_overflow(shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area, "SHARED", shared)
    white = np.full((3100, 3000, 3), 255, np.uint8)
    assert (Averages(white).grid(cells(3100, 13), cells(3000, 13)) == 255).all()
