"""`python -m training shelves`: training of a shelf segmenter."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training.shelves import bootstrap_command, evaluate_command, instances_command, promote_command
from training.shelves.errors import ShelvesError
from training.stages import parse_stages

if TYPE_CHECKING:
    from training.shelves.pictures import ShelfPicture
    from training.shelves.trainer import Recipe

SIZES = "256:0.6,384:0.4"
NETWORKS = ("segformer", "unet-resnet34", "deeplabv3plus-resnet50", "rf-detr")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--output", type=Path, help="checkpoints; the result is OUTPUT/model")
    parser.add_argument("--network", default="segformer", help=f"{', '.join(NETWORKS)} (default segformer)")
    parser.add_argument("--checkpoint", help="network to start from, folder or hub id (default: random weights)")
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    parser.add_argument("--decoder-width", type=int, help="channels of the decode head (default: as it is; fresh 128)")
    parser.add_argument("--steps", type=int, default=10_000, help="optimiser steps (default 10000)")
    parser.add_argument("--batch", type=int, default=8, help="pictures of 256x256 a step (default 8)")
    parser.add_argument(
        "--sizes", type=parse_stages, default=SIZES, help=f"SIZE:SHARE of the steps, in order ({SIZES})"
    )
    parser.add_argument("--inner", type=int, help="size at which it looks when served (default: the last of --sizes)")
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="peak, of the encoder (default 0.0005)")
    parser.add_argument("--head-learning-rate", type=float, default=1.5e-3, help="of the decode head (0.0015)")
    parser.add_argument("--warmup", type=int, default=300, help="steps of linear warm-up (default 300)")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--rarity", type=float, default=0.0, help="how much more rare classes weigh, 0 to 1 (0)")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the weights' moving average")
    parser.add_argument("--held-back", type=float, default=0.03, help="share to look at, not to learn (default 0.03)")
    parser.add_argument("--seed", type=int, default=1)
    _add_running(parser)
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(metavar="evaluate|promote|bootstrap|instances")
    promote_command.add_arguments(
        commands.add_parser("promote", help="serve an exported candidate if it passes the gate")
    )
    instances_command.add_arguments(
        commands.add_parser("instances", help="write a set for trainers of YOLO and RF-DETR")
    )
    bootstrap_command.add_arguments(
        commands.add_parser("bootstrap", help="make a training set of annotated pictures, with SAM where boxes need it")
    )
    evaluate_command.add_arguments(
        commands.add_parser("evaluate", help="measure checkpoints and exported files, write report and profile")
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", nargs="+", metavar="DIR[*N]", help="folders with images/ and masks/; *N repeats one N times"
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--save-every", type=int, default=250, help="steps between checkpoints (default 250)")
    parser.add_argument("--look-every", type=int, default=500, help="steps between looks at what is held back (500)")
    parser.add_argument("--workers", type=int, default=1, help="processes that read pictures (default 1)")
    parser.add_argument("--mlflow", metavar="URI", help="log to this MLflow store, as sqlite:///runs/mlflow.db")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="fail unless OUTPUT holds a checkpoint to go on from")
    start.add_argument("--fresh", action="store_true", help="start anew although OUTPUT holds a checkpoint")


def run(args: argparse.Namespace) -> int:
    from training.keywords.tracking import carried_out, open_store
    from training.matte.average import newest_checkpoint
    from training.shelves.trainer import Running, train

    if args.output is None:
        raise ShelvesError("--output DIR is missing: where checkpoints go")
    if args.resume and newest_checkpoint(args.output) is None:
        raise ShelvesError(f"{args.output}: no checkpoint to resume from")
    recipe = recipe_of(args)
    running = Running(
        args.output,
        save_every=args.save_every,
        look_every=args.look_every,
        workers=args.workers,
        fresh=args.fresh,
    )
    pictures, store = pictures_of(args.data), open_store(args.mlflow, evaluate_command.EXPERIMENT)
    noted = None if store is None else store.begin(args.output.name)
    if noted is not None:
        noted.settings(vars(recipe))
    found = carried_out(noted, lambda callbacks: train(pictures, recipe, running, callbacks))
    print(f"done: {found}")
    return 0


def recipe_of(args: argparse.Namespace) -> "Recipe":
    """Raises ShelvesError for settings that make no sense."""
    from training.shelves.trainer import Recipe

    return Recipe(
        architecture=args.network,
        checkpoint=args.checkpoint,
        revision=args.revision,
        decoder_width=args.decoder_width,
        steps=args.steps,
        batch=args.batch,
        stages=args.sizes,
        inner=args.inner,
        learning_rate=args.learning_rate,
        head_learning_rate=args.head_learning_rate,
        warmup=args.warmup,
        weight_decay=args.weight_decay,
        rarity=args.rarity,
        average=args.average,
        held_back=args.held_back,
        seed=args.seed,
    )


def pictures_of(folders: Sequence[str] | None) -> "list[ShelfPicture]":
    """The pictures of all folders, of which it says how many they are. Raises ShelvesError."""
    if not folders:
        raise ShelvesError("--data DIR is missing: folders with images/ and masks/")
    found = [picture for folder in folders for picture in _repeated(folder)]
    print(f"{len(found)} pictures from {len(folders)} folder(s)")
    return found


def _repeated(folder: str) -> "list[ShelfPicture]":
    from training.shelves.pictures import find_pictures

    path, star, times = folder.rpartition("*")
    if not star:
        return find_pictures(Path(folder))
    if not times.isdecimal() or int(times) < 1:
        raise ShelvesError(f"{folder}: expected DIR*N with N from 1")
    return find_pictures(Path(path)) * int(times)
