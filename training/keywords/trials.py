"""The trials of a search, as a table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.keywords.errors import KeywordsError

SEARCH = "search.json"


@dataclass(frozen=True)
class Trial:
    """`score` is the macro accuracy on the validation split, None where there is none; `reason` says why."""

    number: int
    settings: dict[str, Any]
    state: str
    score: float | None = None
    steps: int | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """Trials, the best first; `names` are the settings that were varied, `best` the winner's number."""

    method: str
    names: tuple[str, ...]
    rows: tuple[Trial, ...]

    @property
    def best(self) -> int | None:
        return self.rows[0].number if self.rows and self.rows[0].score is not None else None

    @property
    def summary(self) -> str:
        done = sum(one.score is not None for one in self.rows)
        return f"{len(self.rows)} trials by {self.method}, {done} with a macro accuracy on the validation split."

    def facts(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "best": self.best,
            "settings": self.names,
            "rows": [asdict(one) for one in self.rows],
        }


def table(method: str, names: Sequence[str], trials: Sequence[Trial]) -> Table:
    ranked = sorted(trials, key=lambda one: (one.score is None, -(one.score or 0.0), one.number))
    return Table(method, tuple(names), tuple(ranked))


def read_table(folder: Path) -> Table:
    """The trials of a search's folder. Raises KeywordsError."""
    path = folder / SEARCH
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Table(facts["method"], tuple(facts["settings"]), tuple(Trial(**one) for one in facts["rows"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeywordsError(f"{path}: no readable table of trials ({type(error).__name__}: {error})") from error
