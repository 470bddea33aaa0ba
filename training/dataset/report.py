"""The report of a data set: one page, `report.json` for programs, and tables of what was found."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.dataset import duplicates, findings, keywords, manifest, plots, rows, source
from training.dataset.files import Files
from training.dataset.findings import Clusters
from training.dataset.keywords import Found, Standard, Unknown
from training.dataset.scan import scan
from training.dataset.tables import Tables
from training.dataset.thumbnails import Thumbnails

PAGE = "index.html"
STRANGERS = 500


@dataclass(frozen=True)
class Options:
    """What is looked at: pictures or the table alone, what counts as near, whose vectors, and the mapping."""

    jobs: int
    pictures: bool = True
    distance: int = duplicates.DISTANCE
    cosine: float = duplicates.COSINE
    embedder: Path | None = None
    vectors: Path | None = None
    standard: Standard | None = None
    unknown: Unknown = "keep"


@dataclass(frozen=True)
class Report:
    """Everything that a page shows; `content` is what stands in `report.json`."""

    content: dict[str, Any]
    spellings: Sequence[Found]
    before: dict[str, int]
    after: dict[str, int]
    by_split: dict[str, dict[str, int]]
    leaks: dict[str, Clusters]
    duplicates: dict[str, Clusters]
    conflicts: Clusters | None

    @property
    def is_clean(self) -> bool:
        """Neither a problem of the rows, nor a broken picture, nor a leak."""
        found = self.content
        broken = found["broken"]["count"] if "broken" in found else 0
        wrong = any(one["kind"] != source.NOT_LOOKED_AT for one in found["problems"])
        return not (wrong or broken or any(one.clusters for one in self.leaks.values()))


def make(tables: Tables, files: Files, place: str, options: Options, folder: Path) -> Report:
    """Write the report of `rows` into a folder. Raises DatasetError."""
    before = keywords.counts(tables)
    spellings = keywords.standardise(tables, options.standard, options.unknown) if options.standard else []
    if options.pictures:
        _look(tables, files, options)
    report = _collect(tables, place, before, spellings, pictures=options.pictures)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.content, indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    _write_tables(tables, folder, files.base, pictures=options.pictures)
    (folder / PAGE).write_text(page(tables, files, report, pictures=options.pictures), encoding="utf-8")
    return report


def _look(tables: Tables, files: Files, options: Options) -> None:
    from training.dataset import vectors
    from training.dataset.neighbours import check

    check(options.distance)
    if options.vectors is not None:
        vectors.check(options.vectors)
    embedder = None if options.embedder is None else vectors.Embedder(options.embedder)
    made = scan(tables, files, options.jobs, embedder)
    duplicates.find(tables, options.distance)
    found = options.vectors or made
    if found is not None:
        duplicates.add_alike(tables, found, options.cosine)


def _collect(
    tables: Tables, place: str, before: dict[str, int], spellings: Sequence[Found], *, pictures: bool
) -> Report:
    by_split = findings.by_split(tables)
    leaks = findings.leaks(tables, pictures=pictures)
    twins = findings.duplicates(tables) if pictures else {}
    conflicts = findings.conflicts(tables) if pictures else None
    after = keywords.counts(tables)
    content: dict[str, Any] = {
        "source": place,
        "manifest": manifest.digest(tables),
        "rows": sum(after.values()),
        "groups": tables.value('select count(distinct "group") from rows'),
        "keywords": {"before": before, "after": after, "by_split": by_split},
        "warnings": findings.warnings(by_split),
        "problems": findings.problems(tables),
        "unknown_keywords": [asdict(one) for one in spellings if one.how == "unknown"],
        "leaks": findings.plain(leaks),
    }
    if pictures:
        content |= {
            "pictures": findings.sound(tables),
            "broken": findings.broken(tables),
            "duplicates": findings.plain(twins),
            "conflicts": asdict(conflicts) if conflicts else None,
        }
    return Report(content, spellings, before, after, by_split, leaks, twins, conflicts)


def _write_tables(tables: Tables, folder: Path, base: str, *, pictures: bool) -> None:
    queries = {"problems.csv": "select * from problems order by all"}
    if pictures:
        queries |= {
            "broken.csv": "select image, error from pictures where error is not null order by image",
            "pictures.parquet": "select * from pictures order by image",
        }
        duplicates.write(tables, folder / "duplicates.parquet", base)
    for name, sql in queries.items():
        kind = "format csv, header" if name.endswith(".csv") else "format parquet, compression zstd"
        target = str(folder / name).replace("'", "''")
        tables.run(f"copy ({sql}) to '{target}' ({kind})")


def page(tables: Tables, files: Files, report: Report, *, pictures: bool) -> str:
    """The page as HTML, with everything inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    svgs = {"keywords": plots.keywords(report.before, report.after, mapped=bool(report.spellings))}
    if report.by_split:
        svgs["splits"] = plots.splits(report.by_split)
    sheets: dict[str, dict[str, list[str]]] = {}
    if pictures and report.content["pictures"]["count"]:
        svgs["measures"] = plots.measures(tables)
        sheets = {"extremes": findings.extremes(tables), "samples": findings.samples(tables)}
    return environment.get_template("report.html").render(
        report=report,
        found=report.content,
        svgs=svgs,
        sheets=sheets,
        thumbnail=Thumbnails(files).of,
        splits=rows.SPLITS,
        pictures=pictures,
        strangers=[one for one in report.spellings if one.how == "unknown"][:STRANGERS],
        mapped=[one for one in report.spellings if one.how != "unknown"][:STRANGERS],
    )
