"""Real Blender, in the environment that BLENDER_PYTHON names (or in ours, where it can be imported): tiny pictures."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from training.scenes.dataset import Plan, generate, read_manifest

ROOT = Path(__file__).resolve().parents[2]
BUILD_ALL = """
import bpy, numpy
from training.scenes.rendered import stage, things
for kind, build in things.KINDS.items():
    for seed in range(3):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        parts, name = build(numpy.random.default_rng(seed))
        assert name.startswith(kind) and parts, name
        assert all(part.data.materials for part in parts), name
        assert 0.1 < stage.extent(parts).reach < 4, (name, seed)
print("all built")
"""


@pytest.fixture(scope="module")
def blender() -> str:
    """An interpreter that has Blender."""
    if importlib.util.find_spec("bpy"):
        return sys.executable
    named = os.environ.get("BLENDER_PYTHON")
    if not named:
        pytest.skip("no Blender: `bpy` is not installed here and BLENDER_PYTHON names no interpreter that has it")
    return named


def run(*arguments: str) -> str:
    done = subprocess.run(
        arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(blender: str, folder: Path, count: int, *more: str) -> str:
    sizes = ("--size", "48", "--samples", "2", "--views", "2", "--seed", "5")
    return run(blender, "-m", "training.scenes.rendered", "--out", str(folder), "--count", str(count), *sizes, *more)


def test_renders_come_with_exact_alpha_and_feed_a_data_set(blender: str, tmp_path: Path) -> None:
    folder = tmp_path / "renders"
    assert "2 scenes, 2 rendered now" in render(blender, folder, 2)
    for index in range(2):
        record = json.loads((folder / f"records/{index:06d}.json").read_text())
        assert record["views"] == 2
        alone = cv2.imread(str(folder / f"subjects/{index:06d}-0.png"), cv2.IMREAD_UNCHANGED)
        picture = cv2.imread(str(folder / f"pictures/{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert alone is not None
        assert picture is not None
        assert alone.shape == (*picture.shape[:2], 4)
        assert alone[..., 3].min() == 0
        assert alone[..., 3].max() > 200
    out = tmp_path / "out"
    assert generate(Plan(out, 1, 48, folder), 4, workers=1) == 4
    assert [line["ground"] == "rendered" for line in read_manifest(out).values()] == [True, True, False, False]


def test_rendering_goes_on_where_it_stopped(blender: str, tmp_path: Path) -> None:
    render(blender, tmp_path, 1, "--no-pictures")
    assert "2 scenes, 1 rendered now" in render(blender, tmp_path, 2, "--no-pictures")
    assert not list((tmp_path / "pictures").iterdir())


def test_every_kind_of_thing_can_be_built(blender: str) -> None:
    assert "all built" in run(blender, "-c", BUILD_ALL)


def test_without_blender_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("bpy"):
        pytest.skip("Blender is installed here")
    command = [sys.executable, "-m", "training.scenes.rendered", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "requirements.txt" in done.stderr
