"""Old pickled heads to the form that is served."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from training.heads.errors import HeadsError
from training.heads.fit import version_name
from training.heads.head import Card, Head, Origin
from training.heads.old_pickle import read_old

_NAME = re.compile(r"collection_(?P<number>\d+)_(?:compatible_)?classifier(?:_(?P<moment>[0-9T_:.-]+Z?))?$")
_DAYS = ("%Y-%m-%d", "%Y%m%d")
_TIMES = ("_%H%M%S", "_%H-%M-%S", "T%H%M%S", "T%H%M%SZ", "%H%M%S", "")
_MOMENTS = tuple(day + time for day in _DAYS for time in _TIMES)


@dataclass(frozen=True)
class Naming:
    """What an old file does not say of itself; `number` only where its name does not either."""

    number: int | None
    name: str
    origin: Origin
    threshold: float


def converted(path: Path, naming: Naming) -> Head:
    """Return the head of an old `collection_<id>_classifier_<time>.pkl` or `collection_<id>_compatible_classifier.pkl`;
    without a time in the name the file's own counts.

    Raises:
        HeadsError: it is no binary logistic regression, or of no known collection.
    """
    match = _NAME.match(path.stem)
    number = naming.number if naming.number is not None else int(match["number"]) if match else None
    if number is None:
        raise HeadsError(f"{path}: the name does not say which collection it is of, --collection ID does")
    old = read_old(path)
    moment = _moment(match["moment"] if match else None, path)
    card = Card(
        collection=number,
        name=naming.name or f"collection {number}",
        version=version_name(number, moment),
        trained=moment.isoformat(),
        width=len(old.weight),
        embedder=naming.origin.embedder,
        vector=naming.origin.vector,
        target=naming.origin.target,
        threshold=naming.threshold,
        settings={"converted_from": path.name, "scikit_learn": old.release},
    )
    return Head(card, old.weight, old.bias)


def _moment(text: str | None, path: Path) -> datetime:
    readings = (_read_as(text, form) for form in _MOMENTS) if text else ()
    return next(filter(None, readings), None) or datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _read_as(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
