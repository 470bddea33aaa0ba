"""`python -m training scenes|matte|detail|evaluate|uncertainty|collections|dataset|keywords|shelves`: see --help."""

import argparse
import sys

from training.dataset import command as dataset
from training.dataset.errors import DatasetError
from training.heads import command as heads
from training.heads.errors import HeadsError
from training.keywords import command as keywords
from training.keywords.errors import KeywordsError
from training.matte import command as matte
from training.matte import detail_command as detail
from training.matte import evaluation
from training.matte.errors import MatteError
from training.scenes import __main__ as scenes
from training.shelves import command as shelves
from training.shelves.errors import ShelvesError
from training.uncertainty import command as uncertainty


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("scenes", help="generate pictures with exact alpha")
    scenes.add_arguments(add)
    add.set_defaults(run=scenes.run)
    add = commands.add_parser("matte", help="train a matting network on folders of picture/mask pairs")
    matte.add_arguments(add)
    add.set_defaults(run=matte.run)
    add = commands.add_parser("detail", help="train the head that draws the edges of a matting network")
    detail.add_arguments(add)
    add.set_defaults(run=detail.run)
    add = commands.add_parser("evaluate", help="measure a checkpoint or an exported ONNX file on picture/mask pairs")
    evaluation.add_arguments(add)
    add.set_defaults(run=evaluation.run)
    add = commands.add_parser("uncertainty", help="calibrate how sure a network's cut-outs are, on picture/mask pairs")
    uncertainty.add_arguments(add)
    add.set_defaults(run=uncertainty.run)
    heads.add_arguments(commands.add_parser("collections", help="train, compare and publish heads for collections"))
    dataset.add_arguments(
        commands.add_parser("dataset", help="look at, standardise, split and prepare labelled pictures")
    )
    keywords.add_arguments(commands.add_parser("keywords", help="train, search, evaluate, promote keyword classifiers"))
    shelves.add_arguments(commands.add_parser("shelves", help="train a segmenter of grocery shelves"))
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (MatteError, HeadsError, KeywordsError, DatasetError, ShelvesError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
