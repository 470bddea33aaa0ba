import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.matte.pairs import find_pairs
from training.scenes.__main__ import main
from training.scenes.dataset import DatasetError, Plan, generate, read_manifest
from training.scenes.kitchen import record
from training.scenes.kitchen.keywords import KEYWORDS, NAMES
from training.scenes.kitchen.mesh import Mesh, Pose, relief_sheet
from training.scenes.kitchen.morsels import MORSELS, outline
from training.scenes.kitchen.patch import At, Patch
from training.scenes.kitchen.produce import PRODUCE
from training.scenes.kitchen.raster import COUNTER, View, seen
from training.scenes.kitchen.recipe import Recipe
from training.scenes.kitchen.scene import KitchenScene, scene
from training.scenes.kitchen.surface import Surface
from training.scenes.kitchen.tools import LYING, STANDING

SIDE = 96


def drawn(keyword: str, seed: int = 1, side: int = SIDE) -> KitchenScene:
    recipe = Recipe.drawn(np.random.default_rng([seed, 5]), side)
    return scene(np.random.default_rng(seed), recipe, keyword, side)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / record.TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("keyword", NAMES)
def test_a_photo_shows_its_subject_and_the_mask_says_where(keyword: str) -> None:
    for seed in (1, 2):
        made = drawn(keyword, seed)
        assert made.photo.dtype == made.mask.dtype == np.uint8
        assert made.photo.shape == (*made.mask.shape, 3)
        assert max(made.mask.shape) == SIDE
        assert made.photo.std() > 8
        assert 0.01 < made.mask.mean() / 255 < 0.97
        assert {0, 255} <= set(np.unique(made.mask).tolist())


def test_a_small_pot_is_small_in_the_picture_and_a_large_one_is_not() -> None:
    def share(keyword: str, seed: int) -> float:
        mask = drawn(keyword, seed).mask > 127
        _, _, width, height = cv2.boundingRect(mask.astype(np.uint8))
        return max(float(width / mask.shape[1]), float(height / mask.shape[0]))

    small = [share("pot-two-handles-small", seed) for seed in range(4)]
    large = [share("pot-two-handles", seed) for seed in range(4)]
    assert max(small) < 0.45
    assert min(large) > 0.55


def test_the_same_recipe_and_seed_give_the_same_bytes_and_others_do_not() -> None:
    first, second = drawn("saucepan", 3), drawn("saucepan", 3)
    assert first.photo.tobytes() == second.photo.tobytes()
    assert first.mask.tobytes() == second.mask.tobytes()
    assert first.photo.tobytes() != drawn("saucepan", 4).photo.tobytes()


@given(seed=st.integers(0, 9), turn=st.integers(0, 500))
@settings(max_examples=40)
def test_evenly_every_keyword_comes_once_in_each_turn(seed: int, turn: int) -> None:
    count = len(NAMES)
    assert sorted(record.keyword(seed, turn * count + place, "even") for place in range(count)) == sorted(NAMES)


def test_naturally_plated_dishes_are_many_and_small_pots_few() -> None:
    found = Counter(record.keyword(3, index, "natural") for index in range(3000))
    assert set(found) == set(NAMES)
    assert found["finalstep"] > 10 * found["pot-two-handles-small"]
    for name, kind in KEYWORDS.items():
        total = sum(one.weight for one in KEYWORDS.values())
        assert found[name] / 3000 == pytest.approx(kind.weight / total, abs=0.03)


@given(seed=st.integers(0, 20), block=st.integers(0, 200))
@settings(max_examples=40)
def test_groups_are_runs_of_a_few_pictures(seed: int, block: int) -> None:
    groups = [record.group(seed, block * record.BLOCK + place) for place in range(record.BLOCK)]
    assert groups == sorted(groups)
    sizes = Counter(groups)
    assert set(sizes) == set(range(block * record.GROUPS, (block + 1) * record.GROUPS))
    assert min(sizes.values()) >= record.FEWEST


def test_pictures_of_a_group_share_countertop_shape_and_usual_camera(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 6, 48, kitchen="even")
    generate(plan, 14, workers=1)
    by_group: dict[object, list[dict[str, object]]] = {}
    for line in read_manifest(tmp_path).values():
        by_group.setdefault(line["group"], []).append(line)
    assert len(by_group) > 1
    assert max(len(lines) for lines in by_group.values()) > 1
    for lines in by_group.values():
        assert len({(line["ground"], line["width"], line["height"]) for line in lines}) == 1
    assert len({line["ground"] for line in read_manifest(tmp_path).values()}) > 1


def test_a_set_has_every_keyword_in_both_manifests(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, 64, kitchen="even")
    assert generate(plan, len(NAMES), workers=1) == len(NAMES)
    lines, rows = read_manifest(tmp_path), rows_of(tmp_path)
    assert list(rows[0]) == list(record.COLUMNS)
    assert sorted(row["keyword"] for row in rows) == sorted(NAMES)
    for index, row in enumerate(rows):
        line = lines[index]
        assert (row["image"], row["keyword"], row["group"]) == (line["image"], line["category"], line["group"])
        image = cv2.imread(str(tmp_path / row["image"]))
        mask = cv2.imread(str(tmp_path / str(line["mask"])), cv2.IMREAD_UNCHANGED)
        assert image is not None
        assert mask is not None
        assert image.shape[:2] == mask.shape == (line["height"], line["width"])
    assert sorted(pair.category for pair in find_pairs(tmp_path)) == sorted(NAMES)


def test_the_split_over_workers_does_not_change_a_byte(tmp_path: Path) -> None:
    assert generate(Plan(tmp_path / "one", 3, 48, kitchen="natural"), 6, workers=1) == 6
    assert generate(Plan(tmp_path / "two", 3, 48, kitchen="natural"), 6, workers=2) == 6
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_second_run_makes_only_what_is_missing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, 48, kitchen="even")
    generate(plan, 4, workers=1)
    before = files_of(tmp_path)
    (tmp_path / "images/000002.jpg").unlink()
    (tmp_path / record.TABLE).unlink()
    assert generate(plan, 4, workers=1) == 1
    assert files_of(tmp_path) == before
    assert generate(plan, 5, workers=1) == 1
    assert len(rows_of(tmp_path)) == 5


def test_sets_of_other_sources_and_distributions_do_not_mix(tmp_path: Path) -> None:
    generate(Plan(tmp_path, 3, 48, kitchen="even"), 1, workers=1)
    for other in (Plan(tmp_path, 3, 48), Plan(tmp_path, 3, 48, kitchen="natural")):
        with pytest.raises(DatasetError, match="name another folder"):
            generate(other, 2, workers=1)


def test_the_command_makes_kitchen_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--source", "kitchen", "--out", str(tmp_path), "--count", "2", "--size", "48", "--workers", "1"]
    assert main(arguments) == 0
    assert "2 pictures, 2 made now" in capsys.readouterr().out
    assert main([*arguments, "--distribution", "natural"]) == 1
    assert "name another folder" in capsys.readouterr().err


def test_kitchen_scenes_are_640_pixels_unless_told(tmp_path: Path) -> None:
    assert main(["--source", "kitchen", "--out", str(tmp_path), "--count", "1", "--workers", "1"]) == 0
    line = read_manifest(tmp_path)[0]
    assert max(int(str(line["width"])), int(str(line["height"]))) == 640


def speck(x: float, y: float, size: float) -> Mesh:
    """A square upon the counter, with a texture that has holes."""
    surface = Surface(np.ones((8, 8, 3), np.float32), alpha=np.ones((8, 8), np.float32))
    return relief_sheet(np.zeros((8, 8), np.float32), (size, size), surface, 4).placed(Pose(x, y, 1.0))


def test_the_nearer_of_two_things_is_seen_and_what_covers_no_pixel_is_not() -> None:
    view = View.looking((40, 60), np.zeros(3, np.float32), (np.pi / 2, 0.0, 0.0), 50, 60)
    sight = seen(view, [speck(0, 0, 20), speck(0, 0, 10).placed(Pose(z=2)), speck(0, 0, 15).placed(Pose(z=-0.5))])
    assert sight.mesh[20, 30] == 1
    assert sight.mesh[20, 37] == 0
    assert sight.mesh[2, 2] == COUNTER
    assert sight.depth[20, 30] == pytest.approx(47, abs=0.1)
    assert sight.uv[20, 30] == pytest.approx([0.5, 0.5], abs=0.1)
    for edge in np.linspace(-29.8, -28.8, 24).tolist():
        for x, y in ((edge, 0.0), (-edge, 0.0), (0.0, edge + 10), (0.0, -edge - 10)):
            assert np.count_nonzero(seen(view, [speck(x, y, 0.2)]).mesh == 0) <= 4


@pytest.mark.parametrize("name", sorted(MORSELS))
def test_every_piece_of_food_can_be_cut(name: str) -> None:
    rng = np.random.default_rng(2)
    points = outline(rng, MORSELS[name].shape)
    assert np.abs(points).max() < 2
    reach = 2 * MORSELS[name].size[1] + 4
    patch = Patch(rng, (reach, reach))
    patch.stamp(MORSELS[name], At(0, 0, 0.4))
    assert 0.8 < patch.alpha.max() <= 1
    assert patch.relief.max() > 0.05
    assert np.isfinite(patch.albedo).all()


@pytest.mark.parametrize("name", sorted({**PRODUCE, **LYING, **STANDING}))
def test_every_thing_stands_or_lies_on_the_counter(name: str) -> None:
    thing = {**PRODUCE, **LYING, **STANDING}[name](np.random.default_rng(4))
    points = np.concatenate([mesh.points for mesh in thing])
    assert np.isfinite(points).all()
    assert -1.5 < points[:, 2].min() < 1.5
    assert 0.3 < points[:, 2].max() < 30
    for mesh in thing:
        assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1, abs=0.02)
        assert mesh.faces.max() < len(mesh.points)
