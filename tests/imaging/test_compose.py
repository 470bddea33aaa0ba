from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import light
from imaging.compose import composed
from imaging.errors import ShapeError

SHAPE = (150, 140)
BLACK = "#000000FF"


def noise(seed: int, channels: int = 4) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*SHAPE, channels), dtype=np.uint8)


def opaque(seed: int) -> NDArray[np.uint8]:
    return np.dstack([noise(seed, 3), np.full(SHAPE, 255, np.uint8)])


def test_every_level_survives_the_way_through_light() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert (light.levels(light.of(levels)) == levels).all()
    assert np.abs(light.exact_levels(light.of(levels)) - levels).max() < 0.1


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_a_subject_on_its_own_ground_gives_the_photo_back(seed: int) -> None:
    """The photo is light of subject and ground mixed by an exact alpha."""
    ground, subject = opaque(seed), noise(seed + 1)
    share = subject[..., 3:].astype(np.float64) / 255
    photo = light.levels(
        (light.of(subject[..., :3].copy()) * share + light.of(ground[..., :3].copy()) * (1 - share)).astype(np.float32)
    )
    found = composed(ground, None, BLACK, subject)
    assert (found[..., 3] == 255).all()
    assert np.abs(found[..., :3].astype(int) - photo).max() <= 1


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), see_through=st.booleans())
def test_opaque_pixels_and_untouched_ground_stay_as_they_are(seed: int, *, see_through: bool) -> None:
    ground = noise(seed) if see_through else opaque(seed)
    subject, opacity = noise(seed + 1), noise(seed + 2, 1)[..., 0]
    rng = np.random.default_rng(seed)
    subject[..., 3] = rng.choice([0, 0, 128, 255, 255], SHAPE)
    opacity[rng.random(SHAPE) < 0.5] = 0
    found = composed(ground, opacity, BLACK, subject)
    solid, untouched = subject[..., 3] == 255, (subject[..., 3] == 0) & (opacity == 0)
    assert (found[solid] == subject[solid]).all()
    assert (found[untouched] == ground[untouched]).all()


def test_a_transparent_ground_keeps_the_shadow() -> None:
    opacity = np.tile(np.arange(SHAPE[1], dtype=np.uint8), (SHAPE[0], 1))
    found = composed(np.zeros((*SHAPE, 4), np.uint8), opacity, "#204060FF", np.zeros((*SHAPE, 4), np.uint8))
    assert (found[..., 3] == opacity).all()
    assert (found[opacity > 0][:, :3] == (0x20, 0x40, 0x60)).all()
    assert (found[opacity == 0] == 0).all()


@pytest.mark.parametrize("colour", [(255, 255, 255, 255), (40, 90, 200, 255), (200, 20, 90, 77), (0, 0, 0, 0)])
def test_an_even_ground_is_shaded_like_any_other(colour: tuple[int, ...]) -> None:
    ground, nothing, opacity = np.zeros((*SHAPE, 4), np.uint8), np.zeros((*SHAPE, 4), np.uint8), noise(3, 1)[..., 0]
    ground[:] = colour
    even = composed(ground, opacity, "#30201080", nothing)
    ground[::7, ::7] = (1, 2, 3, 255)
    uneven = composed(ground, opacity, "#30201080", nothing)
    same = (ground == colour).all(axis=2)
    assert (even[same] == uneven[same]).all()


def test_half_of_the_light_is_left_under_a_shadow_of_half() -> None:
    ground = np.full((*SHAPE, 4), 255, np.uint8)
    found = composed(ground, np.full(SHAPE, 128, np.uint8), BLACK, np.zeros((*SHAPE, 4), np.uint8))
    assert abs(int(found[0, 0, 0]) - 187) <= 1
    weaker = composed(ground, np.full(SHAPE, 255, np.uint8), "#00000080", np.zeros((*SHAPE, 4), np.uint8))
    assert (weaker == found).all()


def test_what_lies_over_what_does_not_depend_on_the_order_of_laying() -> None:
    """A subject over a shadow, laid on a ground at once, is the same as their transparent picture laid on it."""
    ground, subject, opacity = opaque(1), noise(2), noise(3, 1)[..., 0]
    at_once = composed(ground, opacity, BLACK, subject)
    between = composed(np.zeros_like(ground), opacity, BLACK, subject)
    later = composed(ground, None, BLACK, between)
    dense = between[..., 3] > 60
    assert np.abs(at_once[dense].astype(int) - later[dense]).max() <= 3


@settings(max_examples=20)
@given(first=st.integers(0, 255), second=st.integers(0, 255))
def test_more_shadow_is_never_brighter(first: int, second: int) -> None:
    ground, nothing = opaque(4), np.zeros((*SHAPE, 4), np.uint8)
    low, high = (np.full(SHAPE, level, np.uint8) for level in sorted((first, second)))
    assert (composed(ground, high, BLACK, nothing) <= composed(ground, low, BLACK, nothing)).all()


def test_inputs_are_left_alone() -> None:
    ground, subject, opacity = opaque(5), noise(6), noise(7, 1)[..., 0]
    copies = ground.copy(), subject.copy(), opacity.copy()
    composed(ground, opacity, BLACK, subject)
    assert all((one == other).all() for one, other in zip((ground, subject, opacity), copies, strict=True))


@pytest.mark.parametrize("part", ["ground", "shadow"])
def test_parts_of_other_sizes_are_refused(part: str) -> None:
    small = np.zeros((3, 4, 4), np.uint8)
    with pytest.raises(ShapeError, match="another size"):
        composed(small if part == "ground" else opaque(0), small[..., 0], BLACK, noise(0))
