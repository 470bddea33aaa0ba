import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.scenes import composer, shadows
from training.scenes.__main__ import main
from training.scenes.canvas import Frame, Size, filled
from training.scenes.composer import Choice, Scene
from training.scenes.dataset import MANIFEST, DatasetError, Plan, generate, read_manifest
from training.scenes.outlines import ellipse
from training.scenes.shading import Light
from training.scenes.subjects import Stage, Subject
from training.scenes.textures import TEXTURES, texture

SIZE = 96


def drawn(seed: int, index: int, size: int = SIZE) -> Scene:
    return composer.scene(np.random.default_rng([seed, index]), size)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def disc(ground: str) -> composer.Source:
    """A source whose every subject is one white disc in the middle, its edge as rendered."""

    def paint(rng: np.random.Generator, size: Size, light: Light) -> Subject:
        del rng, light
        frame = Frame(size, min(size) * 0.3, (size[1] / 2, size[0] / 2))
        alpha = filled(size, frame.pixels(ellipse(1, 1)))
        return Subject(np.ones((*size, 3), np.float32), alpha, "disc", "rendered", size[0] * 0.8)

    def choose(rng: np.random.Generator) -> Choice:
        del rng
        return Choice(ground, paint)

    return choose


def test_the_same_seed_and_index_give_the_same_bytes() -> None:
    first, second = drawn(5, 3), drawn(5, 3)
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.alpha.tobytes() == second.alpha.tobytes()
    assert first.defects == second.defects


def test_other_seeds_and_indices_give_other_pictures() -> None:
    pictures = {drawn(seed, index).picture.tobytes() for seed in (1, 2) for index in (0, 1, 2)}
    assert len(pictures) == 6


def test_a_scene_is_a_picture_and_a_mask_of_the_size_asked_for() -> None:
    for index in range(12):
        made = drawn(8, index)
        assert made.picture.dtype == made.alpha.dtype == np.uint8
        assert made.picture.shape == (*made.alpha.shape, 3)
        assert max(made.alpha.shape) == SIZE


def test_masks_hold_nothing_all_and_what_lies_between() -> None:
    values = np.concatenate([drawn(11, index).alpha.ravel() for index in range(12)])
    assert values.min() == 0
    assert values.max() == 255
    assert np.count_nonzero((values > 20) & (values < 235)) > 0.005 * values.size


def test_glass_lets_the_ground_through() -> None:
    frame = Frame((128, 128), 55.0, (64.0, 64.0))
    rng = np.random.default_rng(4)
    subject = composer.SUBJECTS["glass"](rng, Stage(frame, Light.drawn(rng)))
    inside = subject.alpha[subject.alpha > 0]
    assert np.mean((inside > 0.05) & (inside < 0.9)) > 0.2


@pytest.mark.parametrize("kind", sorted(composer.SUBJECTS))
def test_every_kind_of_subject_can_be_drawn(kind: str) -> None:
    size = (96, 128)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        stage = Stage(Frame(size, 44.0, (64.0, 48.0), 0.1, mirrored=seed == 1), Light.drawn(rng))
        subject = composer.SUBJECTS[kind](rng, stage)
        assert subject.light.shape == (*size, 3)
        assert np.isfinite(subject.light).all()
        assert 0 <= subject.alpha.min() <= subject.alpha.max() <= 1
        assert subject.alpha.mean() > 0.005
        assert subject.foot > 0


@pytest.mark.parametrize("kind", sorted(composer.GROUNDS))
def test_every_kind_of_ground_can_be_drawn(kind: str) -> None:
    for seed in range(3):
        ground = composer.GROUNDS[kind](np.random.default_rng(seed), (64, 96))
        assert ground.light.shape == (64, 96, 3)
        assert np.isfinite(ground.light).all()
        assert ground.light.min() >= 0
        assert ground.horizon is None or 0 <= ground.horizon <= 64


@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_every_texture_is_a_field_between_0_and_1(name: str) -> None:
    field = texture(np.random.default_rng(3), (50, 70), [name])
    assert field.shape == (50, 70)
    assert field.dtype == np.float32
    assert 0 <= field.min() <= field.max() <= 1


@pytest.mark.parametrize("ground", ["plain", "wooden", "studio sweep"])
def test_shadows_darken_the_ground_and_never_enter_the_mask(ground: str) -> None:
    for seed in range(4):
        made = composer.scene(np.random.default_rng(seed), SIZE, disc(ground))
        size: Size = (made.alpha.shape[0], made.alpha.shape[1])
        whole = filled(size, Frame(size, min(size) * 0.3, (size[1] / 2, size[0] / 2)).pixels(ellipse(1.12, 1.12)))
        assert made.alpha[whole == 0].max() <= 12
        assert made.alpha[size[0] // 2, size[1] // 2] == 255


def test_a_shadow_falls_beside_what_stands() -> None:
    alpha = filled((80, 80), np.array([[35, 20], [45, 20], [45, 60], [35, 60]], np.float32))
    light = Light((0.8, -0.4, 0.4), np.ones(3, np.float32), np.ones(3, np.float32), 1.0)
    shade = shadows.standing(np.random.default_rng(1), alpha, 60.0, light)
    assert 0 <= shade.min() <= shade.max() <= 1
    outside = shade * (alpha == 0)
    assert outside[:, :35].sum() > 3 * outside[:, 46:].sum()


def test_what_stands_before_a_subject_is_taken_out_of_the_mask() -> None:
    made = [composer.scene(np.random.default_rng(seed), SIZE, disc("meadow")) for seed in range(16)]
    free = {scene.alpha.shape: scene.coverage for scene in made if not scene.occluded}
    both = [(scene.coverage, free[scene.alpha.shape]) for scene in made if scene.occluded and scene.alpha.shape in free]
    assert both
    assert all(covered < open_ + 1e-3 for covered, open_ in both)
    assert any(covered < open_ - 1e-3 for covered, open_ in both)


def test_the_split_over_workers_does_not_change_a_byte(tmp_path: Path) -> None:
    assert generate(Plan(tmp_path / "one", 3, SIZE), 10, workers=1) == 10
    assert generate(Plan(tmp_path / "two", 3, SIZE), 10, workers=2) == 10
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_second_run_makes_only_what_is_missing(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 3, SIZE)
    generate(plan, 5, workers=1)
    before = files_of(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}
    assert generate(plan, 5, workers=1) == 0
    (tmp_path / "masks/000002.png").unlink()
    lines = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(lines[: len(lines) - 40])
    assert generate(plan, 6, workers=1) == 3
    after = files_of(tmp_path)
    assert {name: after[name] for name in before if name != MANIFEST} == {
        name: data for name, data in before.items() if name != MANIFEST
    }
    assert after[MANIFEST].startswith(before[MANIFEST])
    kept = [path for path, when in times.items() if "000002" not in path.name and "000004" not in path.name]
    assert all(path.stat().st_mtime_ns == times[path] for path in kept)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file" / "set"), "--count", "1", "--workers", "1"]) == 1
    assert f"{tmp_path}/file/set cannot be written: " in capsys.readouterr().err


def test_a_folder_never_mixes_seeds(tmp_path: Path) -> None:
    generate(Plan(tmp_path, 3, SIZE), 1, workers=1)
    with pytest.raises(DatasetError, match="name another folder"):
        generate(Plan(tmp_path, 4, SIZE), 2, workers=1)


def test_the_manifest_tells_the_truth(tmp_path: Path) -> None:
    generate(Plan(tmp_path, 7, SIZE), 4, workers=1)
    lines = read_manifest(tmp_path)
    assert sorted(lines) == [0, 1, 2, 3]
    for index, line in lines.items():
        image = cv2.imread(str(tmp_path / str(line["image"])))
        mask = cv2.imread(str(tmp_path / str(line["mask"])), cv2.IMREAD_UNCHANGED)
        assert image is not None
        assert mask is not None
        assert mask.dtype == np.uint8
        assert image.shape[:2] == mask.shape == (line["height"], line["width"])
        assert float(str(line["coverage"])) == pytest.approx(mask.mean() / 255, abs=2e-3)
        assert line["subject"] in composer.SUBJECTS
        assert line["ground"] in composer.GROUNDS
        assert line["seed"] == 7
        digests = json.loads(json.dumps(line["sha256"]))
        for name, digest in digests.items():
            assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
        again = drawn(7, index)
        assert np.array_equal(mask, again.alpha)


def test_the_command_fills_a_folder_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path), "--count", "2", "--size", "64", "--workers", "1"]
    assert main(arguments) == 0
    assert "2 pictures, 2 made now" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "2 pictures, 0 made now" in capsys.readouterr().out
    assert main([*arguments, "--seed", "9"]) == 1
    assert "name another folder" in capsys.readouterr().err
