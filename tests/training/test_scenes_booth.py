import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.matte.pairs import find_pairs, read_pair
from training.scenes.booth import floor, scene
from training.scenes.booth.floor import Throw
from training.scenes.booth.light import Booth, encoded, linear
from training.scenes.booth.scene import CATEGORIES, BoothScene
from training.scenes.booth.sheet import Sheet
from training.scenes.canvas import Frame, filled
from training.scenes.dataset import DatasetError, Plan, generate, read_manifest
from training.scenes.outlines import ellipse

SIDE = 128
BOOTH = Booth(1.0, 1.0, 1.0, 0.5, 0.5)


def drawn(category: str, seed: int = 1, side: int = SIDE) -> BoothScene:
    return scene.scene(np.random.default_rng(seed), side, category)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_photo_is_its_layers_put_together_in_linear_light(category: str) -> None:
    for seed in range(3):
        made = drawn(category, seed)
        share = made.alpha[..., None] / 255
        ground = linear(made.ground) * (1 - made.shadow[..., None] / 255)
        whole = encoded((linear(made.foreground) * share + ground * (1 - share)).astype(np.float32))
        apart = np.abs(made.photo.astype(np.float32) - np.clip(whole, 0, 255))
        assert apart.mean() < 2.5, "no more than the camera's noise"
        assert np.percentile(apart, 99) < 10


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_scene_is_square_on_white_with_something_on_it(category: str) -> None:
    for seed in range(3):
        made = drawn(category, seed)
        assert made.photo.shape == made.foreground.shape == made.ground.shape == (SIDE, SIDE, 3)
        assert made.alpha.shape == made.shadow.shape == (SIDE, SIDE)
        assert 0.008 < made.alpha.mean() / 255 < 0.9
        assert np.median(made.ground) >= 232
        assert (made.shadow > 0).any()


def test_the_same_seed_gives_the_same_scene() -> None:
    first, second = drawn("group", 5), drawn("group", 5)
    assert first.photo.tobytes() == second.photo.tobytes()
    assert first.throw == second.throw
    assert first.photo.tobytes() != drawn("group", 6).photo.tobytes()


def test_white_on_white_hardly_differs_from_its_ground() -> None:
    made = [drawn("white", seed) for seed in range(12)]
    assert all(one.white_on_white for one in made)
    assert all(1.0 <= one.apart <= scene.WHITE_LEVELS[1] for one in made)
    assert not any(drawn("dark", seed).white_on_white for seed in range(4))


def test_what_the_frame_cuts_says_where() -> None:
    made = [drawn("cut", seed) for seed in range(6)]
    assert all(one.cut for one in made)
    for one in made:
        edges = {"left": one.alpha[:, 0], "top": one.alpha[0], "right": one.alpha[:, -1], "bottom": one.alpha[-1]}
        assert {name for name, line in edges.items() if line.max() > 127} == set(one.cut)


def test_glass_and_mesh_let_the_ground_through() -> None:
    for category in ("glass", "bag"):
        between = [
            np.mean((one.alpha > 20) & (one.alpha < 230)) for one in (drawn(category, seed) for seed in range(8))
        ]
        assert max(between) > 0.02


def test_outlines_are_as_fine_as_supersampling_makes_them() -> None:
    sheet = Sheet((64, 64), BOOTH, np.random.default_rng(0))
    square = np.array([[10.5, 20.25], [30.0, 20.25], [30.0, 40.0], [10.5, 40.0]], np.float32)
    cover = sheet.cover(sheet.window(square), square)
    assert cover.sum() == pytest.approx(19.5 * 19.75, rel=0.03)
    assert cover.max() == 1


@given(radius=st.floats(3, 20), x=st.floats(25, 40), y=st.floats(25, 40))
@settings(max_examples=20)
def test_a_disc_covers_its_area_wherever_it_lies(radius: float, x: float, y: float) -> None:
    sheet = Sheet((64, 64), BOOTH, np.random.default_rng(0))
    disc = Frame((64, 64), radius, (x, y)).pixels(ellipse(1, 1))
    cover = sheet.cover(sheet.window(disc), disc)
    assert cover.sum() == pytest.approx(np.pi * radius**2, rel=0.09, abs=3)


@pytest.mark.parametrize(("direction", "row", "column"), [(180.0, 1, 0), (90.0, 0, 1), (270.0, 0, -1)])
def test_shadows_fall_where_the_direction_says(direction: float, row: int, column: int) -> None:
    size = (120, 120)
    sheet = Sheet(size, BOOTH, np.random.default_rng(0))
    sheet.alpha = filled(size, np.array([[52, 30], [68, 30], [68, 80], [52, 80]], np.float32))
    sheet.feet = [np.array([[52, 78], [68, 78], [68, 80], [52, 80]], np.float32)]
    shade = floor.shade(sheet, Throw(direction, 0.5, 0.4, 0.4, 0.0, flat=False))
    outside = shade * (sheet.alpha == 0)
    rows, columns = outside.sum(axis=1), outside.sum(axis=0)
    if row:
        assert rows[81:].sum() > 3 * rows[:79].sum()
    if column:
        right, left = columns[70:].sum(), columns[:50].sum()
        assert (right > 3 * left) if column > 0 else (left > 3 * right)


def test_a_contact_shadow_is_darkest_at_the_feet() -> None:
    size = (128, 128)
    sheet = Sheet(size, BOOTH, np.random.default_rng(0))
    sheet.alpha = filled(size, np.array([[44, 20], [84, 20], [84, 90], [44, 90]], np.float32))
    sheet.feet = [np.array([[44, 86], [84, 86], [84, 90], [44, 90]], np.float32)]
    shade = floor.shade(sheet, Throw(180.0, 0.1, 0.5, 0.0, 0.8, flat=False))
    below = shade[91:, 64]
    assert below[0] > 0.2
    assert below[0] > below[6] > below[20]


def test_a_booth_set_has_every_category_and_every_layer(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, 96, booth=True)
    assert generate(plan, 12, workers=1) == 12
    lines = read_manifest(tmp_path)
    assert [lines[index]["category"] for index in range(12)] == list(CATEGORIES)
    for line in lines.values():
        for name, channels in (("image", 3), ("mask", 0), ("foreground", 3), ("bare_ground", 3), ("shadow", 0)):
            layer = cv2.imread(str(tmp_path / str(line[name])), cv2.IMREAD_UNCHANGED)
            assert layer is not None
            assert layer.shape == ((96, 96, 3) if channels else (96, 96))
        digests = line["sha256"]
        assert isinstance(digests, dict)
        assert len(digests) == 5
        assert all(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == d for name, d in digests.items())
    pairs = find_pairs(tmp_path)
    assert [pair.category for pair in pairs] == list(CATEGORIES)
    made = scene.scene(np.random.default_rng([3, 4]), 96, CATEGORIES[4])
    assert np.array_equal(read_pair(pairs[4])[1], made.alpha)


def test_a_lost_layer_is_made_again_and_sets_do_not_mix(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, 96, booth=True)
    generate(plan, 2, workers=1)
    before = (tmp_path / "shadows/000001.png").read_bytes()
    (tmp_path / "shadows/000001.png").unlink()
    assert generate(plan, 2, workers=1) == 1
    assert (tmp_path / "shadows/000001.png").read_bytes() == before
    with pytest.raises(DatasetError, match="name another folder"):
        generate(Plan(tmp_path, 3, 96), 3, workers=1)
