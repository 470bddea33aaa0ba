"""`python -m training dataset report|standardise|split|prepare`: options and the runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.dataset.errors import DatasetError

if TYPE_CHECKING:
    from training.dataset.files import Files
    from training.dataset.splits import Wish
    from training.dataset.tables import Tables

SOURCE = """a folder DIR/KEYWORD/*.jpg, a manifest (.csv, .tsv, .parquet), or the prefix of an object store
(s3://BUCKET/PREFIX, gs://, az://, with the usual environment variables)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="STEP")
    _add_report(commands.add_parser("report", help="look at a data set: one page with plots, tables of findings"))
    _add_standardise(commands.add_parser("standardise", help="bring keywords to a standard with a mapping file"))
    _add_split(commands.add_parser("split", help="train, validation and test: stratified, no group in two"))
    _add_prepare(commands.add_parser("prepare", help="write the shards that training reads"))


def _add_report(parser: argparse.ArgumentParser) -> None:
    from training.dataset.duplicates import COSINE, DISTANCE

    _add_source(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/dataset"), help="folder (default runs/dataset)")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="keywords before and after this mapping file")
    parser.add_argument("--table-only", action="store_true", help="look at the rows, not at the pictures")
    parser.add_argument(
        "--distance",
        type=int,
        default=DISTANCE,
        help=f"bits of 96 between near duplicates, 0 to 6 (default {DISTANCE})",
    )
    parser.add_argument("--embedder", type=Path, metavar="ONNX", help="an exported embedder, to compare by its vectors")
    parser.add_argument("--vectors", type=Path, metavar="PARQUET", help="vectors instead: columns image, embedding")
    parser.add_argument(
        "--cosine", type=float, default=COSINE, help=f"between vectors of pictures that are alike (default {COSINE})"
    )
    parser.add_argument("--strict", action="store_true", help="end with 1 where a row, file or split is wrong")
    _add_jobs(parser)
    parser.set_defaults(run=run_report)


def _add_standardise(parser: argparse.ArgumentParser) -> None:
    from training.dataset.keywords import UNKNOWN

    _add_source(parser)
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="the mapping file (YAML)")
    parser.add_argument("--draft", type=Path, metavar="FILE", help="write a mapping file to start from, and no more")
    parser.add_argument("--out", type=Path, help="the manifest to write, .parquet or .csv")
    parser.add_argument("--unknown", choices=UNKNOWN, default="keep", help="keywords not in the mapping (default keep)")
    parser.set_defaults(run=run_standardise)


def _add_split(parser: argparse.ArgumentParser) -> None:
    from training.dataset.duplicates import KINDS

    _add_source(parser)
    _add_wish(parser)
    parser.add_argument("--out", type=Path, required=True, help="the manifest to write, .parquet or .csv")
    parser.add_argument(
        "--duplicates", type=Path, metavar="FILE", help="a report's duplicates.parquet: keep them together"
    )
    parser.add_argument("--by", choices=KINDS, default="near", help="which duplicates (default near)")
    parser.add_argument("--resplit", action="store_true", help="forget the splits that are there")
    parser.set_defaults(run=run_split)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    _add_wish(parser)
    parser.add_argument("--out", type=Path, required=True, help="the data set's folder, which is not there yet")
    parser.add_argument("--size", type=int, default=320, help="shorter side in pixels at most (default 320)")
    parser.add_argument("--format", choices=("jpeg", "png"), default="jpeg", help="of the pictures (default jpeg)")
    parser.add_argument("--per-shard", type=int, default=2048, help="pictures in a shard at most (default 2048)")
    _add_jobs(parser)
    parser.set_defaults(run=run_prepare)


def _add_source(parser: argparse.ArgumentParser) -> None:
    from training.dataset.files import LARGEST, MEGABYTE
    from training.dataset.tables import MEMORY

    parser.add_argument("source", help=SOURCE)
    parser.add_argument(
        "--columns", type=_columns, default={}, metavar="OURS=THEIRS,...", help="columns of other names: image=path,..."
    )
    parser.add_argument(
        "--group-pattern", default="", metavar="REGEX", help="the group in a picture's name, in brackets: '_(K[0-9]+)-'"
    )
    parser.add_argument("--memory", default=MEMORY, help=f"for tables; what is more lies on disk (default {MEMORY})")
    parser.add_argument(
        "--max-megabytes", type=float, default=LARGEST / MEGABYTE, help=f"largest file (default {LARGEST // MEGABYTE})"
    )


def _add_wish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shares", default="80,10,10", help="of train, validation, test (default 80,10,10)")
    parser.add_argument("--seed", type=int, default=1)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    from training.dataset.scan import default_jobs

    parser.add_argument("--jobs", "-j", type=int, default=default_jobs(), help="pictures at once (default: the cores)")


def _columns(text: str) -> dict[str, str]:
    from training.dataset.manifest import COLUMNS

    pairs = [part.partition("=") for part in text.split(",")]
    if not all(ours in COLUMNS and theirs for ours, _, theirs in pairs):
        raise argparse.ArgumentTypeError(f"{text!r}: OURS=THEIRS,... expected, with OURS of {', '.join(COLUMNS)}")
    return {ours: theirs for ours, _, theirs in pairs}


def _load(tables: "Tables", args: argparse.Namespace) -> "Files":
    from training.dataset.files import MEGABYTE
    from training.dataset.source import Wanted, load

    if args.max_megabytes <= 0:
        raise DatasetError(f"--max-megabytes {args.max_megabytes:g}: more than 0 is allowed")
    largest = int(args.max_megabytes * MEGABYTE)
    return load(tables, Wanted(args.source, args.columns, args.group_pattern, largest))


def run_report(args: argparse.Namespace) -> int:
    """Write the report; the status is 1 where `--strict` finds something."""
    from training.dataset import keywords, report
    from training.dataset.tables import opened

    if args.embedder and args.vectors:
        raise DatasetError("--embedder and --vectors: one of them is allowed")
    options = report.Options(
        jobs=args.jobs,
        pictures=not args.table_only,
        distance=args.distance,
        cosine=args.cosine,
        embedder=args.embedder,
        vectors=args.vectors,
        standard=keywords.read(args.mapping) if args.mapping else None,
    )
    with opened(args.memory) as tables:
        made = report.make(tables, _load(tables, args), args.source, options, args.out)
    print(
        f"{made.content['rows']} pictures, {len(made.content['problems'])} kinds of problems: {args.out / report.PAGE}"
    )
    return 1 if args.strict and not made.is_clean else 0


def run_standardise(args: argparse.Namespace) -> int:
    """Write the manifest with standard keywords, and say what was unknown."""
    from training.dataset import keywords, manifest
    from training.dataset.tables import opened

    if not args.draft and not (args.mapping and args.out):
        raise DatasetError("--mapping FILE and --out MANIFEST are needed, or --draft FILE to write a mapping file")
    with opened(args.memory) as tables:
        files = _load(tables, args)
        if args.draft:
            args.draft.write_text(keywords.draft(keywords.counts(tables)), encoding="utf-8")
            print(f"draft: {args.draft}")
            return 0
        found = keywords.standardise(tables, keywords.read(args.mapping), args.unknown)
        manifest.write(tables, args.out, files.base)
        _tell(tables)
    print(keywords.summary(found))
    print(f"written: {args.out}")
    return 0


def run_split(args: argparse.Namespace) -> int:
    """Write the manifest with splits."""
    from training.dataset import duplicates, manifest
    from training.dataset.tables import opened

    wish = _wish(args, resplit=args.resplit)
    with opened(args.memory) as tables:
        files = _load(tables, args)
        if args.duplicates:
            duplicates.load_together(tables, args.duplicates, args.by, files)
        _assign(tables, wish)
        manifest.write(tables, args.out, files.base)
        _tell(tables)
    print(f"written: {args.out}")
    return 0


def run_prepare(args: argparse.Namespace) -> int:
    """Write the shards; rows without a split get one first."""
    from training.dataset.prepare import Shape, check, prepare
    from training.dataset.scan import check_jobs
    from training.dataset.tables import opened

    shape = Shape(args.size, args.format, args.per_shard, args.seed)
    check(shape)
    check_jobs(args.jobs)
    wish = _wish(args, resplit=False)
    with opened(args.memory) as tables:
        files = _load(tables, args)
        _assign(tables, wish)
        prepared = prepare(tables, files, args.out, shape, args.jobs)
        _tell(tables)
    for split, counts in prepared.counts.items():
        print(f"{split}: {counts.total()} pictures of {len(counts)} of {len(prepared.labels)} keywords")
    for reason, count in sorted(prepared.left_out.items()):
        print(f"left out: {count} x {reason}")
    print(f"written: {args.out}")
    return 0


def _wish(args: argparse.Namespace, *, resplit: bool) -> "Wish":
    from training.dataset.splits import Wish, parse_shares

    return Wish(parse_shares(args.shares), args.seed, resplit)


def _assign(tables: "Tables", wish: "Wish") -> None:
    from training.dataset import findings, rows, splits

    if not wish.resplit:
        rows.require_known_splits(tables)
    splits.assign(tables, wish)
    for warning in findings.warnings(findings.by_split(tables)):
        print(f"warning: {warning}")


def _tell(tables: "Tables") -> None:
    from training.dataset.rows import count_problems

    for kind, count in count_problems(tables):
        print(f"{kind}: {count}")
