import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.scenes.__main__ import main
from training.scenes.dataset import DatasetError, Plan, generate, read_manifest
from training.scenes.renders import Renders, RendersError


def library(folder: Path, count: int, *, cut: bool = False) -> Path:
    """Renders as Blender would leave them: an orange block on a blue ground, half see-through in one stripe."""
    for name in ("pictures", "subjects", "records"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        alone = np.zeros((48, 64, 4), np.uint8)
        alone[16 : 48 if cut else 40, 20:44] = (30, 140, 230, 255)
        alone[24:28, 20:44, 3] = 128
        picture = np.full((48, 64, 3), (200, 60, 20), np.uint8)
        picture[16:40, 20:44] = (30, 140, 230)
        cv2.imwrite(str(folder / f"pictures/{index:06d}.png"), picture)
        cv2.imwrite(str(folder / f"subjects/{index:06d}-0.png"), alone)
        record = {"index": index, "kind": "carton plain", "views": 1, "picture": not cut}
        (folder / f"records/{index:06d}.json").write_text(json.dumps(record))
    return folder


def test_the_renders_come_first_and_then_their_subjects_on_other_grounds(tmp_path: Path) -> None:
    renders = library(tmp_path / "renders", 2)
    assert generate(Plan(tmp_path / "out", 1, 64, renders), 6, workers=1) == 6
    lines = read_manifest(tmp_path / "out")
    assert [lines[index]["ground"] == "rendered" for index in range(6)] == [True, True, False, False, False, False]
    assert {line["subject"] for line in lines.values()} == {"rendered carton plain"}
    mask = cv2.imread(str(tmp_path / "out/masks/000000.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert mask.shape == (48, 64)
    assert mask[36, 30] == 255
    assert 100 < mask[26, 30] < 160
    assert mask[5, 5] == 0


def test_a_subject_that_its_render_cut_meets_the_frame_again(tmp_path: Path) -> None:
    renders = library(tmp_path / "renders", 1, cut=True)
    generate(Plan(tmp_path / "out", 1, 96, renders), 8, workers=1)
    for index, line in read_manifest(tmp_path / "out").items():
        mask = cv2.imread(str(tmp_path / f"out/masks/{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        if not line["occluded"]:
            assert mask[-1].max() > 128


def test_a_library_that_grew_needs_a_new_folder(tmp_path: Path) -> None:
    renders = library(tmp_path / "renders", 1)
    generate(Plan(tmp_path / "out", 1, 64, renders), 1, workers=1)
    library(renders, 2)
    Renders.opened.cache_clear()
    with pytest.raises(DatasetError, match="name another folder"):
        generate(Plan(tmp_path / "out", 1, 64, renders), 2, workers=1)


def test_missing_and_damaged_renders_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out"), "--count", "1", "--workers", "1", "--source", "rendered"]
    assert main(out) == 2
    assert "--renders" in capsys.readouterr().err
    assert main([*out, "--renders", str(tmp_path / "none")]) == 1
    assert "no renders in" in capsys.readouterr().err
    renders = library(tmp_path / "renders", 1)
    (renders / "subjects/000000-0.png").write_bytes(b"not a picture")
    with pytest.raises(RendersError, match=r"000000-0\.png"):
        generate(Plan(tmp_path / "out", 1, 64, renders), 1, workers=1)


def test_a_library_without_a_visible_subject_is_refused(tmp_path: Path) -> None:
    renders = library(tmp_path / "renders", 1, cut=True)
    cv2.imwrite(str(renders / "subjects/000000-0.png"), np.zeros((48, 64, 4), np.uint8))
    with pytest.raises(RendersError, match="all but empty"):
        generate(Plan(tmp_path / "out", 1, 64, renders), 1, workers=1)
