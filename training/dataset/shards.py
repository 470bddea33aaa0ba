"""A prepared data set: `dataset.json`, and for each split Parquet shards whose pictures are read one by one.

`train/`, `validation/` and `test/` hold `shard-00000.parquet`, ... with the columns `name` (string), `image` (binary:
JPEG or PNG, upright sRGB), `keyword` (string), `label` (int32, an index in the labels), `group` (string) and `sha256`
(string, of the file that the picture was made of).
"""

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.dataset.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SPLITS = ("train", "validation", "test")
DATASET = "dataset.json"
COLUMNS = ("name", "image", "keyword", "label", "group", "sha256")
NEEDED = ["name", "image", "label"]
CACHED = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A picture: the bytes of a JPEG or PNG file, and the index of its keyword in the labels."""

    name: str
    image: bytes
    label: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """One row group of a shard."""

    path: Path
    group: int


class Shards:
    """Reads a prepared data set. It may be sent to other processes, each of which opens the files for itself.

    Of the pictures it keeps a few row groups in memory, of the shards only their lengths.
    """

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self.content = content
        self.labels: tuple[str, ...] = tuple(content["labels"])
        self._pieces: dict[str, tuple[list[_Piece], list[int]]] = {}
        self._open: dict[Path, pq.ParquetFile] = {}
        self._cache: OrderedDict[_Piece, pa.Table] = OrderedDict()

    @classmethod
    def open(cls, folder: Path) -> "Shards":
        """Raises DatasetError, with the place, for what is no prepared data set."""
        path = Path(folder) / DATASET
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            told = "prepare the data with `python -m training dataset prepare`"
            raise DatasetError(f"{path}: not readable ({error}); {told}") from error
        labels = content.get("labels") if isinstance(content, dict) else None
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise DatasetError(f"{path}: no labels in it")
        return cls(Path(folder), content)

    def count(self, split: str) -> int:
        """Pictures of a split; 0 where it has none. Raises DatasetError for an unknown split or a damaged shard."""
        _, starts = self._layout(split)
        return starts[-1]

    def label_indices(self, split: str) -> NDArray[np.int32]:
        """The label of every picture in order, read without the pictures. Raises DatasetError."""
        pieces, _ = self._layout(split)
        found = [self._read(piece, ["label"]).column(0).to_numpy() for piece in pieces]
        return np.concatenate(found).astype(np.int32) if found else np.empty(0, np.int32)

    def row(self, split: str, index: int) -> Row:
        """The picture at a place, 0 .. count - 1. Raises IndexError, DatasetError."""
        pieces, starts = self._layout(split)
        if not 0 <= index < starts[-1]:
            raise IndexError(f"{split} has {starts[-1]} pictures, there is no number {index}")
        at = bisect_right(starts, index) - 1
        return next(_rows(self._cached(pieces[at]), [index - starts[at]]))

    def rows(self, split: str) -> Iterator[Row]:
        """All pictures of a split in order, one row group in memory at a time. Raises DatasetError."""
        pieces, _ = self._layout(split)
        for piece in pieces:
            table = self._read(piece, NEEDED)
            yield from _rows(table, range(len(table)))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}, "_cache": OrderedDict()}

    def _layout(self, split: str) -> tuple[list[_Piece], list[int]]:
        """The row groups of a split, and at which picture each begins; the last number is that of all pictures."""
        if split not in SPLITS:
            raise DatasetError(f"there is no split {split!r}; allowed are {', '.join(SPLITS)}")
        if split not in self._pieces:
            pieces, lengths = [], [0]
            for path in sorted((self.folder / split).glob("shard-*.parquet")):
                found = self._file(path).metadata
                pieces += [_Piece(path, group) for group in range(found.num_row_groups)]
                lengths += [found.row_group(group).num_rows for group in range(found.num_row_groups)]
            self._pieces[split] = pieces, list(accumulate(lengths))
        return self._pieces[split]

    def _cached(self, piece: _Piece) -> "pa.Table":
        if piece not in self._cache:
            self._cache[piece] = self._read(piece, NEEDED)
        self._cache.move_to_end(piece)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return self._cache[piece]

    def _read(self, piece: _Piece, columns: list[str]) -> "pa.Table":
        import pyarrow as pa

        try:
            # One thread: in a process that was forked, the pool of its parent is not there.
            return self._file(piece.path).read_row_group(piece.group, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{piece.path}: not readable ({error})") from error

    def _file(self, path: Path) -> "pq.ParquetFile":
        import pyarrow as pa
        import pyarrow.parquet as pq

        if path not in self._open:
            try:
                file = pq.ParquetFile(path, memory_map=True)
            except (pa.ArrowException, OSError) as error:
                raise DatasetError(f"{path}: not a readable shard ({error})") from error
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise DatasetError(f"{path}: not a shard, it has no column {' and no column '.join(missing)}")
            self._open[path] = file
        return self._open[path]


def _rows(table: "pa.Table", places: Sequence[int]) -> Iterator[Row]:
    names, images, labels = (table.column(name) for name in NEEDED)
    for place in places:
        yield Row(names[place].as_py(), images[place].as_py(), labels[place].as_py())
