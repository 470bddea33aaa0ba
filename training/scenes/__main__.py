"""`python -m training.scenes --out DIR`: generated pictures with exact alpha."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from training.scenes.dataset import DatasetError, Plan, generate
from training.scenes.kitchen.record import DISTRIBUTIONS
from training.scenes.renders import RendersError
from training.scenes.shelf.record import FRAMES, RATE

SIZE = 384
FASTEST = 240.0
SIZES = MappingProxyType({"kitchen": 640, "shelf": 512, "shelf-video": 512})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for images/, masks/ and manifest.jsonl")
    parser.add_argument(
        "--count", type=int, default=500, help="pictures (clips, of shelf-video) that the folder shall hold in the end"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same pictures, byte for byte")
    parser.add_argument("--size", type=int, help="longer side in pixels; 384, of kitchen scenes 640, of shelves 512")
    parser.add_argument(
        "--distribution",
        choices=DISTRIBUTIONS,
        default="even",
        help="of keywords, for --source kitchen; natural: some come often, some hardly ever",
    )
    parser.add_argument(
        "--source",
        choices=("composed", "rendered", "booth", "kitchen", "shelf", "shelf-video"),
        default="composed",
        help="where subjects come from; booth: products on white, with all layers of the truth; "
        "kitchen: steps of recipes by keyword, with manifest.csv (image, keyword, group); shelf: groceries with masks "
        "of classes and of products; shelf-video: the same as clips of numbered frames",
    )
    parser.add_argument("--frames", type=int, default=FRAMES, help="of a clip of --source shelf-video")
    parser.add_argument("--rate", type=float, default=RATE, help="frames a second of a clip")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument(
        "--renders", type=Path, help="folder that training.scenes.rendered filled, for --source rendered"
    )


def _progress(made: int, total: int) -> None:
    if made % 250 == 0 or made == total:
        print(f"{time.strftime('%H:%M:%S')} {made}/{total}", flush=True)


def _plan(arguments: argparse.Namespace) -> Plan:
    source = arguments.source
    frames = {"shelf": 0, "shelf-video": arguments.frames}.get(source)
    return Plan(
        arguments.out,
        arguments.seed,
        arguments.size or SIZES.get(source, SIZE),
        renders=arguments.renders if source == "rendered" else None,
        booth=source == "booth",
        kitchen=arguments.distribution if source == "kitchen" else None,
        shelf=frames,
        rate=arguments.rate,
    )


def run(arguments: argparse.Namespace) -> int:
    """Returns the process's exit status."""
    if arguments.source == "rendered" and arguments.renders is None:
        print("--source rendered needs --renders DIR, the folder of rendered subjects", file=sys.stderr)
        return 2
    if arguments.frames < 1 or not 0 < arguments.rate <= FASTEST:
        print(f"--frames is at least 1, --rate above 0 and at most {FASTEST:g}", file=sys.stderr)
        return 2
    plan = _plan(arguments)
    try:
        made = generate(plan, arguments.count, arguments.workers, _progress)
    except (DatasetError, RendersError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.out}: {arguments.count} pictures, {made} made now")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.scenes", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
