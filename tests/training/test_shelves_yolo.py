"""From generated shelves over Ultralytics' own trainer and the exporter to mask mAP."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch

from export.exporter import export
from export.options import Options
from export.quiet import quiet_libraries
from export.roles import BOX_TOLERANCE, MASK_TOLERANCE, BoxTolerance, MaskTolerance, ShelfRole
from tests.export.shelf_networks import make_repository
from tests.training.shelf_data import write_shelves
from training.__main__ import main
from training.shelves.instances_set import write_set
from training.shelves.pictures import find_pictures

SIDE = 64
# So short a training puts many instances on one another, at scores that are all alike.
LOOSE = MappingProxyType(dict.fromkeys(MASK_TOLERANCE, MaskTolerance(0.95, 0.2, 255.0, 1e-3)))
LOOSE_BOXES = MappingProxyType(dict.fromkeys(BOX_TOLERANCE, BoxTolerance(8.0, 2.0, 0.3, 0.3)))
YOLO = ShelfRole("shelf_segmenter_yolov8n", SIDE, ("yolo",), "yolov8n-seg", 40, LOOSE, LOOSE_BOXES)
needs_ultralytics = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None, reason="needs pip install '.[export,training,yolo]'"
)


@needs_ultralytics
def test_a_set_is_trained_on_by_its_library_exported_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelves = write_shelves(tmp_path / "shelves", 4)
    pictures = [replace(one, group=str(number % 2)) for number, one in enumerate(find_pictures(shelves))]
    assert write_set(pictures, tmp_path / "set", "yolo") == (2, 2)
    best = _trained(tmp_path)
    _surer(best)
    with quiet_libraries():
        done = export(YOLO, str(best), Options(repository=make_repository(tmp_path / "repository", YOLO)))
    facts = json.loads((done.folder / "model.json").read_text())
    assert (facts["licence"], facts["architecture"]) == ("AGPL-3.0", "yolov8n-seg")
    main(["shelves", "evaluate", str(done.folder), "--data", str(shelves), "--output", str(tmp_path / "report")])
    assert "products one by one: mask mAP" in capsys.readouterr().out


def _trained(folder: Path) -> Path:
    """By the command of the documentation, in a process of its own, from random weights."""
    settings = {"data": folder / "set" / "data.yaml", "model": "yolov8n-seg.yaml", "imgsz": SIDE, "epochs": 1}
    settings |= {"device": "cpu", "workers": 0, "plots": False, "project": folder / "runs", "name": "train"}
    command = [sys.executable, "-c", "from ultralytics.cfg import entrypoint; entrypoint()", "segment", "train"]
    command += [f"{name}={value}" for name, value in settings.items()]
    environment = os.environ | {"YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "runs" / "train" / "weights" / "best.pt"


def _surer(best: Path) -> None:
    """So few steps make no score of 0.25; all else in the file stays as the trainer wrote it."""
    content: dict[str, Any] = torch.load(best, weights_only=False)
    for branch in content["model"].model[-1].cv3:
        branch[-1].bias.data.add_(8)
    torch.save(content, best)
