"""Evaluation figures of a version: free names, plain numbers, kept in its model.json."""

import json
import math
from pathlib import Path
from typing import Any

from export.errors import UsageError
from export.versions import CARD, write_card

Figures = dict[str, float]


def read(path: Path | None) -> Figures:
    """Figures from a JSON object of finite numbers; none where there is no file."""
    if path is None:
        return {}
    facts = _object(path)
    wrong = [name for name, value in facts.items() if not _is_figure(value)]
    if wrong:
        raise UsageError(f"{path}: not a finite number: {', '.join(wrong)}")
    return facts


def add(repository: Path, role: str, version: str, path: Path) -> Figures:
    """Adds the file's figures to an exported version; those of the same name are replaced."""
    folder = repository / role / version
    card = folder / CARD
    if not card.is_file():
        raise UsageError(f"no such version: {card} is missing")
    facts = _object(card)
    known = facts.get("figures")
    merged: Figures = {**(known if isinstance(known, dict) else {}), **read(path)}
    write_card(folder, {**facts, "figures": merged})
    return merged


def _object(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(facts, dict):
        raise UsageError(f"{path}: not a JSON object")
    return facts


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
