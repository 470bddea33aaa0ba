import json
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.matte.pairs import find_pairs
from training.scenes.__main__ import main
from training.scenes.dataset import DatasetError, Plan, generate, read_manifest
from training.scenes.shelf import record
from training.scenes.shelf.assortment import KINDS, Assortment
from training.scenes.shelf.classes import ShelfClass
from training.scenes.shelf.labels import Brand, Flavour
from training.scenes.shelf.scene import Frame
from training.scenes.shelf.screen import Box, Numbers
from training.scenes.shelf.stock import Gap, gaps, stocked
from training.scenes.shelf.truth import boxes

SIDE = 128


@pytest.fixture(scope="module")
def photos() -> list[Frame]:
    return [record.taken(1, index, SIDE) for index in range(12)]


@lru_cache(maxsize=3)
def assortment(seed: int) -> Assortment:
    return Assortment.drawn(np.random.default_rng(seed))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def read(path: Path) -> Numbers:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return np.asarray(found, dtype=np.uint16)


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def test_photos_have_the_size_asked_for_and_show_products(photos: list[Frame]) -> None:
    shapes = {frame.photo.shape[:2] for frame in photos}
    assert shapes <= {(96, 128), (72, 128), (128, 96)}
    assert len(shapes) == 3
    for frame in photos:
        assert frame.photo.dtype == frame.truth.classes.dtype == np.uint8
        assert frame.truth.numbers.dtype == np.uint16
        assert frame.photo.shape == (*frame.truth.classes.shape, 3)
        assert frame.photo.std() > 12
        assert len(frame.truth.products) > 0


def test_all_classes_come_and_no_other(photos: list[Frame]) -> None:
    found = {int(value) for frame in photos for value in np.unique(frame.truth.classes)}
    assert found == {int(kind) for kind in ShelfClass}


def test_products_are_numbered_without_a_gap_and_are_where_the_class_is(photos: list[Frame]) -> None:
    for frame in photos:
        truth = frame.truth
        assert np.unique(truth.numbers[truth.numbers > 0]).tolist() == [seen.number for seen in truth.products]
        assert [seen.number for seen in truth.products] == list(range(1, len(truth.products) + 1))
        assert np.array_equal(truth.numbers > 0, truth.classes == ShelfClass.PRODUCT)


def test_boxes_are_those_of_the_pixels_and_lie_within_the_whole_product(photos: list[Frame]) -> None:
    for frame in photos:
        for seen in frame.truth.products:
            mask = (frame.truth.numbers == seen.number).astype(np.uint8)
            assert tuple(cv2.boundingRect(mask)) == seen.box
            assert int(mask.sum()) == seen.pixels
            assert inside(seen.box, seen.whole)


def test_gaps_and_tags_are_boxes_of_their_classes(photos: list[Frame]) -> None:
    for frame in photos:
        for kind, found in ((ShelfClass.EMPTY, frame.truth.gaps), (ShelfClass.TAG, frame.truth.tags)):
            mask = frame.truth.classes == kind
            covered = np.zeros_like(mask)
            for x, y, width, height in found:
                assert mask[y : y + height, x : x + width].any()
                covered[y : y + height, x : x + width] = True
            assert not (mask & ~covered).any()


def test_coverage_and_shares_are_those_of_the_mask(photos: list[Frame]) -> None:
    for frame in photos:
        product = int((frame.truth.classes == ShelfClass.PRODUCT).sum())
        empty = int((frame.truth.classes == ShelfClass.EMPTY).sum())
        assert frame.truth.coverage == pytest.approx(product / (product + empty))
        assert sum(frame.truth.shares.values()) == pytest.approx(1)
        assert frame.truth.shares["product"] == pytest.approx(product / frame.truth.classes.size)


def test_photos_of_an_aisle_share_their_products_and_those_of_other_aisles_and_seeds_do_not() -> None:
    names = [record.group(seed, index, 0) for seed, index in ((1, 0), (1, 15), (1, 16), (2, 0))]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    one, same, other = (Assortment.drawn(np.random.default_rng(seed)) for seed in (1, 1, 2))
    skins = [chosen.families[0][0].skins["front"].levels[0] for chosen in (one, same, other)]
    assert np.array_equal(skins[0], skins[1])
    assert skins[0].shape != skins[2].shape or not np.array_equal(skins[0], skins[2])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_product_has_a_size_and_prints(kind: str) -> None:
    rng = np.random.default_rng(5)
    product = KINDS[kind](rng)(rng, Brand.drawn(rng), Flavour.drawn(rng))
    assert product.kind == kind
    assert 2 < min(product.size) <= max(product.size) < 40
    for skin in product.skins.values():
        assert skin.levels[0].dtype == np.float32
        assert 0 <= skin.levels[0].min() <= skin.levels[0].max() <= 1
    if product.shape == "round":
        assert 0 < product.profile.min() <= product.profile.max() <= product.size[0] / 2 + 1e-3


@given(seed=st.integers(0, 500))
@settings(max_examples=15, deadline=None)
def test_nothing_stands_in_a_gap_or_higher_than_its_board_has_room(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shelf = stocked(rng, assortment(seed % 3), -60, 60)
    assert shelf.items > 0
    assert [item.number for bay in shelf.bays for item in bay.items] == list(range(1, shelf.items + 1))
    for bay in shelf.bays:
        for item in bay.items:
            assert bay.floor < item.centre[1] < bay.ceiling
            assert item.centre[2] < 0
            for gap in bay.gaps:
                assert not gap.left < item.centre[0] < gap.left + gap.width
        for gap in bay.gaps:
            assert 0 < gap.height <= bay.ceiling - bay.floor


def test_neighbouring_empty_places_are_one_gap_as_high_as_its_neighbours() -> None:
    row = [(0.0, 10.0, 20.0), (10.0, 20.0, 0.0), (20.5, 30.0, 0.0), (30.0, 40.0, 10.0), (40.0, 42.0, 0.0)]
    assert gaps(row, 30.0) == [Gap(10.0, 20.0, 15.0)]
    assert gaps([(0.0, 10.0, 0.0)], 30.0) == [Gap(0.0, 10.0, 24.0)]
    assert gaps([], 30.0) == []


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=6))
def test_boxes_agree_with_opencv(rows: list[list[int]]) -> None:
    numbers = np.array(rows, np.uint16)
    found = boxes(numbers)
    assert [number for number, _, _ in found] == [n for n in np.unique(numbers).tolist() if n]
    for number, pixels, box in found:
        mask = (numbers == number).astype(np.uint8)
        assert (pixels, tuple(box)) == (int(mask.sum()), tuple(cv2.boundingRect(mask)))


def test_a_set_has_all_files_and_says_what_is_in_them(tmp_path: Path) -> None:
    assert generate(Plan(tmp_path, 3, 96, shelf=0), 2, workers=1) == 2
    assert [pair.name for pair in find_pairs(tmp_path)] == ["000000", "000001"]
    for line in read_manifest(tmp_path).values():
        classes, numbers = read(tmp_path / str(line["mask"])), read(tmp_path / str(line["instances"]))
        told = json.loads((tmp_path / str(line["truth"])).read_text())
        assert classes.shape == numbers.shape == (line["height"], line["width"])
        assert (classes == ShelfClass.PRODUCT).sum() == (numbers > 0).sum()
        assert int(numbers.max()) == line["products"] == len(told["products"])
        assert (line["gaps"], line["tags"]) == (len(told["gaps"]), len(told["tags"]))
        assert told["coverage"] == line["coverage"]
        assert tuple(told["products"][0]["box"]) == tuple(cv2.boundingRect((numbers == 1).astype(np.uint8)))


def test_the_split_over_workers_does_not_change_a_byte(tmp_path: Path) -> None:
    assert generate(Plan(tmp_path / "one", 3, 64, shelf=0), 4, workers=1) == 4
    assert generate(Plan(tmp_path / "two", 3, 64, shelf=0), 4, workers=2) == 4
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_second_run_makes_only_what_is_missing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, 64, shelf=0)
    generate(plan, 3, workers=1)
    before = files_of(tmp_path)
    (tmp_path / "instances/000001.png").unlink()
    assert generate(plan, 3, workers=1) == 1
    assert files_of(tmp_path) == before


def test_photos_and_clips_do_not_mix(tmp_path: Path) -> None:
    generate(Plan(tmp_path, 3, 64, shelf=0), 1, workers=1)
    for other in (Plan(tmp_path, 3, 64, shelf=4), Plan(tmp_path, 3, 64)):
        with pytest.raises(DatasetError, match="name another folder"):
            generate(other, 2, workers=1)


def test_the_command_makes_shelves_of_512_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", "shelf", "--out", str(tmp_path), "--count", "1", "--workers", "1"]) == 0
    assert "1 pictures, 1 made now" in capsys.readouterr().out
    line = read_manifest(tmp_path)[0]
    assert max(int(str(line["width"])), int(str(line["height"]))) == 512


@pytest.mark.parametrize("wrong", [["--frames", "0"], ["--rate", "0"], ["--rate", "1000"]])
def test_clips_without_frames_are_refused(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", "shelf-video", "--out", str(tmp_path), *wrong]) == 2
    assert "--frames is at least 1" in capsys.readouterr().err
