"""A subject beside a template: what that takes of the canvas stays free of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imaging.cutout import CutOut
from imaging.place import Placement, PlacementError, placed, planned
from imaging.product_options import Place, Sides
from imaging.template_fields import Values
from imaging.template_room import TemplateRoom
from imaging.template_schema import Sheet
from tests.imaging.products import block
from tests.imaging.test_place import SIDES, blocks, even, on_canvas, places

OPPOSITE = {"left": "right", "top": "bottom", "right": "left", "bottom": "top"}
lengths = st.one_of(
    st.sampled_from(["px", "%", "vw", "vh", "vmin", "vmax"]).flatmap(
        lambda unit: st.integers(0, 25).map(lambda amount: f"{amount}{unit}")
    ),
    st.floats(0, 0.25).map(lambda share: f"{share:.3f}"),
)
reserves = st.fixed_dictionaries(dict.fromkeys(SIDES, lengths)).map(lambda sides: room(reserve=sides))


def bar(side: str, length: str) -> dict[str, Any]:
    ends = {end: 0 for end in SIDES if end != OPPOSITE[side]}
    return {"kind": "bar", "box": {**ends, "height" if side in {"top", "bottom"} else "width": length}}


bars = st.lists(st.builds(bar, st.sampled_from(SIDES), lengths), max_size=3).map(lambda found: room(elements=found))


def room(**sheet: object) -> TemplateRoom:
    return TemplateRoom("template probe", Sheet.model_validate(sheet), Values({}, {}))


def planned_or_not(cut_out: CutOut, wishes: Place, reserve: TemplateRoom | None) -> Placement:
    try:
        return planned(cut_out, wishes, reserve)
    except PlacementError:
        assume(condition=False)
        raise


@settings(max_examples=300)
@given(cut_out=blocks(), wishes=places, reserve=st.one_of(reserves, bars))
def test_a_subject_never_lies_in_what_is_reserved(cut_out: CutOut, wishes: Place, reserve: TemplateRoom) -> None:
    plan = planned_or_not(cut_out, wishes, reserve)
    kept = reserve.on(plan.height, plan.width)
    left, top, right, bottom = on_canvas(cut_out, plan)
    assert left > kept.left - 1e-6
    assert top > kept.top - 1e-6
    assert right < plan.width - kept.right + 1e-6
    assert bottom < plan.height - kept.bottom + 1e-6


@given(cut_out=blocks(), wishes=places)
def test_what_takes_no_room_changes_nothing(cut_out: CutOut, wishes: Place) -> None:
    assert planned_or_not(cut_out, wishes, room()) == planned(cut_out, wishes)


@given(cut_out=blocks(), wishes=places, side=st.sampled_from(SIDES), pixels=st.integers(0, 20))
def test_it_is_a_larger_margin(cut_out: CutOut, wishes: Place, side: str, pixels: int) -> None:
    """In pixels, where padding is the canvas' matter alone and no edge of the photo cuts the subject."""
    margin = wishes.margin.model_copy(update={side: "4px"})
    larger = wishes.margin.model_copy(update={side: f"{pixels + 4}px"})
    plain = wishes.model_copy(update={"snap": False, "margin": margin})
    plan = planned_or_not(cut_out, plain, room(reserve={side: f"{pixels}px"}))
    other = planned(cut_out, plain.model_copy(update={"margin": larger}))
    # Half a pixel may be rounded either way.
    assert (plan.height, plan.width) == pytest.approx((other.height, other.width), abs=1)
    assert (plan.scale, plan.left, plan.top) == pytest.approx((other.scale, other.left, other.top), abs=1)


@pytest.mark.parametrize("side", SIDES)
def test_a_side_that_the_frame_cuts_lies_flush_with_what_is_left(side: str) -> None:
    area = {"left": (0, 30, 50, 70), "top": (30, 0, 70, 50), "right": (50, 30, 100, 70), "bottom": (30, 50, 70, 100)}
    plan = planned(block(100, 100, area[side]), Place(size=(200, 180), padding=even("10%")), room(reserve={side: 0.1}))
    alpha = placed(block(100, 100, area[side]), plan)[..., 3]
    lines = {"left": alpha.T, "top": alpha, "right": alpha.T[::-1], "bottom": alpha[::-1]}[side]
    kept = len(lines) // 10
    assert not lines[:kept].any()
    assert lines[kept].max() == 255


def test_a_subject_cut_on_both_sides_spans_what_is_left() -> None:
    reserve = room(elements=[bar("left", "40px"), bar("bottom", "20px")])
    plan = planned(block(100, 200, (0, 20, 200, 90)), Place(padding=even("20%")), reserve)
    left, top, right, bottom = on_canvas(block(100, 200, (0, 20, 200, 90)), plan)
    assert (left, right) == (40, 200)
    assert (top + bottom) / 2 == pytest.approx(40)


@pytest.mark.parametrize(("vertical", "expected"), [("top", (18, 90)), ("center", (36, 108)), ("bottom", (54, 126))])
def test_alignment_and_padding_go_by_what_is_left(vertical: str, expected: tuple[float, float]) -> None:
    wishes = Place.model_validate({"size": [100, 180], "padding": "10%", "vertical": vertical})
    cut_out = block(100, 100, (20, 20, 70, 65))
    _, top, _, bottom = on_canvas(cut_out, planned(cut_out, wishes, room(elements=[bar("bottom", "20%")])))
    assert (top, bottom) == pytest.approx(expected)


@pytest.mark.parametrize("length", ["30px", "18vmin", "0.4", "25vw", "60vmin"])
@pytest.mark.parametrize("area", [(10, 10, 90, 90), (40, 5, 60, 95), (5, 40, 95, 60)])
def test_a_fitted_canvas_grows_by_exactly_what_it_keeps(length: str, area: tuple[int, int, int, int]) -> None:
    cut_out, reserve = block(100, 100, area), room(elements=[bar("bottom", length)])
    wishes = Place(size="fitted", padding=Sides(left="10px", top="8px"))
    plan = planned(cut_out, wishes, reserve)
    _, top, right, bottom = on_canvas(cut_out, plan)
    assert (plan.scale, top, right) == (1, 8, plan.width)
    assert plan.height - bottom == reserve.on(plan.height, plan.width).bottom > 0


def test_the_photo_as_it_is_stays_as_it_is() -> None:
    cut_out = block(100, 100, (20, 20, 60, 100))
    wishes = Place(subject="as_is")
    assert planned(cut_out, wishes, room(elements=[bar("bottom", "30%")])) == planned(cut_out, wishes)


def test_filling_goes_by_what_is_left() -> None:
    cut_out = block(100, 100, (40, 10, 60, 70))
    wishes = Place(size=(200, 200), scale="fill", vertical="bottom")
    plan = planned(cut_out, wishes, room(elements=[bar("bottom", "40px")]))
    left, _, right, bottom = on_canvas(cut_out, plan)
    assert (left, right, bottom) == pytest.approx((0, 200, 160))


@pytest.mark.parametrize(
    ("sheet", "wishes", "said"),
    [
        ({"elements": [bar("bottom", "200px")]}, Place(), "template probe takes all of a canvas of 100 pixels"),
        ({"reserve": {"top": "60vw"}}, Place(padding=even("25%")), "25 and 25 .* the 60 and 0 that template probe"),
        ({"elements": [bar("top", "60%"), bar("bottom", "40%")]}, Place(size="fitted"), "template probe takes so much"),
    ],
)
def test_a_template_that_leaves_no_room_is_named(sheet: dict[str, Any], wishes: Place, said: str) -> None:
    with pytest.raises(PlacementError, match=said):
        planned(block(100, 100, (20, 20, 60, 60)), wishes, room(**sheet))


def test_a_fitted_canvas_with_a_bar_larger_than_the_subject() -> None:
    cut_out = block(100, 100, (20, 20, 60, 60))
    plan = planned(cut_out, Place(size="fitted"), room(elements=[bar("bottom", "300px")]))
    assert (plan.height, plan.width) == (340, 40)
    assert math.isclose(on_canvas(cut_out, plan)[1], 0)
