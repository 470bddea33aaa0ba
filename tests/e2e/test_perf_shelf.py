"""The benchmark of shelf videos: a short run of all of it, with a network and clips that cost next to nothing."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from perf.shelf import clip, run
from tests.e2e.shelf_network import write

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


def test_a_short_run_reports_every_part(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / run.NETWORK).mkdir(parents=True)
    shutil.copy(ROOT / "model_repository" / run.NETWORK / "config.pbtxt", models / run.NETWORK)
    write(models / run.NETWORK / "1" / "model.onnx", 512, instances=False)
    for width, height in clip.SIZES:
        frames = [np.full((height, width, 3), 20 * number, np.uint8) for number in range(8)]
        clip.write(clip.Clip(tmp_path / f"shelf-{width}x{height}-8.mp4", width, height, 8), frames)
    plan = run.Plan(frames=8, rounds=1, seconds=2, clients=(1, 2), cache=tmp_path)
    text = run.run(plan, tmp_path / "shelf.md", models)
    assert (tmp_path / "shelf.md").read_text() == text
    for part in ("## Streams", "## Files", "## Live streams", "## Stages", "## Memory"):
        assert part in text
    for name, streams in (*run.LOADS, run.BARE):
        assert f"| {name} | {streams} | " in text
    for row in ("| 1280x720 | ", "| 640x480 | ", "| 1 | ", "| 2 | ", "| after the first round | "):
        assert row in text
