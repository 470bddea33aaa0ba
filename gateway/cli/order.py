"""What is to be done with every photo: from the command's flags to the gateway's route and options."""

import argparse
import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.client import UsageError
from imaging.product_options import CutoutOptions, OptionsError, PhotoOptions, read

CUT, PROCESS, FULL = "/remove-background", "/process", "/process-full"
TRANSPARENT = "transparent"
DUAL = "dual"


@dataclass(frozen=True, slots=True)
class Order:
    """`options` is JSON of the joint schema, checked; what it leaves out is the gateway's to choose."""

    route: str
    options: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.route}\n{self.options}".encode()).hexdigest()


def _size(text: str) -> str | list[int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    return [int(side) for side in match.groups()] if match else text


def _ground(text: str) -> str | None:
    return None if text == TRANSPARENT else text


def _picture(text: str) -> dict[str, str]:
    try:
        return {"data": base64.b64encode(Path(text).read_bytes()).decode()}
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from error


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"NAME=TEXT expected, not {text!r}")
    return name, value


def _written(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text if text.lstrip().startswith("{") else Path(text).read_bytes())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"a file of JSON, or JSON, expected: {error}") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"a JSON object expected in {text}")
    return found


@dataclass(frozen=True, slots=True)
class _Flag:
    """A flag and the place of its value in the options."""

    name: str
    place: str
    kind: Callable[[str], object]
    value: str
    text: str


FLAGS = (
    _Flag("--background", "ground.color", _ground, "COLOR", f"FFFFFF, white, #FFFFFFCC or {TRANSPARENT}"),
    _Flag("--background-picture", "ground.picture", _picture, "FILE", "a picture as the ground"),
    _Flag("--shadow-kind", "shadow.kind", str, "KIND", "none, dual, drop or floating"),
    _Flag("--size", "place.size", _size, "SIZE", "the canvas: original, fitted, or pixels as 2000x2000"),
    _Flag("--padding", "place.padding", str, "LENGTH", "room around the subject: 0.1, 10%% or 40px"),
    _Flag("--margin", "place.margin", str, "LENGTH", "room at the canvas' sides"),
    _Flag("--scale", "place.scale", str, "HOW", "fit or fill"),
    _Flag("--erosion", "refine.erosion", float, "PIXELS", "how far the edge moves inwards, -5 to 5"),
    _Flag("--format", "encode.format", str, "NAME", "png, jpeg, webp, avif or zip"),
    _Flag("--quality", "encode.quality", int, "N", "1 to 100, of all but PNG"),
    _Flag("--dpi", "encode.dpi", int, "N", "72 to 1200"),
    _Flag("--review-above", "review.above", float, "SHARE", "uncertainty from which a result needs review, 0 to 1"),
    _Flag("--template", "template.name", str, "NAME", "a template to draw over the picture"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is done with them", "the gateway chooses where nothing is said")
    group.add_argument("--cutout-only", action="store_true", help="take the background away, no more")
    group.add_argument("--shadow", action="store_true", help="contact and cast shadow; --shadow-kind knows others")
    for flag in FLAGS:
        group.add_argument(
            flag.name, dest=flag.place, type=flag.kind, metavar=flag.value, default=argparse.SUPPRESS, help=flag.text
        )
    group.add_argument(
        "--field", type=_field, action="append", default=[], metavar="NAME=TEXT", help="what stands in the template"
    )
    group.add_argument("--no-reserve", action="store_true", help="place the subject as if the template covered nothing")
    group.add_argument(
        "--options", type=_written, default={}, metavar="JSON", help="all options as the gateway takes them, or a file"
    )


def order(args: argparse.Namespace) -> Order:
    """Raises UsageError, which names what is wrong."""
    given = dict(args.options)
    if args.shadow:
        _put(given, "shadow.kind", DUAL)
    for flag in FLAGS:
        if hasattr(args, flag.place):
            _put(given, flag.place, getattr(args, flag.place))
    for name, text in args.field:
        _put(given, f"template.fields.{name}", text)
    if args.no_reserve:
        _put(given, "template.reserve", value=False)
    try:
        checked = read(json.dumps(given).encode(), CutoutOptions if args.cutout_only else PhotoOptions)
    except OptionsError as error:
        raise UsageError(str(error)) from error
    route = CUT if args.cutout_only else FULL if given.get("template") else PROCESS
    return Order(route, checked.model_dump_json(exclude_unset=True))


def _put(options: dict[str, Any], place: str, value: object) -> None:
    """Set a value below its parts, without touching the parts that were handed in."""
    part, _, rest = place.partition(".")
    if rest:
        inner = options.get(part)
        options[part] = dict(inner) if isinstance(inner, dict) else {}
        _put(options[part], rest, value)
    else:
        options[part] = value
