"""Which pictures are the same, nearly the same, or alike to an embedder; table `duplicates`, a row for each picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.dataset import neighbours, places
from training.dataset.clusters import Clusters
from training.dataset.errors import DatasetError
from training.dataset.files import Files
from training.dataset.places import literal, rebased
from training.dataset.signature import unpack
from training.dataset.tables import BATCH, Tables

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("exact", "near", "alike")
DISTANCE = 4
COSINE = 0.97


def find(tables: Tables, distance: int = DISTANCE) -> None:
    """Make table `duplicates` (image, exact, near, alike) of table `pictures`.

    For each sound picture the first image of its cluster: of equal bytes; of near signatures, which holds the former;
    `alike` is null.
    """
    tables.run(
        """create or replace table duplicates as select image,
        min(image) over (partition by sha256) as exact, signature, cast(null as varchar) as alike
        from pictures where error is null"""
    )
    tables.run(
        """create or replace table signatures as select signature, row_number() over (order by signature) - 1 as place
        from (select distinct signature from duplicates where signature is not null)"""
    )
    _append_labels(tables, "near_ones", _near(tables, distance))
    tables.run(
        """create or replace table near_images as select d.image, min(d.image) over (partition by n.first) as near
        from duplicates d join signatures using (signature) join near_ones n using (place)"""
    )
    tables.run(
        """create or replace table duplicates as select image, exact, coalesce(near, exact) as near, alike
        from duplicates left join near_images using (image)"""
    )


def _near(tables: Tables, distance: int) -> NDArray[np.int64]:
    pieces = [
        unpack(batch.column(0).to_pylist())
        for batch in tables.batches("select signature from signatures order by place")
    ]
    words = np.concatenate(pieces) if pieces else np.empty((0, 3), np.uint32)
    clusters = Clusters(len(words))
    for one, other in neighbours.near_pairs(words, distance):
        clusters.join(one, other)
    return clusters.labels()


def add_alike(tables: Tables, vectors: Path, cosine: float) -> None:
    """Fill `alike` of `duplicates`: clusters of vectors that have this cosine or more. Raises DatasetError."""
    from training.dataset.vectors import alike_pairs, count

    if not 0 < cosine < 1:
        raise DatasetError(f"--cosine {cosine:g}: more than 0 and less than 1 is allowed")
    clusters = Clusters(count(vectors))
    for one, other in alike_pairs(vectors, cosine):
        clusters.join(one, other)
    _append_labels(tables, "alike_ones", clusters.labels())
    tables.run("create or replace table named_vectors (image varchar, place bigint)")
    for batch in _images(vectors):
        tables.append("named_vectors", batch)
    if not tables.value("select exists(select 1 from named_vectors join duplicates using (image))"):
        raise DatasetError(f"{vectors}: none of the pictures in it is one of these; they are named as in the manifest")
    tables.run(
        """update duplicates set alike = found.alike from
        (select v.image, min(v.image) over (partition by first) as alike
         from named_vectors v join alike_ones using (place) join duplicates using (image)) as found
        where duplicates.image = found.image"""
    )


def _images(vectors: Path) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = 0
    with pq.ParquetFile(vectors) as file:
        for batch in file.iter_batches(BATCH, columns=["image"]):
            yield pa.table({"image": batch.column(0), "place": np.arange(place, place + len(batch))})
            place += len(batch)


def _append_labels(tables: Tables, table: str, labels: NDArray[np.int64]) -> None:
    import pyarrow as pa

    tables.run(f"create or replace table {table} (place bigint, first bigint)")
    for start in range(0, len(labels), BATCH):
        part = labels[start : start + BATCH]
        tables.append(table, pa.table({"place": np.arange(start, start + len(part)), "first": part}))


def write(tables: Tables, path: Path, base: str) -> None:
    """Write the table as Parquet, in order of image, with names as from the file's folder; the clusters keep theirs."""
    columns = f"{rebased(base, path.parent)} as image, exact, near, alike"
    sql = f"select {columns} from duplicates order by duplicates.image"
    tables.run(f"copy ({sql}) to {literal(str(path))} (format parquet, compression zstd)")


def load_together(tables: Tables, path: Path, kind: str, files: Files) -> None:
    """Make table `together` (image, cluster) of a written table of duplicates, for splits.

    Raises DatasetError for another file, and where it knows none of the pictures of `rows`.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file; `report` writes duplicates.parquet")
    found = [row[0] for row in tables.rows("describe select * from read_parquet(?)", [str(path)])]
    if "image" not in found or kind not in found:
        raise DatasetError(f"{path}: no columns image and {kind}; it has {', '.join(found)}")
    written = f"read_parquet({literal(str(path))})"
    places.find(tables, "own", "select image from rows", files)
    places.find(tables, "theirs", f"select image from {written}", Files(str(path.parent)))
    tables.run(
        f"""create or replace table together as select own.image as image, {kind} as cluster
        from own join theirs using (place) join {written} as found on found.image = theirs.image
        where {kind} is not null"""
    )
    if not tables.value("select exists(select 1 from together)"):
        raise DatasetError(f"{path}: none of the pictures in it is one of these; it is the report of another data set")
