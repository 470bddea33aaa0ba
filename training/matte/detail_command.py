"""`python -m training detail`: options and the run."""

import argparse
from pathlib import Path

from training.matte.command import add_data, pairs_of
from training.matte.crops import Corners
from training.matte.errors import MatteError

MULTIPLE = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", required=True, help="the matting network, folder or hub id; it stays as it is")
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    add_data(parser, "folders of picture/mask pairs at least as large as --size")
    parser.add_argument("--output", type=Path, required=True, help="checkpoints; the result is OUTPUT/model")
    parser.add_argument("--size", type=_side, default=1024, help="side of the pictures as served (default 1024)")
    parser.add_argument("--crop", type=_side, default=384, help="side of the squares that are judged (default 384)")
    parser.add_argument("--crops", type=_count, default=3, help="squares of each picture (default 3)")
    parser.add_argument("--pictures", type=_count, default=2, help="pictures a step (default 2)")
    parser.add_argument("--steps", type=_count, default=3000, help="optimiser steps (default 3000)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="peak of the cosine (default 0.002)")
    parser.add_argument("--warmup", type=int, default=100, help="steps of linear warm-up (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=_count, default=250, help="steps between checkpoints (default 250)")
    parser.add_argument("--workers", type=int, default=1, help="processes that read pictures (default 1)")
    parser.add_argument("--fresh", action="store_true", help="start anew although OUTPUT holds a checkpoint")


def run(args: argparse.Namespace) -> int:
    from training.matte.detail_trainer import DetailRecipe, DetailRunning, train

    if args.crop > args.size:
        raise MatteError(f"--crop {args.crop} is larger than --size {args.size}")
    pairs = pairs_of(args.data)
    recipe = DetailRecipe(
        checkpoint=args.checkpoint,
        revision=args.revision,
        size=args.size,
        crops=Corners(args.crop, args.crops),
        pictures=args.pictures,
        steps=args.steps,
        learning_rate=args.learning_rate,
        warmup=args.warmup,
        seed=args.seed,
    )
    running = DetailRunning(args.output, save_every=args.save_every, workers=args.workers, fresh=args.fresh)
    print(f"done: {train(pairs, recipe, running)}")
    return 0


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) < MULTIPLE or int(text) % MULTIPLE:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a multiple of {MULTIPLE}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1")
    return int(text)
