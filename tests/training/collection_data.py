"""Collections that a test makes up: vectors of two classes, and the files that the trainer reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from training.heads.report import Outcome
from training.heads.run import Plan, run
from training.heads.source import Limits, open_source

WIDTH = 16
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def entries(count: int = 120, *, seed: int = 1, width: int = WIDTH, shift: float = 0.8) -> list[Any]:
    """Samples with a third of them true; the classes overlap, so that no classifier is perfect."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3 == 0
    vectors = random.normal(size=(count, width)) + shift * labels[:, None]
    return [
        {"embedding": vector.round(6).tolist(), "label": bool(label)}
        for vector, label in zip(vectors, labels, strict=True)
    ]


def write_source(folder: Path, data: dict[int, Any]) -> Path:
    """A folder with `collections.json` and the training data of each; a text is written as it is."""
    (folder / "collections").mkdir(parents=True, exist_ok=True)
    listing = [{"id": number, "name": f"name of {number}"} for number in data]
    (folder / "collections.json").write_text(json.dumps(listing))
    for number, content in data.items():
        path = folder / "collections" / str(number) / "training_data.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def train(source: Path | str, plan: Plan, now: datetime = NOON) -> list[Outcome]:
    return run(open_source(str(source), Limits(wait_s=2)), plan, str(source), now)
