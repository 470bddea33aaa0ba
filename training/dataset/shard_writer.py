"""Writes the shards that `shards` reads."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from training.dataset.shards import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PER_GROUP = 32


class ShardWriter:
    """Shards of a split, one after the other; no file where there is no picture."""

    def __init__(self, folder: Path, per_shard: int) -> None:
        self._folder = folder
        self._per_shard = per_shard
        self._waiting: list[tuple[object, ...]] = []
        self._written = 0
        self._files = ExitStack()
        self._file: pq.ParquetWriter | None = None
        folder.mkdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._waiting:
            self._flush()
        self._files.close()

    def add(self, row: tuple[object, ...]) -> None:
        """Add a row of all columns, in their order."""
        self._waiting.append(row)
        if len(self._waiting) == min(PER_GROUP, self._per_shard - self._written % self._per_shard):
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._written % self._per_shard == 0:
            self._files.close()
            path = self._folder / f"shard-{self._written // self._per_shard:05d}.parquet"
            # Pictures are compressed already.
            writer = pq.ParquetWriter(
                path, schema(), compression="none", use_dictionary=["keyword", "group"], write_statistics=["label"]
            )
            self._file = self._files.enter_context(writer)
        columns = [list(column) for column in zip(*self._waiting, strict=True)]
        assert self._file is not None  # noqa: S101
        self._file.write_table(pa.table(columns, schema=schema()))
        self._written += len(self._waiting)
        self._waiting = []


def schema() -> "pa.Schema":
    import pyarrow as pa

    kinds = {"image": pa.binary(), "label": pa.int32()}
    return pa.schema({name: kinds.get(name, pa.string()) for name in COLUMNS})
