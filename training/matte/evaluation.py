"""`python -m training evaluate`: a network, under its serving contract, against pictures with known mattes."""

import argparse
import csv
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from training.matte.errors import MatteError
from training.matte.metrics import Figures, mean, measure
from training.matte.pairs import MANIFEST, Pair, find_pairs, read_pair
from training.matte.sheet import Case, write_sheet


class Predictor(Protocol):
    """A network under the contract: UINT8 [B, size, size, 3] -> UINT8 [B, size, size]."""

    @property
    def size(self) -> int: ...

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Score:
    """Figures of one picture; `category` is empty where its set has none."""

    name: str
    figures: Figures
    category: str = ""


def evaluate(predict: Predictor, pairs: Sequence[Pair], done: Callable[[Score], None] | None = None) -> list[Score]:
    """Score every pair; `done` is told of each as it comes."""
    scores = []
    for pair in pairs:
        picture, truth = read_pair(pair)
        scores.append(Score(pair.name, measure(serve(predict, picture), truth), pair.category))
        if done is not None:
            done(scores[-1])
    return scores


def serve(predict: Predictor, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The matte UINT8 [H, W] of a picture [H, W, 3]: squeezed to the network's square and the answer brought back."""
    height, width = picture.shape[:2]
    shrinks = height * width > predict.size**2
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    square = np.asarray(cv2.resize(picture, (predict.size, predict.size), interpolation=way), dtype=np.uint8)
    matte = predict(square[None])[0]
    return np.asarray(cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def by_category(scores: Sequence[Score]) -> dict[str, Figures]:
    """The means of each category, in the order of their names; of pictures without one, none."""
    names = sorted({score.category for score in scores if score.category})
    return {name: mean([score.figures for score in scores if score.category == name]) for name in names}


def write_report(scores: Sequence[Score], folder: Path) -> None:
    """Write scores.json (means and every picture) and scores.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"name": score.name, **asdict(score.figures)} for score in scores]
    means = asdict(mean([score.figures for score in scores]))
    categories = {name: asdict(figures) for name, figures in by_category(scores).items()}
    text = json.dumps({"pictures": len(rows), "mean": means, "categories": categories, "scores": rows}, indent=1)
    (folder / "scores.json").write_text(text + "\n")
    with (folder / "scores.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_hard(pairs: Sequence[Pair], scores: Sequence[Score], below: float, folder: Path) -> int:
    """Write a folder that names the pictures whose IoU is under `below`, for training on them more often; how many."""
    hard = [pair for pair, score in zip(pairs, scores, strict=True) if score.figures.iou < below]
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"image": os.path.relpath(pair.image, folder), "mask": os.path.relpath(pair.mask, folder)}) + "\n"
        for pair in hard
    ]
    (folder / MANIFEST).write_text("".join(lines))
    return len(hard)


def worst_cases(predict: Predictor, pairs: Sequence[Pair], scores: Sequence[Score], count: int) -> list[Case]:
    """The pictures of lowest IoU, worst first."""
    ranked = sorted(zip(pairs, scores, strict=True), key=lambda item: item[1].figures.iou)[:count]
    cases = []
    for pair, score in ranked:
        picture, truth = read_pair(pair)
        caption = f"{pair.name}  IoU {score.figures.iou:.3f}  boundary {score.figures.boundary_iou:.3f}"
        cases.append(Case(caption, picture, truth, serve(predict, picture)))
    return cases


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="checkpoint folder or hub id, or a .onnx file in the serving contract")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders of pairs")
    parser.add_argument("--output", type=Path, help="folder for scores.json, scores.csv and worst.jpg")
    positive = _number_from(1)
    parser.add_argument("--size", type=positive, default=512, help="contract size of a checkpoint (default 512)")
    parser.add_argument(
        "--inner-size", type=positive, help="size at which a checkpoint looks (default: what it states, else --size)"
    )
    parser.add_argument("--revision", help="revision of a hub checkpoint")
    parser.add_argument("--limit", type=positive, help="only so many pictures, drawn by a fixed seed")
    parser.add_argument("--worst", type=_number_from(0), default=12, help="rows of the contact sheet (default 12)")
    parser.add_argument("--hard", type=Path, metavar="DIR", help="write a set of the pictures that went badly")
    parser.add_argument("--hard-below", type=_share, default=0.93, help="their IoU is less than this (default 0.93)")


def run(args: argparse.Namespace) -> int:
    predict = load_predictor(args)
    pairs = [pair for folder in args.data for pair in find_pairs(folder)]
    if args.limit is not None and args.limit < len(pairs):
        pairs = random.Random(0).sample(pairs, args.limit)
    scores = evaluate(predict, pairs)
    if args.output is not None:
        write_report(scores, args.output)
        write_sheet(worst_cases(predict, pairs, scores, args.worst), args.output / "worst.jpg")
    if args.hard is not None:
        count = write_hard(pairs, scores, args.hard_below, args.hard)
        print(f"{count} pictures under an IoU of {args.hard_below}: {args.hard}")
    for name, figures in by_category(scores).items():
        print(f"{name:>12}: " + "  ".join(f"{k} {v:.4f}" for k, v in asdict(figures).items()))
    means = asdict(mean([score.figures for score in scores]))
    print(f"{len(scores)} pictures at {predict.size}: " + "  ".join(f"{k} {v:.4f}" for k, v in means.items()))
    return 0


def _number_from(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a number from {least}")
        return int(text)

    return parse


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number over 0, up to 1")
    return share


def load_predictor(args: argparse.Namespace) -> Predictor:
    """The network that the options name.

    Raises:
        MatteError: it cannot be loaded, or sizes are given for a file that has its own.

    """
    if not args.network.endswith(".onnx"):
        from training.matte.network import TorchPredictor

        return TorchPredictor(args.network, args.size, inner=args.inner_size, revision=args.revision)
    from training.matte.onnx_file import OnnxPredictor

    if args.inner_size is not None:
        raise MatteError("--inner-size is for checkpoints; an ONNX file has its own")
    return OnnxPredictor(Path(args.network))
