"""Tables larger than memory: DuckDB with a bound on what it holds, and a folder for what does not fit."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.dataset.errors import DatasetError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY = "1GB"
BATCH = 20_000
_MEMORY = re.compile(r"[1-9]\d*(\.\d+)?\s*[KMGT]i?B", re.IGNORECASE)


class Tables:
    """A database of one run. What it reads it reads as a stream; what it sorts or joins spills to disk."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", folder: Path) -> None:
        self._connection = connection
        self.folder = folder
        """For files that live as long as the run."""

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Raises DatasetError with the database's words."""
        self.rows(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Raises DatasetError with the database's words."""
        import duckdb

        try:
            found: list[tuple[Any, ...]] = self._connection.execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise _told(error) from error
        return found

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:  # noqa: ANN401 - whatever the column holds
        """The one cell that a query answers."""
        ((found,),) = self.rows(sql, parameters)
        return found

    def batches(self, sql: str, size: int = BATCH) -> Iterator["pa.RecordBatch"]:
        """A query's answer, piece by piece; other queries may run between two pieces."""
        import duckdb

        with self._connection.cursor() as cursor:
            try:
                yield from cursor.sql(sql).to_arrow_reader(size)
            except duckdb.Error as error:
                raise _told(error) from error

    def append(self, table: str, batch: "pa.Table") -> None:
        """Add the rows of `batch`, whose columns are named as the table's, or some of them."""
        self._connection.register("appended", batch)
        self.run(f"insert into {table} by name select * from appended")
        self._connection.unregister("appended")


@contextmanager
def opened(memory: str = MEMORY) -> Iterator[Tables]:
    """An empty database in a folder that is gone afterwards; `memory` as in `1GB`, `800MB`. Raises DatasetError."""
    import duckdb

    if not _MEMORY.fullmatch(memory):
        raise DatasetError(f"--memory {memory}: a number with KB, MB or GB is allowed, such as {MEMORY}")
    with tempfile.TemporaryDirectory(prefix="darkroom-dataset-") as name:
        folder = Path(name)
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spilled"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with duckdb.connect(str(folder / "tables.duckdb"), config=config) as connection:
            connection.execute("set enable_progress_bar = false")
            yield Tables(connection, folder)


def _told(error: Exception) -> DatasetError:
    return DatasetError(str(error).partition("\n\n")[0].replace("\n", " "))
