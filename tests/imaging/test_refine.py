from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.cutout import cut_out
from imaging.errors import ShapeError
from imaging.product_options import Refine
from imaging.refine import refined
from tests.imaging import white_scenes
from tests.imaging.test_edge import disc

NOTHING = Refine(specks=0.0, white_on_white="off")
sides = st.integers(1, 200)


@settings(max_examples=25)
@given(height=sides, width=sides, seed=st.integers(0, 1000), covered=st.booleans())
def test_without_a_wish_it_is_the_plain_cut_out(height: int, width: int, seed: int, covered: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(seed)
    full = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    small = rng.integers(0, 256, (16, 16), dtype=np.uint8)
    coverage = rng.integers(0, 256, (height, width), dtype=np.uint8) if covered else None
    found, expected = refined(small, full, coverage, NOTHING), cut_out(small, full, coverage)
    assert (found.pixels == expected.pixels).all()
    assert (found.alpha == expected.alpha).all()
    assert (found.box == expected.box).all()


@settings(max_examples=25)
@given(
    height=sides,
    width=sides,
    seed=st.integers(0, 1000),
    erosion=st.floats(-5, 5),
    holes=st.floats(0, 1),
    specks=st.floats(0, 1),
)
def test_refined_cut_outs_of_any_shape_are_sound(
    height: int, width: int, seed: int, erosion: float, holes: float, specks: float
) -> None:
    rng = np.random.default_rng(seed)
    full = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coverage = rng.integers(0, 256, (height, width), dtype=np.uint8)
    wishes = Refine(erosion=erosion, holes=holes, specks=specks)
    cut = refined(rng.integers(0, 256, (16, 16), dtype=np.uint8), full, coverage, wishes)
    assert cut.pixels.shape == (height, width, 4)
    assert (cut.pixels[..., 3] == cut.alpha).all()
    assert (cut.pixels[cut.alpha == 0] == 0).all()
    assert (cut.alpha <= coverage).all()


def test_colours_stay_the_photos_where_decontamination_is_off() -> None:
    full = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    cut = refined(disc(90, 30), full, None, Refine(decontaminate=False, white_on_white="off"))
    seen = cut.alpha > 0
    assert (cut.pixels[seen][:, :3] == full[seen]).all()


def test_every_wish_is_heard() -> None:
    made = white_scenes.make("ball", 256, apart=120)
    small = made.alpha.copy()
    small[120:124, 120:124] = 0
    small[20:24, 20:24] = 255
    plain = refined(small, made.picture, None, NOTHING)
    found = refined(small, made.picture, None, Refine(erosion=2.0, holes=0.01, specks=0.01))
    assert plain.alpha[22, 22] > 0
    assert plain.alpha[122, 122] == 0
    assert found.alpha[22, 22] == 0
    assert found.alpha[122, 122] == 255
    assert found.box.tolist() == [pytest.approx(side, abs=1) for side in plain_box(made.alpha, 2)]


def plain_box(alpha: np.ndarray, inset: int) -> list[int]:
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 25), np.flatnonzero(alpha.max(axis=0) > 25)
    return [columns[0] + inset, rows[0] + inset, columns[-1] + 1 - inset, rows[-1] + 1 - inset]


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_arrays_without_a_pixel_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match="at least one pixel"):
        refined(np.zeros(shape, np.uint8), np.zeros((9, 9, 3), np.uint8), None, Refine())
