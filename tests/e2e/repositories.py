"""Copies of some of the project's own models and pipelines, for tests that export into them or break them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.conftest import QUICK

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "keyword_classifier"


def copied(folder: Path, models: Sequence[str], pipelines: Sequence[str]) -> Path:
    """`folder/models` and `folder/pipelines`. The keyword classifier comes without versions: a test makes them."""
    for name in models:
        ignored = shutil.ignore_patterns("[0-9]*", "labels.txt") if name == NETWORK else None
        shutil.copytree(ROOT / "model_repository" / name, folder / "models" / name, ignore=ignored)
    for name in pipelines:
        shutil.copytree(ROOT / "ensembles" / name, folder / "pipelines" / name)
    return folder


def settings(folder: Path) -> dict[str, str]:
    """Of a server of these models and pipelines."""
    return QUICK | {"SERVING_MODEL_REPOSITORIES": f"{folder}/models,{folder}/pipelines"}
