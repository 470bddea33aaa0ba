"""`python -m training shelves evaluate`: measure networks, write a report and the profile for drift."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.shelves.errors import ShelvesError

if TYPE_CHECKING:
    from training.keywords.tracking import Store
    from training.shelves.evaluation import Evaluation
    from training.shelves.pictures import ShelfPicture

GATE = 0.80
EXPERIMENT = "shelves"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="+", type=Path, help="checkpoints, versions' folders, .onnx files")
    parser.add_argument("--data", nargs="+", metavar="DIR", help="folders with images/ and masks/")
    parser.add_argument("--output", type=Path, default=Path("runs/shelves-report"), help="folder for the report")
    parser.add_argument("--gate", type=share, default=GATE, help="least mIoU, status 1 below (default 0.80)")
    parser.add_argument("--limit", type=int, help="only so many pictures, evenly taken")
    parser.add_argument("--worst", type=int, default=12, help="pictures of the contact sheet (default 12)")
    parser.add_argument("--mlflow", metavar="URI", help="log to this MLflow store, as sqlite:///runs/mlflow.db")
    parser.set_defaults(run=run)


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to 1")
    return value


def run(args: argparse.Namespace) -> int:
    """Status 1 where a network is under the gate."""
    from training.keywords.tracking import open_store
    from training.shelves.evaluation import evaluate, shortfall
    from training.shelves.predictor import load_predictor
    from training.shelves.report import write_report

    if args.worst < 0 or (args.limit is not None and args.limit < 1):
        raise ShelvesError("--worst is from 0, --limit from 1")
    pictures = evenly(args.data, args.limit)
    predictors = [load_predictor(one) for one in args.networks]
    found = [evaluate(one, pictures) for one in predictors]
    title = f"Shelf segmenters on {', '.join(args.data)}"
    page = write_report(args.output, title, found, args.gate, args.worst)
    for one in found:
        _tell(one, args.output, args.gate)
    store = open_store(args.mlflow, EXPERIMENT)
    if store is not None:
        _track(store, found, page, args.gate)
    print(f"report: {page}")
    return int(any(shortfall(one, args.gate) > 0 for one in found))


def evenly(folders: list[str] | None, limit: int | None) -> "list[ShelfPicture]":
    import numpy as np

    from training.shelves.command import pictures_of

    pictures = pictures_of(folders)
    if limit is None or limit >= len(pictures):
        return pictures
    return [pictures[index] for index in np.linspace(0, len(pictures) - 1, limit).round().astype(int)]


def _tell(one: "Evaluation", output: Path, gate: float) -> None:
    """The figures in words; the profile goes into a folder of the network's own where it is one of several."""
    from training.shelves.evaluation import shortfall
    from training.shelves.profile import FEWEST, write_profile

    figures, predictor = one.figures, one.predictor
    of_classes = "  ".join(f"{name} {value:.3f}" for name, value in figures.iou.items())
    print(
        f"{predictor.name}: {predictor.precision or 'weights unknown'}  {len(one.scores)} pictures  "
        f"mIoU {figures.miou:.4f} ({of_classes})  pixels right {figures.accuracy:.4f}  F1 {figures.f1:.4f}  "
        f"{one.milliseconds:.0f} ms a frame"
    )
    if one.instances is not None:
        print(f"  {one.instances.products} products one by one: mask mAP {one.instances.mean:.4f}")
    under = shortfall(one, gate)
    if under > 0:
        print(f"  refused: mIoU {figures.miou:.4f} is {under:.4f} under the gate of {gate:.2f}")
    if len(one.looks) < FEWEST:
        print(f"  no profile for drift: {len(one.looks)} pictures, {FEWEST} are needed")
        return
    folder = output / predictor.role
    folder.mkdir(parents=True, exist_ok=True)
    print(f"  profile: {write_profile(folder, predictor.role, one.looks)}")


def _track(store: "Store", found: "list[Evaluation]", page: Path, gate: float) -> None:
    from training.shelves.report import numbers_of

    for one in found:
        noted = store.begin(f"evaluate {one.predictor.name}")
        noted.settings({"network": one.predictor.name, "precision": one.predictor.precision, "gate": gate})
        noted.figures({**numbers_of(one), "pictures": float(len(one.scores))})
        noted.file(page)
        noted.end("FINISHED")
