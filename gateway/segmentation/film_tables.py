"""Tables of a video: a row per frame with what was counted in it."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from gateway.errors import InvalidOptionError
from gateway.segmentation.film_file import FilmFile
from gateway.segmentation.segmenter import Segmented
from gateway.video.reader import Frame

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetWriter

Row: TypeAlias = dict[str, int | float | None]
ROWS_AT_ONCE = 4096
DIGITS = 6
PARQUET_LIBRARY = "pyarrow"


@contextmanager
def csv_table(path: Path) -> Iterator[FilmFile]:
    with path.open("w", encoding="utf-8", newline="") as file:
        yield CsvTable(file)


@contextmanager
def parquet_table(path: Path) -> Iterator[FilmFile]:
    """Raises InvalidOptionError where `require_parquet` does."""
    require_parquet()
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([(name, pa.int64() if is_whole(name) else pa.float64()) for name in columns()])
    with ParquetWriter(path, schema) as writer:
        table = ParquetTable(writer, schema)
        yield table
        table.flush()


class CsvTable:
    """A row per frame; what is not known is empty."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.DictWriter(file, columns())
        self._rows.writeheader()

    def add(self, frame: Frame, segmented: Segmented) -> None:
        self._rows.writerow(row(frame, segmented))


class ParquetTable:
    """The same rows, in groups."""

    def __init__(self, writer: "ParquetWriter", schema: "Schema") -> None:
        self._writer, self._schema = writer, schema
        self._rows: list[Row] = []

    def add(self, frame: Frame, segmented: Segmented) -> None:
        self._rows.append(row(frame, segmented))
        if len(self._rows) == ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()


def require_parquet() -> None:
    """Raises InvalidOptionError where the library for it is not installed."""
    from importlib.util import find_spec

    if find_spec(PARQUET_LIBRARY) is None:
        raise InvalidOptionError(
            f"outputs: parquet needs {PARQUET_LIBRARY}, which is not installed here; csv has the same rows"
        )


def columns() -> list[str]:
    from imaging.shelf_classes import OBJECTS, ShelfClass

    counts, shares = (f"count_{kind.key}" for kind in OBJECTS), (f"share_{kind.key}" for kind in ShelfClass)
    return ["frame", "time_s", "duration_s", *counts, "coverage", *shares, "confidence", "flicker"]


def is_whole(column: str) -> bool:
    return column == "frame" or column.startswith("count_")


def row(frame: Frame, segmented: Segmented) -> Row:
    from imaging.shelf_counts import count

    found = count(segmented.mask, segmented.instances)
    return {
        "frame": frame.index,
        "time_s": round(float(frame.time), DIGITS),
        "duration_s": round(float(frame.duration), DIGITS),
        **{f"count_{name}": number for name, number in found.counts.items()},
        "coverage": None if found.coverage is None else round(found.coverage, DIGITS),
        **{f"share_{name}": round(share, DIGITS) for name, share in found.shares.items()},
        "confidence": round(segmented.confidence, DIGITS),
        "flicker": None if segmented.flicker is None else round(segmented.flicker, DIGITS),
    }
