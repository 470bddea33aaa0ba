from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.product_options import Shadow
from imaging.shadow import cast
from tests.imaging.products import animal, block, disc, jar, table, tripod

KINDS = ("dual", "drop", "floating")
shadows = st.builds(
    Shadow,
    kind=st.sampled_from(KINDS),
    direction=st.floats(0, 359.9),
    length=st.floats(0, 2),
    softness=st.floats(0, 1),
    opacity=st.floats(0, 1),
    contact=st.floats(0, 1),
)


def shade(subject: NDArray[np.uint8], wishes: Shadow) -> NDArray[np.uint8]:
    found = cast(subject, wishes)
    assert found is not None
    return found


@settings(max_examples=40)
@given(wishes=shadows, height=st.integers(16, 120), width=st.integers(16, 120), seed=st.integers(0, 99))
def test_any_subject_on_any_canvas_has_a_sound_shadow(wishes: Shadow, height: int, width: int, seed: int) -> None:
    subject = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    subject[: height // 4] = 0
    found = shade(subject, wishes)
    assert found.shape == (height, width)
    most = 1 - (1 - wishes.opacity) * (1 - wishes.contact) if wishes.kind == "dual" else wishes.opacity
    assert found.max() <= round(255 * most) + 1


@settings(max_examples=25)
@given(wishes=shadows, more=st.floats(0, 1), field=st.sampled_from(["opacity", "contact"]))
def test_more_opacity_is_nowhere_lighter(wishes: Shadow, more: float, field: str) -> None:
    darker = wishes.model_copy(update={field: max(more, getattr(wishes, field))})
    assert (shade(table(), darker) >= shade(table(), wishes)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_without_opacity_there_is_no_shadow(kind: str) -> None:
    wishes = Shadow.model_validate({"kind": kind, "opacity": 0.0, "contact": 0.0})
    assert not shade(table(), wishes).any()


def test_nothing_and_no_shadow_throw_none() -> None:
    assert cast(table(), Shadow()) is None
    for kind in KINDS:
        assert cast(np.zeros((50, 50, 4), np.uint8), Shadow.model_validate({"kind": kind})) is None


def test_what_the_frame_cuts_at_the_bottom_stands_on_nothing_that_is_seen() -> None:
    subject = block(100, 100, (20, 40, 80, 100)).pixels
    assert cast(subject, Shadow(kind="dual"), {"bottom"}) is None
    assert cast(subject, Shadow(kind="floating"), {"bottom"}) is None
    assert cast(subject, Shadow(kind="drop"), {"bottom"}) is not None


def test_contact_is_under_every_foot_and_not_under_the_air_between() -> None:
    for subject, grounds, airs in (
        (table(), [(110, 320), (290, 320)], [(200, 321), (160, 321), (200, 182)]),
        (tripod(), [(80, 344), (320, 344), (220, 314)], [(140, 345), (270, 345), (180, 330)]),
    ):
        found = shade(subject, Shadow(kind="dual", opacity=0.0, contact=1.0))
        assert min(found[y, x] for x, y in grounds) > 100
        assert max(found[y, x] for x, y in airs) < 16


@pytest.mark.parametrize(
    ("direction", "across", "down"), [(0.0, 0, -1), (90.0, 1, 0), (135.0, 1, 1), (180.0, 0, 1), (270.0, -1, 0)]
)
def test_the_cast_falls_where_it_is_told(direction: float, across: int, down: int) -> None:
    wishes = Shadow(kind="dual", contact=0.0, opacity=1.0, direction=direction, length=0.6, softness=0.2)
    found = shade(block(300, 300, (130, 100, 170, 200)).pixels, wishes).astype(float)
    rows, columns = np.mgrid[:300, :300]
    x, y = (float((axis * found).sum() / found.sum()) for axis in (columns - 149.5, rows - 199.5))
    assert x * across > 8 if across else abs(x) < 3
    assert y * down > 2 if down else abs(y) < 12


def test_the_cast_is_softer_and_fainter_far_from_the_feet() -> None:
    wishes = Shadow(kind="dual", contact=0.0, opacity=1.0, direction=180, length=1.5, softness=0.6)
    found = shade(block(400, 400, (170, 60, 230, 200)).pixels, wishes).astype(float)
    near, far = found[212], found[262]
    assert near.max() > 1.3 * far.max()
    steepest = [np.abs(np.diff(line)).max() / line.max() for line in (near, far)]
    assert steepest[0] > 1.5 * steepest[1]


def test_length_reaches_as_far_as_it_says() -> None:
    for length in (0.25, 0.5, 1.0):
        wishes = Shadow(kind="dual", contact=0.0, opacity=1.0, direction=180, length=length, softness=0.0)
        found = shade(block(500, 300, (100, 50, 200, 250)).pixels, wishes)[:, 150]
        reach = np.flatnonzero(found > 40).max() - 250
        assert abs(reach - 0.5 * length * 200) < 8


def test_a_drop_shadow_is_the_silhouette_moved() -> None:
    wishes = Shadow(kind="drop", direction=90, length=1.0, softness=0.0, opacity=1.0)
    subject = block(200, 200, (60, 50, 120, 150)).pixels
    found = shade(subject, wishes)
    assert found[100, 75:125].min() > 250
    assert found[100, 50:62].max() < 40


def test_a_floating_subject_has_its_shadow_below_it() -> None:
    found = shade(disc(400, 200, 160, 80).pixels, Shadow(kind="floating", direction=180)).astype(float)
    rows, columns = np.mgrid[:400, :400] + 0.5
    assert abs((columns * found).sum() / found.sum() - 200) < 2
    assert (rows * found).sum() / found.sum() > 245
    spread = [np.sqrt((axis**2 * found).sum() / found.sum()) for axis in (columns - 200, rows - 265)]
    assert spread[0] > 2 * spread[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", [0.0, 60.0, 180.0, 270.0])
def test_no_shadow_is_cut_by_the_canvas(kind: str, direction: float) -> None:
    wishes = Shadow.model_validate({"kind": kind, "direction": direction, "length": 2.0, "opacity": 1.0})
    found = shade(block(200, 200, (60, 60, 140, 170)).pixels, wishes)
    assert max(line.max() for line in (found[0], found[-1], found[:, 0], found[:, -1])) <= 12


@pytest.mark.parametrize("direction", [90.0, 150.0, 180.0])
def test_a_subject_that_goes_on_beyond_the_canvas_keeps_its_shadow_there(direction: float) -> None:
    subject = block(200, 200, (0, 60, 120, 150)).pixels
    found = cast(subject, Shadow(kind="dual", direction=direction, length=0.6), {"left"})
    assert found is not None
    for row in (151, 154, 158):
        assert np.abs(found[row, :50].astype(int) - int(found[row, 50])).max() <= 6


def test_a_soft_shadow_shows_no_bands() -> None:
    """Between two levels lies noise of both, rather than a contour line."""
    found = shade(disc(900, 450, 400, 250).pixels, Shadow(kind="floating", softness=1.0, opacity=0.3))
    line = found[700:720, 300:600].astype(int)
    assert np.abs(np.diff(line, axis=1)).max() <= 1 + 1
    assert len(np.unique(line)) >= 2
    assert all(len(np.unique(row)) > 1 for row in line)


def test_the_size_of_the_canvas_hardly_matters() -> None:
    subject = disc(300, 150, 150, 100)
    small = shade(subject.pixels, Shadow(kind="dual"))
    large = shade(disc(1800, 900, 900, 600).pixels, Shadow(kind="dual"))
    means = large.reshape(300, 6, 300, 6).mean(axis=(1, 3))
    assert np.abs(means - small)[subject.alpha == 0].mean() < 1


@pytest.mark.parametrize("direction", [150.0, 165.0, 200.0])
def test_nothing_falls_into_the_air_above_a_group_on_uneven_feet(direction: float) -> None:
    group = np.zeros((400, 500, 4), np.uint8)
    for left, top, right, bottom in ((60, 150, 180, 250), (180, 120, 260, 330), (270, 160, 430, 320)):
        group[top:bottom, left:right] = (60, 60, 60, 255)
    assert shade(group, Shadow(kind="dual", direction=direction))[:110].max() == 0


@pytest.mark.parametrize("direction", [115.0, 165.0, 180.0, 300.0])
def test_no_stripe_stands_beside_the_legs_of_an_animal(direction: float) -> None:
    found = shade(animal(), Shadow(kind="dual", direction=direction))
    assert found[192:215].max() <= 2
    assert min(found[285, 119], found[285, 274], found[267, 164], found[267, 321]) > 60


@pytest.mark.parametrize("direction", [115.0, 165.0, 180.0, 245.0])
def test_the_shadow_of_a_ball_has_no_wings(direction: float) -> None:
    """Along every row below it the shadow darkens once, and only once it fades."""
    found = shade(disc(400, 200, 180, 110).pixels, Shadow(kind="dual", direction=direction)).astype(int)
    for row in found[292:340:4]:
        middle = int(np.argmax(np.convolve(row, np.ones(9), "same")))
        rising, falling = row[: middle + 1], row[middle:]
        assert (np.maximum.accumulate(rising) - rising).max() <= 5
        assert (np.maximum.accumulate(falling[::-1]) - falling[::-1]).max() <= 5


@settings(max_examples=10)
@given(ratio=st.floats(0.2, 0.6))
def test_contact_goes_around_a_round_base_and_not_past_it(ratio: float) -> None:
    found = shade(jar(ratio), Shadow(kind="dual", opacity=0.0, contact=1.0))
    bottom = round(300 + 80 * ratio)
    assert min(found[300, 118], found[300, 282], found[bottom + 2, 200]) > 80
    assert max(found[bottom, 110], found[bottom, 290]) < 0.5 * found[bottom + 2, 200]


def test_softer_light_makes_a_wider_contact() -> None:
    counts = [
        int((shade(table(), Shadow(kind="dual", opacity=0.0, softness=softness)) > 8).sum())
        for softness in (0.0, 0.5, 1.0)
    ]
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("kind", KINDS)
def test_glass_throws_where_it_stands(kind: str) -> None:
    glass = shade(jar(0.3, 90), Shadow.model_validate({"kind": kind, "opacity": 1.0})).astype(int)
    solid = shade(jar(0.3), Shadow.model_validate({"kind": kind, "opacity": 1.0})).astype(int)
    for found in (glass, solid):
        rows = np.flatnonzero(found.max(axis=1) > 0.5 * found.max())
        assert rows[-1] > 320


def test_no_contact_shadow_fills_a_loop_that_lies_on_the_ground() -> None:
    loop = np.zeros((400, 400, 4), np.uint8)
    rows, columns = np.mgrid[:400, :400]
    rim = np.hypot((columns - 200) / 80, (rows - 250) / 40)
    loop[..., 3] = np.where((rim < 1) & (rim > 0.85), 255, 0)
    found = shade(loop, Shadow(kind="dual", opacity=0.0, contact=1.0))
    assert found[250, 200] < 0.3 * found[292, 200]


def test_a_floating_shadow_fades_from_its_middle_and_is_no_even_spot() -> None:
    found = shade(disc(400, 200, 160, 80).pixels, Shadow(kind="floating", direction=180)).astype(int)
    row, middle = found[int(np.argmax(found.max(axis=1)))], int(found.max())
    wide = [int((row > share * middle).sum()) for share in (0.9, 0.1)]
    assert wide[1] > 2.2 * wide[0]
