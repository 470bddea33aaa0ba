"""From rows with keywords and splits to shards: the same manifest, pictures and seed make the same bytes."""

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from PIL import Image

from training.dataset import manifest
from training.dataset.errors import DatasetError
from training.dataset.files import FileError, Files
from training.dataset.pictures import BrokenError, Pixels, upright
from training.dataset.rows import some
from training.dataset.scan import each
from training.dataset.shard_writer import ShardWriter
from training.dataset.shards import DATASET, SPLITS
from training.dataset.tables import Tables

Format: TypeAlias = Literal["jpeg", "png"]
FINE = 4  # source pixels per pixel of the result from which on a reduced JPEG cannot be told from a whole one
QUALITY = 95
LEFT_OUT = "left_out.csv"
SIZES = (32, 2048)


@dataclass(frozen=True)
class Shape:
    """The shorter side is at most `size` pixels; a shard has at most `per_shard` pictures."""

    size: int = 320
    format: Format = "jpeg"
    per_shard: int = 2048
    seed: int = 1


@dataclass
class Prepared:
    """What was written: pictures by split and label, and what was left out by reason."""

    labels: tuple[str, ...]
    counts: dict[str, Counter[str]]
    left_out: Counter[str] = field(default_factory=Counter)
    sources: Any = field(default_factory=hashlib.sha256)
    """Digest over the SHA-256 of all source files, in the order of the shards."""


def prepare(tables: Tables, files: Files, folder: Path, shape: Shape, jobs: int) -> Prepared:
    """Write the data set of `rows`; `folder` is there when it is whole. Raises DatasetError.

    Rows without keyword or split and broken pictures are left out; `left_out.csv` names them.
    """
    check(shape)
    labels = [str(row[0]) for row in tables.rows(f"select distinct keyword from rows where {_USED} order by 1")]
    if not labels:
        raise DatasetError("no picture has a keyword")
    tables.run("create or replace table left_out (image varchar, reason varchar)")
    tables.run(
        "insert into left_out select image, case when keyword is null then 'no keyword' else 'no split' end "
        f"from rows where not ({_USED})"
    )
    prepared = Prepared(tuple(labels), {split: Counter() for split in SPLITS})
    with _staged(folder) as staged:
        for split in SPLITS:
            _write_split(tables, files, split, staged, (shape, jobs, prepared))
        prepared.left_out.update(
            {
                str(reason): int(count)
                for reason, count in tables.rows("select reason, count(*) from left_out group by 1")
            }
        )
        if not any(prepared.counts[split] for split in SPLITS):
            raise DatasetError(f"no picture can be used: {some([f'{n} x {t}' for t, n in prepared.left_out.items()])}")
        _write_left_out(tables, staged / LEFT_OUT)
        content = describe(prepared, shape, manifest.digest(tables))
        (staged / DATASET).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return prepared


_USED = "keyword is not null and split is not null"


def check(shape: Shape) -> None:
    """Raises DatasetError."""
    if not SIZES[0] <= shape.size <= SIZES[1]:
        raise DatasetError(f"--size {shape.size}: {SIZES[0]} to {SIZES[1]} pixels are allowed")
    if shape.per_shard < 1:
        raise DatasetError(f"--per-shard {shape.per_shard}: 1 or more is allowed")


def describe(prepared: Prepared, shape: Shape, digest: str) -> dict[str, object]:
    """What stands in `dataset.json`."""
    counts = {split: {label: prepared.counts[split][label] for label in prepared.labels} for split in SPLITS}
    return {
        "labels": list(prepared.labels),
        "seed": shape.seed,
        "manifest": digest,
        "sources": prepared.sources.hexdigest(),
        "counts": counts,
        "size": shape.size,
        "format": shape.format,
        "left_out": dict(sorted(prepared.left_out.items())),
    }


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A hidden folder beside, which takes the name when all went well."""
    if folder.exists():
        raise DatasetError(f"{folder}: is there already; choose another folder with --out or take it away")
    staged = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        yield staged
        staged.replace(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@dataclass(frozen=True)
class _Picture:
    data: bytes = b""
    sha256: str = ""
    error: str = ""


def _made(files: Files, shape: Shape, image: str) -> _Picture:
    try:
        source = files.read(image)
        pixels, _ = upright(source, FINE * shape.size)
    except (FileError, BrokenError) as error:
        return _Picture(error=str(error))
    return _Picture(encoded(pixels, shape), hashlib.sha256(source).hexdigest())


def encoded(pixels: Pixels, shape: Shape) -> bytes:
    """A file of UINT8 RGB [h, w, 3] with its shorter side brought down to the size; a smaller picture stays."""
    picture = Image.fromarray(pixels)
    scale = shape.size / min(picture.size)
    if scale < 1:
        wide, high = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((wide, high), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    if shape.format == "png":
        picture.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def _write_split(tables: Tables, files: Files, split: str, folder: Path, how: tuple[Shape, int, Prepared]) -> None:
    shape, jobs, prepared = how
    # The seed mixes the keywords, so that what is read in order is not sorted.
    sql = (
        f"""select image, keyword, coalesce("group", '') as "group" from rows where {_USED} and split = '{split}' """
        f"order by md5('{int(shape.seed)}:' || image), image"
    )
    index = {label: place for place, label in enumerate(prepared.labels)}
    writer = ShardWriter(folder / split, shape.per_shard)
    with writer:
        for batch, made in each(partial(_made, files, shape), tables, sql, jobs, split):
            broken = []
            for row, picture in zip(batch.to_pylist(), made, strict=True):
                if picture.error:
                    broken.append({"image": row["image"], "reason": picture.error})
                    continue
                prepared.counts[split][row["keyword"]] += 1
                prepared.sources.update(bytes.fromhex(picture.sha256))
                writer.add(
                    (row["image"], picture.data, row["keyword"], index[row["keyword"]], row["group"], picture.sha256)
                )
            _leave_out(tables, broken)


def _leave_out(tables: Tables, broken: list[dict[str, str]]) -> None:
    import pyarrow as pa

    if broken:
        tables.append("left_out", pa.Table.from_pylist(broken))


def _write_left_out(tables: Tables, path: Path) -> None:
    target = str(path).replace("'", "''")
    tables.run(f"copy (select * from left_out order by image) to '{target}' (format csv, header)")
