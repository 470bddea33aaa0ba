"""Looking at every picture once: a thread for each core, facts and vectors into Parquet as they come."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from training.dataset.errors import DatasetError
from training.dataset.files import Files
from training.dataset.pictures import SIDE, Facts, Pixels, look
from training.dataset.tables import Tables

if TYPE_CHECKING:
    import pyarrow as pa

    from training.dataset.vectors import Embedder

AT_ONCE = 128
MOST_JOBS = 64
_Made = TypeVar("_Made")


def default_jobs() -> int:
    return min(MOST_JOBS, os.cpu_count() or 1)


def check_jobs(jobs: int) -> None:
    """Raises DatasetError."""
    if not 1 <= jobs <= MOST_JOBS:
        raise DatasetError(f"--jobs {jobs}: 1 to {MOST_JOBS} are allowed")


def each(
    work: Callable[[str], _Made], tables: Tables, sql: str, jobs: int, text: str
) -> Iterator[tuple["pa.RecordBatch", list[_Made]]]:
    """Do `work` with the first column of a query's answer, `jobs` at a time, with a progress bar; in its order.

    What is at work at once is bounded, whatever the query answers.
    """
    total = tables.value(f"select count(*) from ({sql})")
    check_jobs(jobs)
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=total, desc=text, unit="picture", disable=None) as bar:
        for batch in tables.batches(sql, AT_ONCE):
            yield batch, list(pool.map(work, batch.column(0).to_pylist()))
            bar.update(len(batch))


def scan(tables: Tables, files: Files, jobs: int, embedder: "Embedder | None" = None) -> Path | None:
    """Make table `pictures` of the facts of every row of `rows`; with an embedder return the file of vectors."""
    import cv2
    import pyarrow.parquet as pq

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the threads are ours
    facts, vectors = tables.folder / "pictures.parquet", tables.folder / "vectors.parquet"
    work = partial(_looked, files, embedder)
    schema = _schema()
    try:
        with ExitStack() as stack:
            writer = stack.enter_context(pq.ParquetWriter(facts, schema, compression="zstd"))
            vector_writer = None
            for _, found in each(work, tables, "select image from rows order by image", jobs, "looking"):
                writer.write_table(_table([one for one, _ in found], schema))
                if embedder is not None and (rows := _vectors(found, embedder)) is not None:
                    vector_writer = vector_writer or stack.enter_context(pq.ParquetWriter(vectors, rows.schema))
                    vector_writer.write_table(rows)
    finally:
        cv2.setNumThreads(threads)
    tables.run("create or replace table pictures as select * from read_parquet(?)", [str(facts)])
    return vectors if vector_writer is not None else None


def _looked(files: Files, embedder: "Embedder | None", image: str) -> tuple[Facts, Pixels | None]:
    facts, pixels = look(files, image, SIDE if embedder is None else embedder.smallest)
    return facts, None if embedder is None or pixels is None else embedder.square(pixels)


def _vectors(found: list[tuple[Facts, Pixels | None]], embedder: "Embedder") -> "pa.Table | None":
    from training.dataset.vectors import table

    sound = [(facts.image, square) for facts, square in found if square is not None]
    if not sound:
        return None
    images, squares = zip(*sound, strict=True)
    return table(images, embedder.embed(squares))


def _schema() -> "pa.Schema":
    import pyarrow as pa

    kinds: dict[str, Any] = {"size": pa.int64(), "width": pa.int32(), "height": pa.int32(), "signature": pa.binary()}
    kinds |= dict.fromkeys(("light", "contrast", "sharpness"), pa.float64())
    return pa.schema({field.name: kinds.get(field.name, pa.string()) for field in fields(Facts)})


def _table(found: list[Facts], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist([asdict(facts) for facts in found], schema)
