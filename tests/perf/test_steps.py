from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from perf import scene, steps

ROOT = Path(__file__).resolve().parents[2]


def milliseconds(report: str, name: str) -> float:
    found = re.search(rf"^\| {re.escape(name)} \| ([\d.]+) \|", report, re.MULTILINE)
    assert found is not None, f"no row {name!r} in\n{report}"
    return float(found[1])


def test_the_sum_is_that_of_the_steps() -> None:
    rows = [
        steps.Row("copy", 0.001, steps.FLOOR, ""),
        steps.Row("one", 0.02, steps.SUM, "x"),
        steps.Row("two", 0.03, steps.SUM, "y"),
        steps.Row("theirs", 0.5, steps.RIVAL, ""),
    ]
    report = steps.report(rows)
    assert milliseconds(report, "**sum, one core**") == 50
    assert "| one | 20.0 | 20.0 | x |" in report
    assert "| rival: theirs | 500.0 | 500.0 |" in report


def test_the_benchmark_leaves_the_process_as_it_was() -> None:
    cores = os.sched_getaffinity(0)
    steps.run(size=300, side=64, photo=None, rounds=1)
    assert os.sched_getaffinity(0) == cores


def test_the_command_prints_every_step_and_takes_a_photo(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(scene.make(320).jpeg)
    command = [sys.executable, "-m", "perf", "steps", "--photo", str(photo), "--rounds", "1", "--side", "64"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("320 x 320, ")
    for name in ("decode", "resize to the network", "mask up-sampling", "foreground estimation", "PNG of the cut-out"):
        assert milliseconds(done.stdout, name) >= 0


def test_the_made_picture_has_a_subject_with_soft_edges() -> None:
    alpha = scene.make(400).alpha
    assert 0.2 < (alpha == 255).mean() < 0.6
    assert 0.002 < np.mean((alpha > 0) & (alpha < 255)) < 0.1
