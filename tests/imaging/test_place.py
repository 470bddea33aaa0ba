from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imaging.cutout import CutOut
from imaging.place import Placement, PlacementError, cut_edges, placed, planned
from imaging.product_options import OptionsError, PhotoOptions, Place, Sides, read
from tests.imaging.products import block, cut, disc

SIDES = ("left", "top", "right", "bottom")
lengths = st.one_of(
    st.floats(0, 0.2).map(lambda ratio: f"{ratio:.3f}"),
    st.integers(0, 20).map(lambda percent: f"{percent}%"),
    st.integers(0, 20).map(lambda pixels: f"{pixels}px"),
)
sides = st.builds(Sides, left=lengths, top=lengths, right=lengths, bottom=lengths)
places = st.builds(
    Place,
    size=st.one_of(st.sampled_from(["original", "fitted"]), st.tuples(st.integers(90, 200), st.integers(90, 200))),
    padding=sides,
    margin=sides,
    horizontal=st.sampled_from(["left", "center", "right"]),
    vertical=st.sampled_from(["top", "center", "bottom"]),
    center=st.sampled_from(["box", "optical"]),
    snap=st.booleans(),
)


def even(length: str) -> Sides:
    return Sides(left=length, top=length, right=length, bottom=length)


@st.composite
def blocks(draw: st.DrawFn) -> CutOut:
    height, width = draw(st.integers(90, 160)), draw(st.integers(90, 160))
    left, top = draw(st.integers(0, width - 12)), draw(st.integers(0, height - 12))
    right, bottom = draw(st.integers(left + 12, width)), draw(st.integers(top + 12, height))
    return block(height, width, (left, top, right, bottom))


def on_canvas(cut_out: CutOut, plan: Placement) -> tuple[float, float, float, float]:
    """Return where the subject's box comes to lie: left, top, right, bottom."""
    left, top, right, bottom = (float(side) for side in cut_out.box)
    return (
        plan.left + plan.scale * left,
        plan.top + plan.scale * top,
        plan.left + plan.scale * right,
        plan.top + plan.scale * bottom,
    )


def fringed() -> CutOut:
    """500 x 400 pixels with hair on the right, five pixels long."""
    pixels = block(600, 600, (50, 100, 550, 500)).pixels
    pixels[100:500, 550:555] = 60
    return cut(pixels)


def test_the_edges_are_centred_and_a_soft_fringe_lies_inside_the_padding() -> None:
    plan = planned(fringed(), Place(size=(240, 240), padding=even("10px")))
    left, right = plan.left + plan.scale * 50, plan.left + plan.scale * 550
    assert left + right == pytest.approx(240, abs=0.2)
    assert plan.left + plan.scale * 555 == pytest.approx(230, abs=0.2)


@pytest.mark.parametrize("center", ["box", "optical"])
def test_it_stays_on_the_canvas_where_there_is_no_padding(center: Literal["box", "optical"]) -> None:
    left, _, right, _ = on_canvas(
        fringed(), planned(fringed(), Place(size=(240, 300), padding=even("0"), center=center))
    )
    assert left > -1e-6
    assert right < 240 + 1e-6


@settings(max_examples=200)
@given(cut_out=blocks(), wishes=places)
def test_a_subject_never_leaves_the_canvas(cut_out: CutOut, wishes: Place) -> None:
    try:
        plan = planned(cut_out, wishes)
    except PlacementError:
        assume(condition=False)
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert min(left, top) > -1e-6
    assert right < plan.width + 1e-6
    assert bottom < plan.height + 1e-6


@settings(max_examples=25)
@given(cut_out=blocks(), wishes=places)
def test_its_area_comes_with_it(cut_out: CutOut, wishes: Place) -> None:
    try:
        plan = planned(cut_out, wishes)
    except PlacementError:
        assume(condition=False)
    found = placed(cut_out, plan)
    assert found.shape == (plan.height, plan.width, 4)
    mass = found[..., 3].sum(dtype=float)
    assert math.isclose(mass, cut_out.alpha.sum(dtype=float) * plan.scale**2, rel_tol=0.03, abs_tol=255 * 4)
    assert (found[found[..., 3] == 0] == 0).all()


@settings(max_examples=50)
@given(room=st.tuples(lengths, lengths), size=st.tuples(st.integers(100, 400), st.integers(100, 400)))
def test_equal_padding_centres_and_leaves_exactly_that_room(room: tuple[str, str], size: tuple[int, int]) -> None:
    across, down = room
    wishes = Place(size=size, padding=Sides(left=across, right=across, top=down, bottom=down))
    cut_out = block(120, 150, (20, 10, 90, 100))
    plan = planned(cut_out, wishes)
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert math.isclose(left, plan.width - right, abs_tol=1e-6)
    assert math.isclose(top, plan.height - bottom, abs_tol=1e-6)
    free = (pixels_of(across, size[0]), pixels_of(down, size[1]))
    assert math.isclose(min(left - free[0], top - free[1]), 0, abs_tol=1e-6)
    assert max(left - free[0], top - free[1]) >= -1e-6


def pixels_of(length: str, side: int) -> float:
    if length.endswith("px"):
        return float(length[:-2])
    return float(length[:-1]) / 100 * side if length.endswith("%") else float(length) * side


@pytest.mark.parametrize("size", ["original", "fitted", (200, 200)])
def test_ratio_percent_and_pixels_agree(size: object) -> None:
    cut_out = block(200, 200, (50, 60, 170, 180))
    whole = 150 if size == "fitted" else 200  # 120 of it are left by a fifth of padding
    plans = [
        planned(cut_out, Place.model_validate({"size": size, "padding": length}))
        for length in (0.1, "10%", f"{whole // 10}px")
    ]
    assert plans[0] == plans[1] == plans[2]
    assert plans[0].height == whole


def test_margin_adds_to_padding() -> None:
    cut_out = block(100, 100, (30, 30, 60, 70))
    both = planned(cut_out, Place(padding=even("5%"), margin=even("10px"), size=(300, 200)))
    left, top, right, bottom = on_canvas(cut_out, both)
    assert (top, 200 - bottom) == (20, 20)
    assert left == pytest.approx(300 - right)


@settings(max_examples=50)
@given(cut_out=blocks(), room=sides)
def test_a_fitted_canvas_is_the_subject_and_its_room(cut_out: CutOut, room: Sides) -> None:
    plan = planned(cut_out, Place(size="fitted", padding=room, snap=False))
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert plan.scale == 1
    free = {"left": left, "top": top, "right": plan.width - right, "bottom": plan.height - bottom}
    for side in SIDES:
        along = plan.width if side in {"left", "right"} else plan.height
        assert abs(free[side] - pixels_of(getattr(room, side), along)) <= 1
    found = placed(cut_out, plan)
    xmin, ymin, xmax, ymax = cut_out.box
    assert (found[int(top) : int(bottom), int(left) : int(right)] == cut_out.pixels[ymin:ymax, xmin:xmax]).all()


@pytest.mark.parametrize(("horizontal", "expected"), [("left", 20), ("center", 70), ("right", 120)])
def test_alignment_in_the_room_left(horizontal: str, expected: float) -> None:
    cut_out = block(100, 100, (40, 10, 60, 70))
    plan = planned(cut_out, Place.model_validate({"size": [200, 200], "padding": 0.1, "horizontal": horizontal}))
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert (top, bottom) == pytest.approx((20, 180))
    assert right - left == pytest.approx(160 / 3)
    assert left == pytest.approx(20 + (expected - 20) / 100 * (160 - 160 / 3))


def test_fill_covers_the_room_and_fit_stays_in_it() -> None:
    cut_out = block(100, 100, (40, 10, 60, 70))
    fill = planned(cut_out, Place(size=(200, 200), padding=even("10%"), scale="fill"))
    assert fill.scale == pytest.approx(8)
    left, top, right, bottom = on_canvas(cut_out, fill)
    assert (left, right) == pytest.approx((20, 180))
    assert top < 0
    assert bottom > 200
    assert placed(cut_out, fill)[:, 25:175, 3].min() == 255


def test_optical_centring_puts_the_centre_of_mass_in_the_middle_but_keeps_the_room() -> None:
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[10:90, 20:30] = 255
    pixels[45:55, 30:60] = 255  # a handle at the right
    cut_out = cut(pixels)
    plan = planned(cut_out, Place(size=(300, 200), padding=even("10px"), center="optical"))
    mass = cut_out.alpha.sum(axis=0) / cut_out.alpha.sum()
    assert plan.left + plan.scale * float(mass @ (np.arange(100) + 0.5)) == pytest.approx(150, abs=0.01)
    narrow = planned(cut_out, Place(size=(110, 200), padding=even("10px"), center="optical"))
    left, _, right, _ = on_canvas(cut_out, narrow)
    assert left >= 10 - 1e-6
    assert right <= 100 + 1e-6


@pytest.mark.parametrize("side", SIDES)
def test_a_side_that_the_frame_cuts_lies_flush(side: str) -> None:
    area = {"left": (0, 30, 50, 70), "top": (30, 0, 70, 50), "right": (50, 30, 100, 70), "bottom": (30, 50, 70, 100)}
    cut_out = block(100, 100, area[side])
    assert cut_edges(cut_out) == {side}
    plan = planned(cut_out, Place(size=(200, 180), padding=even("10%")))
    assert plan.cut == {side}
    found = placed(cut_out, plan)[..., 3]
    edges = {"left": found[:, 0], "top": found[0], "right": found[:, -1], "bottom": found[-1]}
    assert {edge for edge, line in edges.items() if line.any()} == {side}
    assert edges[side].max() == 255
    loose = planned(cut_out, Place(size=(200, 180), padding=even("10%"), snap=False))
    assert loose.cut == {side}
    assert not any(placed(cut_out, loose)[..., 3][line].any() for line in (0, -1))


def test_a_subject_cut_on_both_sides_spans_the_canvas() -> None:
    cut_out = block(100, 200, (0, 20, 200, 90))
    plan = planned(cut_out, Place(padding=even("20%")))
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert (left, right) == (0, 200)
    assert top == pytest.approx(100 - bottom)
    tall = planned(cut_out, Place(size=(200, 40)))  # to span it would leave the canvas
    _, top, _, bottom = on_canvas(cut_out, tall)
    assert (top, bottom) == pytest.approx((0, 40))


def test_a_whisker_across_the_frame_is_no_cut() -> None:
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[50:350, 50:350] = 255
    pixels[200:201, 350:] = 255
    assert cut_edges(cut(pixels)) == set()


def test_as_is_keeps_the_photo() -> None:
    cut_out = disc(100, 30, 40, 20)
    plan = planned(cut_out, Place(subject="as_is"))
    assert (placed(cut_out, plan) == cut_out.pixels).all()
    larger = planned(cut_out, Place(subject="as_is", size=(300, 200), horizontal="right"))
    assert (larger.scale, larger.left, larger.top) == (2, 100, 0)
    covering = planned(cut_out, Place(subject="as_is", size=(300, 200), scale="fill", vertical="bottom"))
    assert (covering.scale, covering.left, covering.top) == (3, 0, -100)


@pytest.mark.parametrize("wish", [{"size": "fitted"}, {"padding": "1px"}, {"margin": 0.1}, {"center": "optical"}])
def test_as_is_refuses_what_would_move_the_subject(wish: dict[str, object]) -> None:
    with pytest.raises(PlacementError, match="as_is"):
        planned(disc(100, 30, 40, 20), Place.model_validate({"subject": "as_is", **wish}))


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (Place(size=(100, 100), padding=even("50px")), "50 and 50 pixels leave no room .* canvas of 100"),
        (Place(size="fitted", padding=even("40%"), margin=even("20%")), "120%"),
        (Place(size="fitted", padding=even("49%"), margin=even("0.9%")), "at most 50000000"),
        (Place(size=(9000, 9000)), "9000 x 9000 pixels: at most 50000000"),
        (Place(size=(2000, 2000)), "only 40 x 40 pixels and would be enlarged 50 times: at most 16"),
    ],
)
def test_what_cannot_be_placed_is_an_error_with_its_figures(wishes: Place, said: str) -> None:
    with pytest.raises(PlacementError, match=said):
        planned(block(100, 100, (20, 20, 60, 60)), wishes)


def test_nothing_cannot_be_placed() -> None:
    with pytest.raises(PlacementError, match="nothing was found"):
        planned(cut(np.zeros((50, 50, 4), np.uint8)), Place())


@settings(max_examples=50)
@given(wishes=places)
def test_options_come_back_from_their_json(wishes: Place) -> None:
    options = PhotoOptions(place=wishes)
    assert read(options.model_dump_json().encode(), PhotoOptions) == options


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(OptionsError, match=r"place\.padding\.left"):
        read(b'{"place": {"padding": {"left": "70%"}}}', PhotoOptions)
