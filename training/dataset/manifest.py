"""Tables of pictures as files: CSV or Parquet with the columns image, keyword, group and split."""

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path

from training.dataset.errors import DatasetError
from training.dataset.places import literal, rebased
from training.dataset.tables import Tables

COLUMNS = ("image", "keyword", "group", "split")
NEEDED = ("image", "keyword")
SUFFIXES = (".csv", ".tsv", ".parquet")
DELIMITERS = (",", ";", "\t", "|")


def load(tables: Tables, path: Path, names: Mapping[str, str]) -> None:
    """Fill table `raw` from a file; `names` says what its columns are called where not as ours.

    Lines that cannot be read go to `problems`, with their number. Raises DatasetError for a file that is no table or
    lacks a column.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    if path.suffix.lower() == ".parquet":
        found = [str(row[0]) for row in tables.rows("describe select * from read_parquet(?)", [str(path)])]
        tables.run(f"insert into raw by name select {_chosen(found, names, path)} from read_parquet(?)", [str(path)])
    else:
        _load_text(tables, path, names)


def _load_text(tables: Tables, path: Path, names: Mapping[str, str]) -> None:
    delimiter, found = _head(path, names.get("image", "image"))
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in found)
    # Nothing is guessed: on a table with one odd line DuckDB's sniffer may take the whole line for a single column.
    reader = (
        "read_csv(?, auto_detect=false, header=true, delim=?, quote='\"', escape='\"', nullstr='', "
        f"columns={{{columns}}}, store_rejects=true)"
    )
    sql = f"insert into raw by name select {_chosen(found, names, path)} from {reader}"
    tables.run(sql, [str(path), delimiter])
    tables.run(
        "insert into problems select 'row cannot be read', 'line ' || line, any_value(lower(error_type)) "
        "from reject_errors group by line"
    )


def _head(path: Path, image: str) -> tuple[str, list[str]]:
    try:
        with path.open("rb") as file:
            first = file.readline(2**20).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    if not first.strip():
        raise DatasetError(f"{path}: the file is empty; a first line with the columns' names is needed")
    heads = {one: next(csv.reader([first], delimiter=one)) for one in DELIMITERS}
    delimiter = next((one for one, head in heads.items() if image in head), DELIMITERS[0])
    head = heads[delimiter]
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice:
        raise DatasetError(f"{path}: the column {twice[0]} is there twice")
    return delimiter, head


def _chosen(found: list[str], names: Mapping[str, str], path: Path) -> str:
    wanted = {ours: names.get(ours, ours) for ours in COLUMNS}
    missing = [theirs for ours, theirs in wanted.items() if theirs not in found and (ours in NEEDED or ours in names)]
    if missing:
        raise DatasetError(
            f"{path}: no column {' and no column '.join(missing)}; it has {', '.join(found)}. "
            f"Needed are {' and '.join(NEEDED)}, allowed are {', '.join(COLUMNS[2:])}; see --columns"
        )
    present = {ours: theirs for ours, theirs in wanted.items() if theirs in found}
    return ", ".join(f"trim(cast({_quoted(theirs)} as varchar)) as {_quoted(ours)}" for ours, theirs in present.items())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def write(tables: Tables, path: Path, base: str) -> None:
    """Write table `rows` as CSV or Parquet, in order of image, so that what it names is found from where it lies."""
    kind = path.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise DatasetError(f"{path}: a name that ends in .csv or .parquet is allowed")
    path.parent.mkdir(parents=True, exist_ok=True)
    sql = f'select {rebased(base, path.parent)} as image, keyword, "group", split from rows order by image'
    options = "format parquet, compression zstd" if kind == ".parquet" else "format csv, header"
    part = path.with_name(f".{path.name}.part")
    tables.run(f"copy ({sql}) to {literal(str(part))} ({options})")
    part.replace(path)


def digest(tables: Tables) -> str:
    """SHA-256 of table `rows`: one JSON line [image, keyword, group, split] for each, in order of image."""
    found = hashlib.sha256()
    line = 'to_json([image, keyword, "group", split])::varchar as line'
    for batch in tables.batches(f"select {line} from rows order by image"):
        found.update("".join(f"{one}\n" for one in batch.column(0).to_pylist()).encode())
    return found.hexdigest()
