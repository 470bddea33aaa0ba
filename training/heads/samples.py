"""Training data of one collection: vectors with labels, oldest first, and what in the file was unusable."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.heads.embedded_json import Json
from training.heads.source import entries

NAMED = 3
WIDEST = 65_536
# What tells the newest, best first; one counts when every usable entry has it.
ORDERS = ("created_at", "timestamp", "date", "updated_at", "id")
FILE_ORDER = "the order of the file"


@dataclass(frozen=True)
class Samples:
    """FP32 vectors [n, width] and labels [n], oldest first; `order` is the field that tells the newest.

    `problems` says of each kind of unusable entry how many there are and which are the first.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.bool_]
    order: str
    problems: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1])

    def of_class(self, label: bool) -> int:  # noqa: FBT001 - the label is the argument
        return int((self.labels == label).sum())

    def take(self, chosen: NDArray[np.intp]) -> "Samples":
        return Samples(self.vectors[chosen], self.labels[chosen], self.order, self.problems)


@dataclass(frozen=True)
class _Entry:
    position: int
    vector: NDArray[np.float32]
    label: bool
    fields: dict[str, Any]


def parse_samples(found: Json, place: str) -> Samples:
    """Return the samples of a parsed `training_data.json`; entries of another width than most are unusable, too.

    Raises:
        HeadsError: it holds no list.
    """
    usable: list[_Entry] = []
    unusable: list[tuple[str, int]] = []
    for position, one in enumerate(entries(found, place), start=1):
        entry = _parsed(one, position)
        if isinstance(entry, str):
            unusable.append((entry, position))
        else:
            usable.append(entry)
    width = Counter(len(entry.vector) for entry in usable).most_common(1)[0][0] if usable else 0
    strange = [entry for entry in usable if len(entry.vector) != width]
    unusable += [(f"embedding of {len(one.vector)} numbers, most have {width}", one.position) for one in strange]
    return _ordered([entry for entry in usable if len(entry.vector) == width], width, _summary(unusable))


def _parsed(one: object, position: int) -> _Entry | str:
    if not isinstance(one, dict):
        return "not an object"
    label = _label(one.get("label"))
    if label is None:
        return "label is neither true nor false"
    vector = _vector(one.get("embedding"))
    return vector if isinstance(vector, str) else _Entry(position, vector, label, one)


def _label(value: object) -> bool | None:
    return bool(value) if isinstance(value, bool | int) and value in (0, 1) else None


def _vector(value: object) -> NDArray[np.float32] | str:
    if not isinstance(value, list) or not 0 < len(value) <= WIDEST:
        return "embedding is no list of numbers"
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        return "embedding is no list of numbers"
    try:
        wide = np.array(value, np.float64)
    except OverflowError:
        return "embedding holds numbers that are not finite"
    if not (np.abs(wide) <= np.finfo(np.float32).max).all():
        return "embedding holds numbers that are not finite"
    return wide.astype(np.float32)


def _ordered(kept: Sequence[_Entry], width: int, problems: tuple[str, ...]) -> Samples:
    for name in ORDERS:
        keys = [_moment(entry.fields.get(name)) for entry in kept]
        known = [key for key in keys if key is not None]
        if known and len(known) == len(keys):
            order = np.argsort(np.array(known), kind="stable")
            break
    else:
        name, order = FILE_ORDER, np.arange(len(kept))
    vectors = np.stack([entry.vector for entry in kept]) if kept else np.zeros((0, width), np.float32)
    labels = np.array([entry.label for entry in kept], np.bool_)
    return Samples(vectors[order], labels[order], name, problems)


def _moment(value: object) -> float | None:
    """A number that grows with time: of a date in ISO 8601 (UTC unless it says otherwise), a number is its own."""
    if isinstance(value, bool) or value is None:
        return None
    readings: tuple[Callable[[Any], float], ...] = (float, _seconds)
    for reading in readings:
        try:
            found = reading(value)
        except (ValueError, TypeError, OverflowError):
            continue
        return found if np.isfinite(found) else None
    return None


def _seconds(text: str) -> float:
    found = datetime.fromisoformat(text.strip())
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _summary(unusable: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    places: dict[str, list[int]] = {}
    for reason, position in unusable:
        places.setdefault(reason, []).append(position)
    return tuple(_counted(reason, found) for reason, found in places.items())


def _counted(reason: str, positions: Sequence[int]) -> str:
    count = "1 entry" if len(positions) == 1 else f"{len(positions)} entries"
    first = ", ".join(map(str, positions[:NAMED])) + (" ..." if positions[NAMED:] else "")
    return f"{count}: {reason} (entry {first})"
