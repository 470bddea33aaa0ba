"""`python -m training uncertainty`: calibrate the uncertainty of a network's cut-outs, and show how true it is."""

import argparse
import random
from pathlib import Path

import numpy as np

from training.matte.errors import MatteError
from training.matte.pairs import Pair, find_pairs
from training.uncertainty.fit import calibrated, probabilities, reliability
from training.uncertainty.report import parameters, write
from training.uncertainty.samples import Event, samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = Event()
    parser.add_argument("network", type=Path, help="a .onnx file in the serving contract")
    parser.add_argument("--fit", type=Path, nargs="+", required=True, metavar="DIR", help="pairs to calibrate on")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="other pairs, to report on")
    parser.add_argument("--output", type=Path, required=True, help="folder for uncertainty.json and reliability.svg")
    parser.add_argument(
        "--limit", type=_count, default=200, help="only so many pictures of each, by a fixed seed (200)"
    )
    parser.add_argument("--iou", type=_share, default=usual.iou, help=f"bad below this true IoU ({usual.iou})")
    parser.add_argument(
        "--boundary-iou", type=_share, default=usual.boundary_iou, help=f"or this boundary IoU ({usual.boundary_iou})"
    )


def run(args: argparse.Namespace) -> int:
    from training.matte.onnx_file import OnnxPredictor

    fit, data = (_drawn(folders, args.limit) for folders in (args.fit, args.data))
    both = {pair.image.resolve() for pair in fit} & {pair.image.resolve() for pair in data}
    if both:
        raise MatteError(
            f"{min(both)}: stands in --fit and --data; a calibration is not measured on what it was fitted to"
        )
    predict = OnnxPredictor(args.network)
    event = Event(args.iou, args.boundary_iou)
    calibration = calibrated(list(samples(predict, fit)), event)
    held_out = list(samples(predict, data))
    bad = np.array([sample.bad(event) for sample in held_out])
    found = {
        name: reliability(probabilities(held_out, calibration, mirrored=mirrored), bad)
        for name, mirrored in (("matte alone", False), ("with mirror image", True))
    }
    write(calibration, event, found, args.output)
    for name, one in found.items():
        print(f"{name}: {one.bad} of {one.pictures} bad  AUC {one.auc:.3f}  Brier {one.brier:.3f}  ECE {one.ece:.3f}")
    for name, text in parameters(calibration).items():
        print(f"{name} = {text}")
    return 0


def _drawn(folders: list[Path], limit: int) -> list[Pair]:
    pairs = [pair for folder in folders for pair in find_pairs(folder)]
    return random.Random(0).sample(pairs, limit) if limit < len(pairs) else pairs


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to 1")
    return share
