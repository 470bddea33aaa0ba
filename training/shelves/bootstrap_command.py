"""`python -m training shelves bootstrap`: a training set from annotated pictures."""

import argparse
from pathlib import Path

from training.shelves.errors import ShelvesError

OUTSIDE = ("unknown", "background")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--annotations", type=Path, required=True, help="SKU-110K's CSV of boxes, or COCO's JSON")
    parser.add_argument("--images", type=Path, required=True, help="folder of the pictures that it names")
    parser.add_argument("--output", type=Path, required=True, help="folder for images/, masks/ and manifest.jsonl")
    parser.add_argument("--checkpoint", help="SAM or SAM 2 that draws the masks of boxes, folder or hub id")
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    parser.add_argument("--class", dest="names", action="append", default=[], metavar="NAME=CLASS", help="a category")
    parser.add_argument(
        "--outside", choices=OUTSIDE, default="unknown", help="what pixels are that nobody annotated (default unknown)"
    )
    parser.add_argument("--limit", type=int, help="only the first so many pictures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 1 where no picture could be used."""
    from training.shelves.annotations import read_annotations
    from training.shelves.bootstrap import SKIPPED, bootstrap
    from training.shelves.pictures import UNKNOWN
    from training.shelves.sam import Masker

    if not args.images.is_dir():
        raise ShelvesError(f"{args.images}: no such folder")
    if args.limit is not None and args.limit < 1:
        raise ShelvesError(f"--limit {args.limit}: from 1")
    annotated = read_annotations(args.annotations, dict(_named(text) for text in args.names))[: args.limit]
    masker = Masker(args.checkpoint, args.revision) if args.checkpoint else None
    outside = UNKNOWN if args.outside == "unknown" else 0
    made = bootstrap(annotated, args.images, args.output, masker, outside)
    for name, reason in made.skipped.items():
        print(f"skipped {name}: {reason}")
    listed = f", {len(made.skipped)} skipped: {args.output / SKIPPED}" if made.skipped else ""
    print(f"{args.output}: {made.pictures} pictures, {made.new} made now{listed}")
    return 0 if made.pictures else 1


def _named(text: str) -> tuple[str, str]:
    name, equals, kind = text.partition("=")
    if not name or not equals or not kind:
        raise ShelvesError(f"--class {text}: expected NAME=CLASS")
    return name, kind
