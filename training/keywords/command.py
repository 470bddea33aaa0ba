"""`python -m training keywords`: training; `... keywords search|evaluate|promote`."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from training.keywords.errors import KeywordsError
from training.keywords.options import DEFAULT_OUTPUT, add_data, add_running, add_training, recipe_of

if TYPE_CHECKING:
    from training.dataset.shards import Shards

REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"
SPLITS = ("test", "validation", "train")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    add_training(parser)
    add_running(parser, DEFAULT_OUTPUT)
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="fail unless OUTPUT holds a checkpoint to go on from")
    start.add_argument("--restart", action="store_true", help="start anew although OUTPUT holds a checkpoint")
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(metavar="search|evaluate|promote")
    _add_search(commands.add_parser("search", help="try settings, each trial a training"))
    _add_evaluate(commands.add_parser("evaluate", help="measure checkpoints and exported files, write a report"))
    _add_promote(commands.add_parser("promote", help="serve an exported candidate if it passes the gate"))


def _add_search(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    add_training(parser)
    add_running(parser, Path("runs/keywords-search"))
    parser.add_argument("--space", type=Path, help="YAML: settings with lists or ranges")
    parser.add_argument("--method", choices=("grid", "optuna"), default="optuna", help="(default optuna)")
    parser.add_argument("--trials", type=int, default=20, help="of optuna, in all (default 20)")
    parser.set_defaults(run=run_search)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="+", type=Path, help="checkpoints, versions' folders, .onnx files")
    add_data(parser)
    parser.add_argument("--split", choices=SPLITS, default="test", help="(default test)")
    parser.add_argument("--output", type=Path, default=Path("runs/keywords-report"), help="folder for the report")
    parser.add_argument("--mistakes", type=int, default=24, help="pictures of the contact sheet (default 24)")
    parser.add_argument("--search", type=Path, metavar="DIR", help="a search whose trials go into the report")
    parser.set_defaults(run=run_evaluate)


def _add_promote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("candidate", type=Path, help="a version's folder as export writes it, not yet served")
    add_data(parser)
    parser.add_argument("--split", choices=SPLITS, default="test", help="(default test)")
    parser.add_argument("--gate", type=Path, help="YAML of thresholds (default training/keywords/gate.yaml)")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, help="(default model_repository)")
    parser.add_argument("--output", type=Path, default=Path("runs/keywords-promotion"), help="folder for the report")
    parser.set_defaults(run=run_promote)


def run(args: argparse.Namespace) -> int:
    from training.keywords.notes import newest_checkpoint
    from training.keywords.recipe import Running
    from training.keywords.tracking import carried_out, open_store
    from training.keywords.trainer import train

    shards, recipe = _data(args), recipe_of(args)
    if args.resume and newest_checkpoint(args.output) is None:
        raise KeywordsError(f"{args.output}: no checkpoint to resume from")
    running = Running(args.output, workers=args.workers, restart=args.restart)
    store = open_store(args.mlflow)
    noted = None if store is None else store.begin(args.output.name)
    if noted is not None:
        noted.settings(vars(recipe))
    found = carried_out(noted, lambda callbacks: train(shards, recipe, running, callbacks))
    if os.environ.get("RANK", "0") == "0":
        score = "no validation pictures" if found.macro_accuracy is None else f"{found.macro_accuracy:.4f}"
        warmth = found.calibration.temperature
        print(f"{found.steps} steps; macro accuracy on validation {score}; temperature {warmth:.3f}")
        print(f"done: {found.folder}")
    return 0


def run_search(args: argparse.Namespace) -> int:
    from training.keywords.evaluation import evaluate
    from training.keywords.predictor import TorchPredictor
    from training.keywords.report import write_report
    from training.keywords.search import Plan, search
    from training.keywords.space import read_space
    from training.keywords.tracking import open_store

    if args.space is None:
        raise KeywordsError("--space FILE is missing: YAML with settings to vary")
    if args.trials < 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise KeywordsError("--trials is from 1, and a search runs in one process, not under torchrun")
    shards, recipe = _data(args), recipe_of(args)
    plan = Plan(args.output, args.method, args.trials, args.workers, args.seed)
    found, best = search(shards, recipe, read_space(args.space), plan, open_store(args.mlflow))
    seen = evaluate(TorchPredictor(best), shards, "validation")
    page = write_report(args.output, "Search for a keyword classifier", shards, [seen], found)
    print(f"best: trial {found.best}, macro accuracy on validation {found.rows[0].score:.4f}: {best}")
    print(f"report: {page}")
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    from training.keywords.evaluation import evaluate
    from training.keywords.predictor import load_predictor
    from training.keywords.report import write_report
    from training.keywords.trials import read_table

    shards = _data(args)
    trials = None if args.search is None else read_table(args.search)
    found = [evaluate(load_predictor(one), shards, args.split) for one in args.networks]
    page = write_report(args.output, f"Keyword classifiers, {args.split} split", shards, found, trials, args.mistakes)
    for one in found:
        figures, weights = one.figures, one.weights.precision or "weights unknown"
        print(
            f"{one.network}: {weights}  {figures.pictures} pictures  macro accuracy {figures.macro_accuracy:.4f} "
            f"({figures.interval[0]:.3f} to {figures.interval[1]:.3f})  macro F1 {figures.macro_f1:.4f}  "
            f"ECE {figures.ece:.4f}"
        )
    if found[0].figures.untested:
        print(f"no pictures, counted in no figure: {', '.join(found[0].figures.untested)}")
    print(f"report: {page}")
    return 0


def run_promote(args: argparse.Namespace) -> int:
    """Status 1 where the candidate is not served."""
    from training.keywords.gate import DEFAULT, read_gate
    from training.keywords.promotion import promote
    from training.keywords.report import write_report

    shards, gate = _data(args), read_gate(args.gate or DEFAULT)
    found = promote(args.candidate, args.repository, gate, shards, args.split)
    seen = [found.candidate, *([] if found.served is None else [found.served])]
    write_report(args.output, "Candidate and served version", shards, seen)
    (args.output / "promotion.json").write_text(json.dumps(found.facts(), indent=1, ensure_ascii=False) + "\n")
    for reason in found.reasons:
        print(f"refused: {reason}")
    print("nothing was changed" if found.version is None else f"served once the server loads it: {found.version}")
    return 0 if found.version is not None else 1


def _data(args: argparse.Namespace) -> "Shards":
    from training.dataset.shards import Shards

    if args.data is None:
        raise KeywordsError("--data DIR is missing: a prepared data set")
    return Shards.open(args.data)
