"""The label file of a classifier: one keyword a line, in each version's folder, and beside config.pbtxt that of the
newest one, which is where Triton's classification extension looks.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from export.errors import CheckpointError
from export.versions import locked, numbers

NAME = "labels.txt"
LONGEST = 256


def checked(labels: object, where: str) -> tuple[str, ...]:
    """The labels, if they are a list that a file of lines can hold. Raises CheckpointError."""
    if not isinstance(labels, Sequence) or isinstance(labels, str) or not labels:
        raise CheckpointError(f"{where}: labels are a list of at least one keyword")
    for label in labels:
        if not isinstance(label, str) or not label.strip() or len(label) > LONGEST:
            raise CheckpointError(f"{where}: a label is text of 1 to {LONGEST} characters, not {label!r}")
        if label != label.strip() or not label.isprintable():
            raise CheckpointError(f"{where}: a label is one line without spaces around it, not {label!r}")
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise CheckpointError(f"{where}: labels are there twice: {', '.join(twice)}")
    return tuple(labels)


def text(labels: Sequence[str]) -> bytes:
    return "".join(f"{label}\n" for label in labels).encode()


def keep(model: Path) -> None:
    """Puts the newest version's label file beside config.pbtxt, in one step; two exporters take turns."""
    with locked(model):
        newest = model / str(max(numbers(model))) / NAME
        aside = model / f".{NAME}.{os.getpid()}"
        aside.write_bytes(newest.read_bytes())
        aside.replace(model / NAME)
