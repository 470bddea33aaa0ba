"""The options of a training, from the command line to its recipe."""

import argparse
from pathlib import Path

from training.keywords.head import HEADS
from training.keywords.recipe import BALANCES, LOSSES, PROMPTS, SOURCES, TUNINGS, Recipe, Tuning
from training.stages import parse_stages

DEFAULT_OUTPUT = Path("runs/keywords")
SIDES = "224:1"


def add_training(parser: argparse.ArgumentParser) -> None:
    """The options that a training and a search share."""
    _add_start(parser)
    _add_learning(parser)
    _add_length(parser)


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="prepared data set (python -m training dataset)")


def add_running(parser: argparse.ArgumentParser, output: Path) -> None:
    parser.add_argument("--output", type=Path, default=output, help=f"(default {output})")
    parser.add_argument("--workers", type=int, default=1, help="processes that read pictures (default 1)")
    parser.add_argument("--mlflow", metavar="ADDRESS", help="note the run in MLflow, as sqlite:///runs/mlflow.db")


def _add_start(parser: argparse.ArgumentParser) -> None:
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--checkpoint", help="CLIP or classifier to start from, folder or hub id")
    begin.add_argument("--fresh", default="tiny", help="or a tower with random weights: tiny (default) or mini")
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    parser.add_argument("--new-head", action="store_true", help="do not use a classifier's own head")
    parser.add_argument("--head", choices=HEADS, help="(default: the checkpoint's, else linear)")
    parser.add_argument("--hidden", type=int, help="width of an MLP (default: the vectors')")
    parser.add_argument("--tuning", choices=TUNINGS, help="what of the tower learns (default frozen; fresh: full)")
    parser.add_argument("--blocks", type=int, default=2, help="how many of the last learn with blocks (default 2)")
    parser.add_argument("--rank", type=int, default=8, help="of LoRA's matrices (default 8)")
    parser.add_argument("--prompts", type=Path, metavar="FILE", help="one a line, with {} for the keyword")
    parser.add_argument("--prototypes", choices=SOURCES, help="what they are made of (default: prompts, if it reads)")
    parser.add_argument("--zero-shot", action="store_true", help="prototypes from prompts, without any training")
    parser.add_argument("--shots", type=int, metavar="K", help="train on K pictures of each keyword")


def _add_learning(parser: argparse.ArgumentParser) -> None:
    usual = Recipe()
    parser.add_argument("--loss", choices=LOSSES, default=usual.loss, help=f"(default {usual.loss})")
    parser.add_argument("--tune-text", action="store_true", help="contrastive: the text tower learns, too")
    parser.add_argument("--balance", choices=BALANCES, default=usual.balance, help="against uneven keywords (sampler)")
    parser.add_argument("--smoothing", type=float, default=usual.smoothing, help="of labels (default 0)")
    parser.add_argument("--batch", type=int, default=usual.batch, help=f"pictures a step (default {usual.batch})")
    parser.add_argument("--learning-rate", type=float, help="of the towers (default: by --tuning)")
    parser.add_argument("--head-learning-rate", type=float, help="(default 0.003, with a fresh tower 0.016)")
    parser.add_argument("--weight-decay", type=float, default=usual.weight_decay, help="(default 0.05)")
    parser.add_argument("--plain", action="store_true", help="do not vary the pictures")
    parser.add_argument(
        "--sizes", type=parse_stages, default=SIDES, help="SIZE:SHARE of the steps; smaller first is faster (224:1)"
    )


def _add_length(parser: argparse.ArgumentParser) -> None:
    usual = Recipe()
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, default=usual.epochs, help=f"(default {usual.epochs:g})")
    length.add_argument("--steps", type=int, help="optimiser steps instead; 0 with prototypes: none")
    parser.add_argument("--warmup", type=float, default=usual.warmup, help="share of the steps (default 0.05)")
    parser.add_argument("--evaluate-every", type=int, help="steps between looks at validation (default: 20 looks)")
    parser.add_argument(
        "--patience", type=int, default=usual.patience, help="looks without gain that end it (5; 0: off)"
    )
    parser.add_argument("--seed", type=int, default=usual.seed)


_RATES = {"frozen": 1e-5, "blocks": 2e-5, "full": 1e-5, "lora": 2e-4}
_HEAD_RATE = 3e-3
# The vectors have length 1: a head that is new to a tower that learns with it has to grow sixteenfold meanwhile.
_FRESH_RATE, _FRESH_HEAD_RATE = 1e-3, 1.6e-2


def recipe_of(args: argparse.Namespace) -> Recipe:
    """Raises KeywordsError, or argparse's error for sizes that are none."""
    from training.keywords.texts import read_prompts

    tuning: Tuning = args.tuning or ("frozen" if args.checkpoint else "full")
    rate = args.learning_rate or (_RATES[tuning] if args.checkpoint else _FRESH_RATE)
    head_rate = args.head_learning_rate or (_HEAD_RATE if args.checkpoint else _FRESH_HEAD_RATE)
    return Recipe(
        checkpoint=args.checkpoint,
        revision=args.revision,
        fresh=args.fresh,
        new_head=args.new_head or args.zero_shot,
        head="prototypes" if args.zero_shot else args.head,
        hidden=args.hidden,
        tuning=tuning,
        blocks=args.blocks,
        rank=args.rank,
        loss=args.loss,
        tune_text=args.tune_text,
        prompts=PROMPTS if args.prompts is None else read_prompts(args.prompts),
        prototypes="prompts" if args.zero_shot else args.prototypes,
        balance=args.balance,
        smoothing=args.smoothing,
        shots=args.shots,
        epochs=args.epochs,
        steps=0 if args.zero_shot else args.steps,
        batch=args.batch,
        stages=args.sizes,
        learning_rate=rate,
        head_learning_rate=head_rate,
        warmup=args.warmup,
        weight_decay=args.weight_decay,
        augment=not args.plain,
        evaluate_every=args.evaluate_every,
        patience=args.patience,
        seed=args.seed,
    )
