from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perf.quality import figures, shadows
from perf.quality.figures import Bytes


def rectangle(shape: tuple[int, int], top: int, left: int, low: int, right: int) -> Bytes:
    alpha = np.zeros(shape, np.uint8)
    alpha[top:low, left:right] = 255
    return alpha


SQUARE = rectangle((100, 100), 20, 20, 60, 60)


def test_iou_counts_pixels_at_a_half() -> None:
    assert figures.iou(SQUARE, SQUARE) == 1
    half = rectangle((100, 100), 20, 20, 60, 40)
    assert figures.iou(half, SQUARE) == 0.5
    assert figures.iou(np.minimum(SQUARE, 127), SQUARE) == 0
    assert figures.iou(np.zeros_like(SQUARE), np.zeros_like(SQUARE)) == 1


def test_boundary_iou_is_that_of_inner_contours() -> None:
    """2 % of the diagonal of 100 x 100 is 3 pixels: the contour of a square of 40 is 40² - 34² pixels."""
    grown = rectangle((100, 100), 19, 20, 60, 60)
    contour, other = 40 * 40 - 34 * 34, 41 * 40 - 35 * 34
    both = np.zeros((100, 100), bool)
    both[20:60, 20:60] = True
    both[23:57, 23:57] = False
    taller = np.zeros((100, 100), bool)
    taller[19:60, 20:60] = True
    taller[22:57, 23:57] = False
    common = int((both & taller).sum())
    assert figures.boundary_iou(grown, SQUARE) == pytest.approx(common / (contour + other - common))
    assert figures.boundary_iou(SQUARE, SQUARE) == 1


def test_a_large_subject_cannot_hide_a_bad_edge_and_the_frame_is_an_edge() -> None:
    large = rectangle((200, 200), 0, 0, 200, 180)
    worse = rectangle((200, 200), 0, 0, 200, 176)
    assert figures.iou(worse, large) > 0.97
    assert figures.boundary_iou(worse, large) < 0.9
    assert figures.boundary_iou(large, large) == 1


def test_a_composite_is_blended_in_linear_light() -> None:
    half = np.array([[[255, 255, 255, 128]]], np.uint8)
    assert figures.on(half, (0, 0, 0))[0, 0] == pytest.approx([188, 188, 188], abs=0.6)
    assert figures.on(half, (255, 255, 255))[0, 0] == pytest.approx([255, 255, 255], abs=1e-6)


@given(st.integers(0, 255), st.integers(0, 255))
def test_light_and_levels_are_inverses(level: int, other: int) -> None:
    there = np.array([level, other], np.uint8)
    assert figures.levels(figures.linear(there)) == pytest.approx([level, other], abs=1e-6)


def test_a_halo_is_the_colour_error_at_the_edge_alone() -> None:
    true = np.dstack([np.full((100, 100, 3), 40, np.uint8), SQUARE])
    assert figures.halo(true, true) == 0
    inside = true.copy()
    inside[35:45, 35:45, :3] = 200
    assert figures.halo(inside, true) == 0, "the middle is no edge"
    wrong = true.copy()
    wrong[..., :3] = 60
    band = figures.edge(SQUARE)
    share = float((SQUARE[band] == 255).mean())
    assert figures.halo(wrong, true) == pytest.approx(20 * share), "a fifth of the way to white, where opaque"


def test_a_light_fringe_costs_more_the_lighter_it_is() -> None:
    true = np.dstack([np.full((100, 100, 3), 20, np.uint8), SQUARE])
    costs = []
    for level in (20, 80, 160, 250):
        fringed = true.copy()
        fringed[18:62, 18:62][true[18:62, 18:62, 3] == 0] = (level, level, level, 128)
        costs.append(figures.halo(fringed, true))
    assert costs == sorted(costs)
    assert costs[-1] > costs[0] + 10


def test_a_box_knows_parts_of_a_pixel() -> None:
    alpha = SQUARE.copy()
    assert figures.box(alpha) == (20, 20, 60, 60)
    alpha[20:60, 60] = 64
    found = figures.box(alpha)
    assert found is not None
    assert found[2] == pytest.approx(60.25, abs=0.01)
    alpha[20:60, 60] = 192
    found = figures.box(alpha)
    assert found is not None
    assert found[2] == pytest.approx(60.75, abs=0.01)
    assert figures.box(np.zeros((5, 5), np.uint8)) is None


@settings(max_examples=40)
@given(shift_x=st.integers(-30, 30), shift_y=st.integers(-30, 30), factor=st.sampled_from([1, 2, 3]))
def test_centring_finds_any_shift_at_any_scale(shift_x: int, shift_y: int, factor: int) -> None:
    true = rectangle((120, 100), 30, 20, 70, 80)
    canvas = np.zeros((400, 400), np.uint8)
    large = np.repeat(np.repeat(true[30:70, 20:80], factor, 0), factor, 1)
    top, left = 200 - large.shape[0] // 2 + shift_y, 200 - large.shape[1] // 2 + shift_x
    canvas[top : top + large.shape[0], left : left + large.shape[1]] = large
    found = figures.centring(true, canvas, true)
    assert found == pytest.approx(np.hypot(shift_x, shift_y), abs=0.02 * factor + 0.02)


def test_a_speck_that_pulls_the_box_aside_is_a_centring_error() -> None:
    true = rectangle((100, 100), 40, 40, 60, 60)
    specked = true.copy()
    specked[45:50, 90:95] = 255
    canvas = np.zeros((200, 200), np.uint8)
    whole = specked[40:60, 40:95]
    canvas[90:110, 100 - 27 : 100 - 27 + 55] = whole
    assert figures.centring(specked, canvas, true) == pytest.approx(17, abs=1)


def test_nothing_is_asked_along_an_axis_that_the_frame_cuts() -> None:
    cut = rectangle((100, 100), 30, 0, 70, 50)
    canvas = rectangle((200, 200), 83, 0, 123, 50)
    assert figures.cut_sides(cut) == ("left",)
    assert figures.centring(cut, canvas, cut) == pytest.approx(3, abs=0.05)
    both = rectangle((100, 100), 0, 0, 50, 50)
    assert figures.centring(both, both, both) is None
    assert figures.centring(np.zeros_like(cut), canvas, cut) is None


def shaded(strength: float, left: int = 60, right: int = 140, depth: int = 30) -> figures.Reals:
    shade = np.zeros((200, 200))
    shade[150 : 150 + depth, left:right] = np.linspace(strength, 0, depth)[:, None]
    return shade


SUBJECT = rectangle((200, 200), 60, 60, 150, 140)


def test_the_same_shadow_is_as_natural_as_can_be() -> None:
    found = shadows.compare(shaded(0.5), shaded(0.5), [SUBJECT])
    assert [found.correlation, found.ssim, found.contact] == pytest.approx([1, 1, 1])


def test_a_missing_or_misplaced_shadow_is_less_natural_than_a_weak_one() -> None:
    true = shaded(0.5)
    weak = shadows.compare(shaded(0.3), true, [SUBJECT])
    aside = shadows.compare(shaded(0.5, 10, 60), true, [SUBJECT])
    missing = shadows.compare(np.zeros((200, 200)), true, [SUBJECT])
    assert weak.correlation == pytest.approx(1, abs=0.01)
    assert weak.contact == pytest.approx(0.6, abs=0.01)
    assert weak.correlation > aside.correlation >= missing.correlation == 0
    assert weak.ssim > aside.ssim
    assert missing.contact < 0.05


@given(st.floats(0.05, 0.9), st.floats(0.05, 0.9))
@settings(max_examples=20)
def test_likeness_is_the_same_both_ways_and_within_bounds(one: float, other: float) -> None:
    assume(abs(one - other) > 1e-3)
    there = shadows.compare(shaded(one), shaded(other, depth=20), [SUBJECT])
    back = shadows.compare(shaded(other, depth=20), shaded(one), [SUBJECT])
    assert there.correlation == pytest.approx(back.correlation)
    assert there.contact == pytest.approx(back.contact)
    assert all(0 <= value <= 1 for value in (there.correlation, there.ssim, there.contact))


def test_what_subjects_cover_is_left_out() -> None:
    noisy = shaded(0.5)
    noisy[70:140, 70:130] = 1
    assert shadows.compare(noisy, shaded(0.5), [SUBJECT]).correlation == pytest.approx(1)


def test_opacity_is_the_light_that_white_has_lost() -> None:
    picture = np.full((4, 4, 3), 255, np.uint8)
    picture[0] = 188
    found = shadows.opacity(picture)
    assert found[0] == pytest.approx([0.5] * 4, abs=0.005)
    assert found[1:] == pytest.approx(np.zeros((3, 4)), abs=1e-9)


def test_the_feet_are_where_the_subject_ends_lowest() -> None:
    table = rectangle((100, 100), 20, 20, 30, 80)
    table[30:80, 20:24] = 255
    table[30:80, 76:80] = 255
    below = shadows.below_feet(table)
    assert set(np.flatnonzero(below.any(axis=0))) == {20, 21, 22, 23, 76, 77, 78, 79}
    assert set(np.flatnonzero(below.any(axis=1))) == {80, 81, 82}
