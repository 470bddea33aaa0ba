"""python -m export <role> --checkpoint DIR_OR_HUB_ID ...; python -m export figures <role> <version> --json FILE"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

from export import figures
from export.errors import ExportError, ProofError, UsageError
from export.kinds import PRECISIONS
from export.options import REPOSITORY, Activation, Engine, Options
from export.roles import GROUPS, ROLES, role_named, roles_named


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see python -m export --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["figures"]:
            _add_figures(words[1:])
        else:
            _export(words)
    except ProofError as error:
        print(error.table)
        return _refuse(error)
    except ExportError as error:
        return _refuse(error)
    except ModuleNotFoundError as error:
        return _refuse(ExportError(f"{error}: pip install -e '.[export]'"))
    except OSError as error:  # a repository that cannot be written, a disk that is full
        return _refuse(ExportError(f"{error.filename or 'writing'}: {error.strerror or error}"))
    return 0


def _refuse(error: ExportError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1


def _export(words: Sequence[str]) -> None:
    given = vars(_parser().parse_args(words))
    roles, name = roles_named(given.pop("role")), given.pop("checkpoint")
    options = Options(**given)
    from export.exporter import export
    from export.quiet import quiet_libraries

    for role in roles:
        with quiet_libraries():
            done = export(role, name, options)
        print(done.proof.table())
        for folder in (done.folder, *done.also):
            print(f"wrote {folder}")


def _add_figures(words: Sequence[str]) -> None:
    parser = _Parser(prog="python -m export figures", description="Add figures to the model.json of a version.")
    parser.add_argument("role")
    parser.add_argument("version")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="an object of numbers")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="DIR")
    given = parser.parse_args(words)
    role = role_named(given.role)
    for name, value in figures.add(given.repository, role.name, given.version, given.json).items():
        print(f"{name}: {value}")


def _from_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no integer from 1")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m export", description=__doc__, allow_abbrev=False)
    parser.add_argument("role", help=", ".join([*ROLES, *GROUPS]))
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR_OR_HUB_ID",
        help="folder, .onnx file, wheel of weights, or organisation/name",
    )
    add("--revision", metavar="R", help="branch, tag or commit of a hub checkpoint")
    add("--file", metavar="PATH", help="which .onnx file inside the checkpoint")
    add("--output", metavar="NAME", help="which output of a ready-made ONNX file is the matte")
    add("--activation", choices=get_args(Activation), default="auto", help="what that output still needs")
    add("--subject", type=int, choices=(0, 1), help="which of two classes is the subject, where no name says it")
    add("--network-size", type=_from_one, metavar="PIXELS", help="side the network works at; the graph resizes to it")
    add("--precision", choices=PRECISIONS, default="fp32")
    add("--engine", choices=get_args(Engine), default="onnx", help="tensorrt adds model.plan beside model.onnx")
    add("--commercial-only", action="store_true", help="refuse weights not known to allow commercial use")
    add("--trust-remote-code", action="store_true", help="let the checkpoint's own Python code run here")
    add("--licence", metavar="SPDX", help="the licence of the weights, where no model card says it")
    add("--source", metavar="TEXT", help="what model.json calls the source (default: the checkpoint as given)")
    add("--pictures", type=Path, metavar="DIR", help="photographs for the proof, and for eight-bit convolutions")
    add("--labels", type=Path, metavar="FILE", help="keywords and prompts, where the checkpoint is a whole CLIP")
    add("--figures", type=Path, metavar="JSON", help="evaluation figures for model.json")
    add("--repository", type=Path, default=REPOSITORY, metavar="DIR")
    add("--version", type=_from_one, metavar="N", help="a version that does not exist yet (default: the next)")
    return parser


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish stays
            signal.signal(number, lambda caught, _: sys.exit(128 + caught))  # unwinds: nothing half-written stays
    sys.exit(main())
