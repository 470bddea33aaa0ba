"""Version folders of a model repository: written aside, renamed in whole, never overwritten."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from export.errors import ContractError, UsageError

CARD = "model.json"
CONFIG = "config.pbtxt"
_STAGING = ".export-"  # Triton reads only folders whose name is a number


def config_path(repository: Path, role: str) -> Path:
    path = repository / role / CONFIG
    if not path.is_file():
        raise ContractError(f"{path} is missing: {repository} is no model repository with that network")
    return path


@contextmanager
def staging(repository: Path, role: str) -> Iterator[Path]:
    """A folder beside the versions, in the same file system; gone at the end, whatever happens. What a killed exporter
    left is swept: its lock died with it.
    """
    with locked(repository / role):
        _sweep(repository / role)
        folder = Path(mkdtemp(prefix=_STAGING, dir=repository / role))
        held = _lock(folder, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_STAGING}*"):
        try:
            held = _lock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody works in it, or it is gone, or not ours
        shutil.rmtree(left, ignore_errors=True)
        os.close(held)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other exporter holds the folder."""
    held = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(held)


def _lock(folder: Path, how: int) -> int:
    """A descriptor that holds the lock until it is closed."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, how)
    except OSError:
        os.close(held)
        raise
    return held


def publish(staged: Path, wanted: int | None = None) -> Path:
    """Renames a staged folder to the next version, or to a wanted one that does not exist yet. Two exporters at once
    get two numbers: a rename onto a folder with files in it fails, and the loser takes the next.
    """
    if wanted is not None and wanted < 1:
        raise UsageError(f"{wanted} is no version; Triton counts from 1")
    staged.chmod(0o755)
    for file in staged.iterdir():
        file.chmod(0o644)
    while True:
        number = next_version(staged.parent) if wanted is None else wanted
        target = staged.parent / str(number)
        if wanted is not None and target.exists():
            raise UsageError(f"{target} exists already")
        try:
            return staged.rename(target)
        except OSError:
            if not target.exists():
                raise


def publish_together(staged: Sequence[Path], wanted: int | None = None) -> list[Path]:
    """Staged folders of several models under one number that is free in all, or none of them: who reads the first and
    not yet the last finds no such version there.
    """
    while True:
        number = max(next_version(one.parent) for one in staged) if wanted is None else wanted
        published: list[tuple[Path, Path]] = []
        try:
            for one in staged:
                target = publish(one, number)
                published.append((one, target))
        except UsageError:
            _take_back(published)
            if wanted is not None or not any((one.parent / str(number)).exists() for one in staged):
                raise
        except OSError:
            _take_back(published)
            raise
        else:
            return [target for _, target in published]


def _take_back(published: Sequence[tuple[Path, Path]]) -> None:
    for staged, target in published:
        target.rename(staged)


def next_version(folder: Path) -> int:
    return max(numbers(folder), default=0) + 1


def numbers(folder: Path) -> list[int]:
    """Of all version folders."""
    return [int(child.name) for child in folder.iterdir() if child.name.isdecimal()]


def write_card(folder: Path, facts: Mapping[str, object]) -> None:
    """model.json, replaced in one step."""
    aside = folder / f".{CARD}.{os.getpid()}"
    aside.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(folder / CARD)
