"""Real Blender, where it is installed: tiny pictures, but every kind of subject."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.scenes.dataset import Plan, generate, read_manifest

pytest.importorskip("bpy", reason="Blender's Python package (extra `blender`, CPython 3.11) is not installed")

from training.scenes.rendered import renderer, things
from training.scenes.rendered.__main__ import main


def arguments(folder: Path, count: int) -> list[str]:
    sizes = ["--size", "48", "--samples", "2", "--views", "2", "--threads", "2"]
    return ["--out", str(folder), "--count", str(count), "--seed", "5", *sizes]


def test_renders_come_with_exact_alpha_and_feed_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "renders"
    assert main(arguments(folder, 2)) == 0
    for index in range(2):
        record = json.loads((folder / renderer.record_name(index)).read_text())
        assert record["views"] == 2
        alone = cv2.imread(str(folder / renderer.subject_name(index, 0)), cv2.IMREAD_UNCHANGED)
        picture = cv2.imread(str(folder / renderer.picture_name(index)), cv2.IMREAD_UNCHANGED)
        assert alone is not None
        assert picture is not None
        assert alone.shape == (*picture.shape[:2], 4)
        assert alone[..., 3].min() == 0
        assert alone[..., 3].max() > 200
    out = tmp_path / "out"
    assert generate(Plan(out, 1, 48, folder), 4, workers=1) == 4
    assert [line["ground"] == "rendered" for line in read_manifest(out).values()] == [True, True, False, False]


def test_rendering_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments(tmp_path, 1), "--no-pictures"]) == 0
    assert main([*arguments(tmp_path, 2), "--no-pictures"]) == 0
    assert "2 scenes, 1 rendered now" in capsys.readouterr().out
    assert not list((tmp_path / "pictures").iterdir())


@pytest.mark.parametrize("kind", sorted(things.KINDS))
def test_every_kind_of_thing_can_be_built(kind: str) -> None:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    parts, name = things.KINDS[kind](np.random.default_rng(2))
    assert name.startswith(kind)
    assert parts
    assert all(part.data.materials for part in parts)
