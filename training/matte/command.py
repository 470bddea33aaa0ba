"""`python -m training matte`: options and the run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.matte.errors import MatteError
from training.matte.pairs import Pair, find_pairs
from training.stages import parse_stages

DEFAULT_SIZES = "256:0.8,384:0.12,512:0.08"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser, "folders of picture/mask pairs")
    parser.add_argument("--output", type=Path, required=True, help="checkpoints; the result is OUTPUT/model")
    parser.add_argument("--checkpoint", help="SegFormer to start from, folder or hub id (default: B0, random weights)")
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    parser.add_argument("--decoder-width", type=int, default=256, help="channels of a fresh decode head (default 256)")
    parser.add_argument("--steps", type=int, default=10_000, help="optimiser steps (default 10000)")
    parser.add_argument("--batch", type=int, default=8, help="pictures of 256x256 a step (default 8)")
    parser.add_argument(
        "--sizes", type=parse_stages, default=DEFAULT_SIZES, help=f"SIZE:SHARE of the steps, in order ({DEFAULT_SIZES})"
    )
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="peak of the cosine (default 0.001)")
    parser.add_argument("--warmup", type=int, default=300, help="steps of linear warm-up (default 300)")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--average", type=float, default=0.999, help="decay of the weights' moving average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250, help="steps between checkpoints (default 250)")
    parser.add_argument("--workers", type=int, default=1, help="processes that read pictures (default 1)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="fail unless OUTPUT holds a checkpoint to go on from")
    start.add_argument("--fresh", action="store_true", help="start anew although OUTPUT holds a checkpoint")


def run(args: argparse.Namespace) -> int:
    from training.matte.average import newest_checkpoint
    from training.matte.trainer import Recipe, Running, train

    if args.resume and newest_checkpoint(args.output) is None:
        raise MatteError(f"{args.output}: no checkpoint to resume from")
    pairs = pairs_of(args.data)
    recipe = Recipe(
        checkpoint=args.checkpoint,
        revision=args.revision,
        decoder_width=args.decoder_width,
        steps=args.steps,
        batch=args.batch,
        stages=args.sizes,
        learning_rate=args.learning_rate,
        warmup=args.warmup,
        weight_decay=args.weight_decay,
        average=args.average,
        seed=args.seed,
    )
    running = Running(args.output, save_every=args.save_every, workers=args.workers, fresh=args.fresh)
    print(f"done: {train(pairs, recipe, running)}")
    return 0


def add_data(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR[*N]", help=f"{text}; *N repeats one N times")


def pairs_of(folders: Sequence[str]) -> list[Pair]:
    """The pairs of all folders, of which it says how many they are. Raises MatteError."""
    pairs = [pair for folder in folders for pair in repeated_pairs(folder)]
    print(f"{len(pairs)} pictures from {len(folders)} folder(s)")
    return pairs


def repeated_pairs(folder: str) -> list[Pair]:
    """The pairs of `DIR` or `DIR*N`, N times over, so that a small good set counts for more."""
    path, star, times = folder.rpartition("*")
    if not star:
        return find_pairs(Path(folder))
    if not times.isdecimal() or int(times) < 1:
        raise MatteError(f"{folder}: expected DIR*N with N from 1")
    return find_pairs(Path(path)) * int(times)
