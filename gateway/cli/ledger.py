"""What was done to which photo: a line for each result, so that the next run leaves alone what is there."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Entry:
    """`photo` is the result's name without extension, `result` with it, empty where none was to be made; `source` and
    `order` are SHA-256, of what the photo is and of what was wanted.
    """

    photo: str
    source: str
    order: str
    result: str
    size: int


AnyEntry = TypeVar("AnyEntry", bound=Entry)


class Ledger(Generic[AnyEntry]):
    """The entries of a folder of results. A line that was cut off, or a result that is gone, counts as not done."""

    def __init__(self, folder: Path, name: str, kind: type[AnyEntry]) -> None:
        self._folder = folder
        self._path = folder / name
        self._kind = kind
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        self._entries = {entry.photo: entry for line in text.splitlines() if (entry := self._entry(line))}
        self._torn = bool(text) and not text.endswith("\n")

    def done(self, photo: str, source: str, order: str) -> AnyEntry | None:
        entry = self._entries.get(photo)
        if entry is None or (entry.source, entry.order) != (source, order):
            return None
        result = self._folder / entry.result
        is_there = not entry.result or (result.is_file() and result.stat().st_size == entry.size)
        return entry if is_there else None

    def add(self, entry: AnyEntry) -> None:
        self._entries[entry.photo] = entry
        line = ("\n" if self._torn else "") + json.dumps(asdict(entry)) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
        self._torn = False

    def _entry(self, line: str) -> AnyEntry | None:
        try:
            found: Any = json.loads(line)
            return self._kind(**found)
        except (ValueError, TypeError):
            return None
