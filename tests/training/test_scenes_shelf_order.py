"""What hides what, where things are seen, how a clip moves."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.scenes.dataset import Plan, generate, read_manifest
from training.scenes.shelf import record
from training.scenes.shelf.assortment import KINDS, Assortment
from training.scenes.shelf.blockers import BLOCKERS, Aim
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.labels import Brand, Flavour
from training.scenes.shelf.path import walk
from training.scenes.shelf.photo import World, exposed, moved, shaken
from training.scenes.shelf.products import Product
from training.scenes.shelf.screen import Mark, Screen, Skin
from training.scenes.shelf.solids import Item, Lamps, place
from training.scenes.shelf.stock import stocked
from training.scenes.shelf.view import Plane, View, clipped, rectangle, turned, vector

LAMPS = Lamps(0.2, 0.5, 1.0)
SIZE = (120, 160)


def product(kind: str, seed: int = 3) -> Product:
    rng = np.random.default_rng(seed)
    return KINDS[kind](rng)(rng, Brand.drawn(rng), Flavour.drawn(rng))


def item(kind: str, number: int, x: float = 0.0, z: float = -10.0) -> Item:
    chosen = product(kind)
    return Item(chosen, number, vector(x, chosen.size[1] / 2, z), turned(0), 0, 0, 0.0, 1.0)


def straight(height: float = 15.0, far: float = 90.0) -> View:
    return View.looking(SIZE, 150.0, vector(0, height, far), (0.0, 0.0, 0.0))


def number_of_pixels(screen: Screen, number: int) -> int:
    return int((screen.numbers == number).sum())


@given(
    yaw=st.floats(-0.7, 0.7), pitch=st.floats(-0.6, 0.6), roll=st.floats(-0.2, 0.2),
    x=st.floats(-20, 20), y=st.floats(0, 40), z=st.floats(-40, 0),
)  # fmt: skip
def test_a_plane_is_seen_where_its_points_are(
    yaw: float, pitch: float, roll: float, x: float, y: float, z: float
) -> None:
    view = View.looking(SIZE, 150.0, vector(3, 20, 100), (yaw, pitch, roll))
    pixels, far = view.seen(vector(x, y, z)[None])
    there = view.plane(Plane.upright(x - 2, y + 1, z)) @ [2.0, 1.0, 1.0]
    assert there[2] == pytest.approx(far[0])
    assert there[:2] / there[2] == pytest.approx(pixels[0], abs=1e-6)


def test_directions_of_the_world_are_those_of_the_picture() -> None:
    pixels, _ = straight().seen(np.array([[0, 15, 0], [10, 15, 0], [0, 25, 0]], float))
    assert pixels[0] == pytest.approx([79.5, 59.5])
    assert pixels[1][0] > pixels[0][0]
    assert pixels[2][1] < pixels[0][1]
    right, _ = View.looking(SIZE, 150.0, vector(0, 15, 90), (0.3, 0.0, 0.0)).seen(vector(0, 15, 0)[None])
    up, _ = View.looking(SIZE, 150.0, vector(0, 15, 90), (0.0, 0.3, 0.0)).seen(vector(0, 15, 0)[None])
    assert right[0][0] < 79
    assert up[0][1] > 60


def test_a_polygon_behind_the_camera_is_cut_off() -> None:
    square = np.array([[0.0, 0.0, 50.0], [500.0, 0.0, 50.0], [500.0, 500.0, -50.0], [0.0, 500.0, -50.0]])
    assert len(clipped(square)) == 4
    assert np.isfinite(clipped(square)).all()
    assert len(clipped(square * -1 - [0, 0, 100])) == 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_product_covers_about_what_its_front_measures(kind: str) -> None:
    screen = Screen(straight(product(kind).size[1] / 2))
    one = item(kind, 7)
    place(screen, one, LAMPS)
    width, height, depth = one.product.size
    scale = 150.0 / (90 + 10 - depth / 2)
    _, _, seen_width, seen_height = cv2.boundingRect((screen.numbers == 7).astype(np.uint8))
    assert seen_width == pytest.approx(width * scale, abs=3)
    assert seen_height == pytest.approx(height * scale, abs=3)
    assert np.array_equal(screen.classes == ShelfClass.PRODUCT, screen.numbers == 7)
    around = cv2.dilate((screen.numbers == 7).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    assert screen.light[screen.numbers == 7].mean() > 0.01
    assert not screen.light[around].any()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("roll", [0.0, np.pi / 2])
def test_whole_boxes_hold_all_that_is_seen_from_anywhere(kind: str, roll: float) -> None:
    for yaw, height in ((0.6, 60.0), (-0.5, -20.0), (0.0, 90.0)):
        far = 100.0
        view = View.looking(
            SIZE, 120.0, vector(-far * np.tan(yaw), height, far), (yaw, float(np.arctan2(8 - height, far)), 0)
        )
        screen = Screen(view)
        place(screen, replace(item(kind, 3), pose=turned(0.4, 0, roll)), LAMPS)
        x, y, width, height_seen = cv2.boundingRect((screen.numbers == 3).astype(np.uint8))
        assert width > 0
        whole = screen.wholes[3]
        assert whole.x <= x
        assert whole.y <= y
        assert x + width <= whole.x + whole.width
        assert y + height_seen <= whole.y + whole.height


def test_what_stands_in_front_hides_what_stands_behind() -> None:
    """Alone each is seen whole; together the nearer is, and the farther loses just what the nearer takes."""
    assortment = Assortment.drawn(np.random.default_rng(4))
    shelf = stocked(np.random.default_rng(9), assortment, -40, 40)
    world = World(shelf, LAMPS, 0.4, ())
    view = View.looking((160, 200), 150.0, vector(0, 120, 110), (0.1, -0.2, 0.0))
    truth = exposed(world, view).truth
    items = {one.number: one for bay in shelf.bays for one in bay.items}
    behind = 0
    for bay in shelf.bays:
        stacks = {(round(float(one.centre[0])), one.level): one.number for one in bay.items if one.row == 0}
        for one in bay.items:
            front = stacks.get((round(float(one.centre[0])), one.level))
            if one.row != 1 or front is None:
                continue
            alone = [Screen(view), Screen(view)]
            place(alone[0], items[front], LAMPS)
            place(alone[1], one, LAMPS)
            both = (alone[0].numbers > 0) & (alone[1].numbers > 0)
            assert not (truth.numbers[both] == one.number).any()
            behind += int(both.sum())
    assert behind > 500


def test_tags_and_edges_hide_products_and_blockers_hide_everything() -> None:
    screen = Screen(straight())
    place(screen, item("carton", 5), LAMPS)
    before = number_of_pixels(screen, 5)
    screen.paint(Plane.upright(-5, 12, 1), rectangle(10, 4), Skin.flat((1.0, 1.0, 1.0)), 1.0, Mark(ShelfClass.TAG))
    tag = int((screen.classes == ShelfClass.TAG).sum())
    assert number_of_pixels(screen, 5) == before - tag
    veil = Skin.flat((0.0, 0.0, 0.0, 0.3))
    screen.paint(Plane.upright(-50, 60, 20), rectangle(100, 100), veil, 1.0, Mark(ShelfClass.BACKGROUND))
    assert number_of_pixels(screen, 5) == before - tag
    screen.paint(
        Plane.upright(-50, 60, 20), rectangle(100, 100), Skin.flat((0.0, 0.0, 0.0)), 1.0, Mark(ShelfClass.BACKGROUND)
    )
    assert not screen.classes.any()
    assert not screen.numbers.any()


@pytest.mark.parametrize("kind", sorted(BLOCKERS))
def test_what_stands_before_the_shelf_is_background_and_moves_by_its_time(kind: str) -> None:
    blocker = replace(BLOCKERS[kind](np.random.default_rng(8), Aim(0, 20, 60, 45, 90)), drift=(40.0, 0.0), since=1.0)
    left = []
    for time in (1.0, 1.5):
        screen = Screen(View.looking((360, 480), 150.0, vector(0, 20, 90), (0.0, 0.0, 0.0)))
        screen.classes[:], screen.numbers[:] = ShelfClass.PRODUCT, 9
        blocker.place(screen, time)
        hidden = screen.classes == ShelfClass.BACKGROUND
        assert np.array_equal(hidden, screen.numbers == 0)
        assert 0.001 < hidden.mean() < 0.7
        left.append(int(np.nonzero(hidden.any(axis=0))[0][0]))
    assert left[1] - left[0] == pytest.approx(20 * 150 / (90 - blocker.corner[2]), abs=2)


def test_a_movement_blurs_along_its_way_and_leaves_the_middle_where_it_is() -> None:
    light = np.zeros((*SIZE, 3), np.float32)
    light[:, 80] = 1.0
    still = straight()

    def views(time: float) -> View:
        return View.looking(SIZE, 150.0, vector(time * 100, 15, 90), (0.0, 0.0, 0.0))

    assert shaken(light, lambda _: still, 0.1) is light
    blurred = shaken(light, views, 0.05)[60, :, 0]
    assert blurred.sum() == pytest.approx(1, abs=0.05)
    assert np.count_nonzero(blurred > 0.02) == pytest.approx(100 * 0.05 * 150 / 92, abs=2)
    assert np.average(np.arange(160), weights=blurred) == pytest.approx(80, abs=0.3)


@given(seed=st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_a_walk_goes_on_smoothly_and_its_movement_is_known(seed: int) -> None:
    path = walk(np.random.default_rng(seed), SIZE)
    before, after = path.view(1.0), path.view(1.0 + 1 / 30)
    assert float(np.linalg.norm(after.origin - before.origin)) < 6
    front = vector(path.origin[0], path.origin[1], -2.0)[None]
    (start,), (there,) = before.seen(front)[0], after.seen(front)[0]
    assert (cv2.perspectiveTransform(start[None, None], moved(before, after)).ravel()) == pytest.approx(there, abs=1e-3)


def test_a_clip_keeps_the_numbers_of_products_and_tells_each_frame(tmp_path: Path) -> None:
    assert generate(Plan(tmp_path, 2, 96, shelf=5), 1, workers=1) == 1
    line = read_manifest(tmp_path)[0]
    told = [json.loads(text) for text in (tmp_path / str(line["truth"])).read_text().splitlines()]
    assert [frame["frame"] for frame in told] == list(range(5))
    assert line["frames"] == len(list((tmp_path / "images/000000").iterdir())) == 5
    kinds: dict[int, str] = {}
    for number, frame in enumerate(told):
        numbers = cv2.imread(str(tmp_path / f"instances/000000/{number:05d}.png"), cv2.IMREAD_UNCHANGED)
        assert numbers is not None
        assert sorted(set(np.unique(numbers).tolist()) - {0}) == [seen["number"] for seen in frame["products"]]
        for seen in frame["products"]:
            assert kinds.setdefault(seen["number"], seen["kind"]) == seen["kind"]
    assert len(kinds) == line["distinct"]


def test_the_next_frame_is_where_the_movement_says() -> None:
    """Masks of the front, moved by what the truth says, agree with the next frame far better than unmoved ones do."""
    frames = list(record.filmed(4, 1, 160, 8, 6.0))
    unmoved, followed = [], []
    for before, after in pairwise(frames):
        size = after.truth.classes.shape[::-1]
        carried = cv2.warpPerspective(before.truth.classes, after.moved, size, flags=cv2.INTER_NEAREST, borderValue=255)
        known = carried != 255
        followed.append(float((carried == after.truth.classes)[known].mean()))
        unmoved.append(float((before.truth.classes == after.truth.classes)[known].mean()))
    assert np.mean(followed) > 0.93
    assert np.mean(followed) > np.mean(unmoved) + 0.03


def test_clips_are_the_same_again_and_differ_from_each_other() -> None:
    one, same, other = (list(record.filmed(1, index, 64, 2, 30.0)) for index in (0, 0, 1))
    for first, second in zip(one, same, strict=True):
        assert first.photo.tobytes() == second.photo.tobytes()
        assert first.truth.numbers.tobytes() == second.truth.numbers.tobytes()
    assert one[0].photo.tobytes() != other[0].photo.tobytes()
