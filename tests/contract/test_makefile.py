"""Make targets that write files of the repository leave them whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The Makefile in a folder whose environment seems to be up to date."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "constraints.txt").write_text("# old\nonnx==1.0\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in (".venv/bin/python", ".venv/.serve", ".venv/.test"):
        (tmp_path / name).touch()
    return tmp_path


def freeze(copy: Path, script: str) -> int:
    python = copy / ".venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    for name in (".serve", ".test"):
        os.utime(copy / ".venv" / name)
    return subprocess.run(["make", "freeze"], cwd=copy, capture_output=True, check=False).returncode


def test_constraints_stay_as_they_are_when_pip_fails(copy: Path) -> None:
    assert freeze(copy, "echo onnx==2.0; exit 3") != 0
    assert (copy / "constraints.txt").read_text() == "# old\nonnx==1.0\n"
    assert {path.name for path in copy.iterdir()} == {"Makefile", "pyproject.toml", "constraints.txt", ".venv"}


def test_constraints_hold_what_is_installed_but_for_the_machines_own(copy: Path) -> None:
    assert freeze(copy, "printf 'darkroom==0.1.0\\nnvidia-x==1\\nonnx==2.0\\ntorch==2.13.0+cpu\\n'") == 0
    assert (copy / "constraints.txt").read_text().splitlines()[1:] == ["onnx==2.0", "torch==2.13.0"]
