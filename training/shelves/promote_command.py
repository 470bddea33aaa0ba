"""`python -m training shelves promote`: serve an exported candidate if it passes the gate."""

import argparse
from pathlib import Path

from training.shelves.evaluate_command import GATE, share

REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("candidate", type=Path, help="a version's folder as export writes it, not yet served")
    parser.add_argument("--data", nargs="+", metavar="DIR", help="folders with images/ and masks/")
    parser.add_argument("--gate", type=share, default=GATE, help="least mIoU (default 0.80)")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, help="(default model_repository)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 1 where the candidate is not served."""
    from training.shelves.command import pictures_of
    from training.shelves.promotion import promote

    decision = promote(args.candidate, args.repository, args.gate, pictures_of(args.data))
    print(f"candidate: mIoU {decision.candidate.figures.miou:.4f}")
    if decision.served is not None:
        print(f"served: mIoU {decision.served.figures.miou:.4f}")
    for reason in decision.reasons:
        print(f"not served: {reason}")
    if decision.version is None:
        return 1
    print(f"served now: {decision.version}")
    return 0
