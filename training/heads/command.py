"""`python -m training collections`: options and the run; `... collections convert` for old pickles."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.heads.errors import HeadsError
from training.heads.head import TARGETS, VECTORS, Origin

if TYPE_CHECKING:
    from training.heads.convert import Naming

OUTPUT = Path("runs/collections")
WARNING = """\
WARNING: unpickling runs code. A pickle can hold anything, and a forged one takes over the machine that loads it.
This command reads only LogisticRegression and its arrays and refuses everything else, but convert only files whose
origin you know. What it writes holds no code."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from training.heads.publish import SERVED

    _add_shared(parser)
    parser.add_argument(
        "--source", help="address or folder with collections.json and collections/ID/training_data.json"
    )
    parser.add_argument(
        "--heads", type=Path, default=SERVED, help="where winners are served from (default: the model's)"
    )
    parser.add_argument("--no-publish", action="store_true", help="train and compare only")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="ID", help="train these collections only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--c", type=float, default=0.1, help="inverse strength of the penalty (default 0.1)")
    parser.add_argument("--solver", default="liblinear", help="scikit-learn's solver (default liblinear)")
    parser.add_argument("--hold-out", type=float, default=0.2, help="share of the newest samples (default 0.2)")
    parser.add_argument("--min-samples", type=int, default=10, help="fewer skip a collection (default 10)")
    parser.add_argument("--keep", type=int, default=10, help="versions kept of each collection (default 10)")
    parser.add_argument("--max-megabytes", type=float, default=500, help="largest answer or file (default 500)")
    parser.add_argument("--timeout", type=float, default=30, help="seconds to wait for the next bytes (default 30)")
    parser.set_defaults(run=run)
    convert = parser.add_subparsers(metavar="convert").add_parser("convert", help="old pickles to served heads")
    convert.add_argument("pickles", nargs="+", type=Path, metavar="OLD.pkl")
    _add_shared(convert)
    convert.add_argument("--trust-pickle", action="store_true", help="needed: the files' origin is known")
    convert.add_argument("--collection", type=int, metavar="ID", help="for a file whose name does not say it")
    convert.add_argument("--name", default="", help="the collection's name, for the card")
    convert.add_argument("--publish", type=Path, nargs="?", const=SERVED, metavar="HEADS", help="serve them at once")
    convert.set_defaults(run=run_convert)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"versions and reports (default {OUTPUT})")
    parser.add_argument(
        "--embedder", default=Origin.embedder, help=f"whose vectors they are (default {Origin.embedder})"
    )
    parser.add_argument("--vector", choices=VECTORS, default=Origin.vector, help="raw (default) or of length 1")
    parser.add_argument("--target", choices=TARGETS, default=Origin.target, help="region they are of")
    parser.add_argument("--threshold", type=float, default=0.5, help="probability of a member (default 0.5)")


def run(args: argparse.Namespace) -> int:
    """Train; the status is 1 when no collection could be trained."""
    from training.heads.fit import Recipe
    from training.heads.run import Plan
    from training.heads.run import run as train
    from training.heads.source import MEGABYTE, Limits, open_source

    if not args.source:
        raise HeadsError("--source ADDRESS or --source FOLDER is missing")
    _check(args)
    plan = Plan(
        output=args.output,
        heads=None if args.no_publish else args.heads,
        recipe=Recipe(c=args.c, solver=args.solver, seed=args.seed, threshold=args.threshold),
        origin=Origin(args.embedder, args.vector, args.target),
        share=args.hold_out,
        min_samples=args.min_samples,
        kept=args.keep,
        only=frozenset(args.only),
    )
    limits = Limits(max_bytes=int(args.max_megabytes * MEGABYTE), wait_s=args.timeout)
    outcomes = train(open_source(args.source, limits), plan, args.source)
    trained = sum(outcome.bake_off is not None for outcome in outcomes)
    print(f"{trained} of {len(outcomes)} collections trained: {args.output / 'report.md'}")
    return 0 if trained else 1


def _check(args: argparse.Namespace) -> None:
    from training.heads.fit import SOLVERS

    for holds, text in (
        (args.solver in SOLVERS, f"--solver is one of {', '.join(SOLVERS)}, not {args.solver}"),
        (args.c > 0, f"--c is more than 0, not {args.c:g}"),
        (0 < args.hold_out < 1, f"--hold-out is between 0 and 1, not {args.hold_out:g}"),
        (0 <= args.threshold <= 1, f"--threshold is from 0 to 1, not {args.threshold:g}"),
        (args.keep >= 1, f"--keep is 1 or more, not {args.keep}"),
        (args.max_megabytes > 0 and args.timeout > 0, "--max-megabytes and --timeout are more than 0"),
    ):
        if not holds:
            raise HeadsError(text)


def run_convert(args: argparse.Namespace) -> int:
    """Convert every file that can be; the status is 1 when one could not."""
    from training.heads.convert import Naming

    print(WARNING, file=sys.stderr)
    if not args.trust_pickle:
        raise HeadsError("nothing was read: repeat it with --trust-pickle if you know where these files come from")
    naming = Naming(args.collection, args.name, Origin(args.embedder, args.vector, args.target), args.threshold)
    done = [_convert(path, naming, args.output, args.publish) for path in args.pickles]
    print(f"{sum(done)} of {len(done)} files converted")
    return 0 if all(done) else 1


def _convert(path: Path, naming: "Naming", output: Path, heads: Path | None) -> bool:
    from training.heads.convert import converted
    from training.heads.head import write
    from training.heads.publish import publish

    try:
        head = converted(path, naming)
    except HeadsError as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    print(f"{path} -> {write(head, output)}")
    if heads is not None:
        print(f"published: {publish(head, heads)}")
    return True
