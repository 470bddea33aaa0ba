"""`python -m training shelves instances`: a set for the trainer of a network that finds products one by one."""

import argparse
from pathlib import Path

FORMATS = ("yolo", "coco")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", nargs="+", metavar="DIR", help="folders with images/, masks/ and instances/")
    parser.add_argument("--output", type=Path, required=True, help="folder for the set; it must be empty")
    parser.add_argument("--format", choices=FORMATS, required=True, help="what the trainer reads")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from training.shelves.command import pictures_of
    from training.shelves.instances_set import write_set

    learnt, kept = write_set(pictures_of(args.data), args.output, args.format)
    print(f"{args.output}: {learnt} pictures to learn from, {kept} to validate with")
    return 0
