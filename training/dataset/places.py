"""The same picture by different names: manifests in different folders name it relative to themselves."""

import os
from pathlib import Path

from training.dataset.files import Files, is_address
from training.dataset.tables import Tables


def rebased(base: str, folder: Path) -> str:
    """SQL of the column `image`, relative to `base`, as it is called from `folder`."""
    if is_address(base):
        prefix = f"{base}/"
    else:
        between = os.path.relpath(Path(base).resolve(), folder.resolve())
        prefix = "" if between == "." else f"{Path(between).as_posix()}/"
    return f"case when contains(image, '://') or image[1] = '/' then image else {literal(prefix)} || image end"


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def find(tables: Tables, table: str, images: str, files: Files) -> None:
    """Make `table` (image, place) of the images that a query answers; `place` is the same for all names of a file."""
    import pyarrow as pa

    tables.run(f"create or replace table {table} (image varchar, place varchar)")
    for batch in tables.batches(images):
        names = batch.column(0).to_pylist()
        found = [_absolute(files.place(name)) for name in names]
        tables.append(table, pa.table({"image": pa.array(names, pa.string()), "place": pa.array(found, pa.string())}))


def _absolute(place: str) -> str:
    return place if is_address(place) else os.path.abspath(place)  # noqa: PTH100 - Path.resolve asks the disk each time
