"""Where a data set comes from: a folder of keywords, a manifest, or a prefix of an object store; read into tables."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.dataset import manifest, rows
from training.dataset.errors import DatasetError
from training.dataset.files import LARGEST, FileError, Files, is_address, listed_folder, listed_prefix
from training.dataset.tables import BATCH, Tables

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"})
NOT_LOOKED_AT = "file is not looked at"


@dataclass(frozen=True)
class Wanted:
    """What is read, and how: other names of columns, and a pattern whose first part is a picture's group."""

    place: str
    columns: Mapping[str, str] = field(default_factory=dict)
    group_pattern: str = ""
    largest: int = LARGEST


def load(tables: Tables, wanted: Wanted) -> Files:
    """Fill the tables `rows` and `problems`, and return what reads the pictures. Raises DatasetError."""
    _check_pattern(wanted.group_pattern)
    rows.create(tables)
    base = _load(tables, wanted)
    if not tables.value("select exists(select 1 from raw)"):
        raise DatasetError(f"{wanted.place}: no pictures in it (looked for {' '.join(sorted(PICTURES))})")
    rows.settle(tables, wanted.group_pattern)
    return Files(base, wanted.largest)


def _load(tables: Tables, wanted: Wanted) -> str:
    place = wanted.place
    if Path(place).suffix.lower() in manifest.SUFFIXES:
        manifest.load(tables, _at_hand(tables, place), wanted.columns)
        return place.rpartition("/")[0] if is_address(place) else str(Path(place).parent)
    if is_address(place):
        _load_names(tables, listed_prefix(place))
        return place
    if not Path(place).is_dir():
        kinds = ", ".join(manifest.SUFFIXES)
        raise DatasetError(f"{place}: neither a folder, nor a manifest ({kinds}), nor an address of an object store")
    _load_names(tables, listed_folder(Path(place)))
    return place


def _at_hand(tables: Tables, place: str) -> Path:
    """A manifest's path; one of an object store is fetched."""
    if not is_address(place):
        return Path(place)
    base, _, name = place.rpartition("/")
    path = tables.folder / name
    try:
        path.write_bytes(Files(base, largest=2**40).read(name))
    except FileError as error:
        raise DatasetError(f"{place}: {error}") from error
    return path


def _load_names(tables: Tables, names: Iterator[str]) -> None:
    import pyarrow as pa

    while some := list(itertools.islice(names, BATCH)):
        pictures = [_row(name) for name in some if Path(name).suffix.lower() in PICTURES]
        if pictures:
            tables.append("raw", pa.Table.from_pylist(pictures, pa.schema(dict.fromkeys(pictures[0], pa.string()))))
        others = [name for name in some if Path(name).suffix.lower() not in PICTURES]
        detail = ["not a picture by its name"] * len(others)
        tables.append("problems", pa.table({"kind": [NOT_LOOKED_AT] * len(others), "image": others, "detail": detail}))


def _row(name: str) -> dict[str, str | None]:
    """`KEYWORD/...` or `SPLIT/KEYWORD/...`, where SPLIT is one of the splits' names."""
    folders = name.split("/")[:-1]
    split = folders.pop(0) if folders and folders[0].lower() in rows.SPLIT_NAMES else None
    return {"image": name, "keyword": folders[0] if folders else None, "split": split}


def _check_pattern(pattern: str) -> None:
    try:
        parts = re.compile(pattern).groups
    except re.error as error:
        raise DatasetError(f"--group-pattern {pattern}: {error}") from error
    if pattern and parts != 1:
        raise DatasetError(
            f"--group-pattern {pattern}: one pair of brackets around the group is needed, as in '_(K[0-9]+)-'"
        )
