"""Version folders of a model repository: written aside, renamed in whole, never overwritten."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
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
    """A folder beside the versions, in the same file system; gone at the end, whatever happens."""
    folder = Path(mkdtemp(prefix=_STAGING, dir=repository / role))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: Path, wanted: int | None = None) -> Path:
    """Renames a staged folder to the next version, or to a wanted one that does not exist yet. Two exporters at once
    get two numbers: a rename onto a folder with files in it fails, and the loser takes the next.
    """
    staged.chmod(0o755)
    for file in staged.iterdir():
        file.chmod(0o644)
    while True:
        number = wanted or next_version(staged.parent)
        target = staged.parent / str(number)
        if wanted and target.exists():
            raise UsageError(f"{target} exists already")
        try:
            return staged.rename(target)
        except OSError:
            if not target.exists():
                raise


def next_version(folder: Path) -> int:
    numbers = [int(child.name) for child in folder.iterdir() if child.name.isdecimal()]
    return max(numbers, default=0) + 1


def write_card(folder: Path, facts: Mapping[str, object]) -> None:
    """model.json, replaced in one step."""
    aside = folder / f".{CARD}.{os.getpid()}"
    aside.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(folder / CARD)
