"""A template on a photo as the service would draw it, for those who write templates.

    python -m imaging.preview bar --field title="Mirrorless camera" --out preview.png
    python -m imaging.preview bar --photo photo.jpg --sheet --guides
    python -m imaging.preview                                          # what there is

Fields that are not given get the template's examples. The exit status is 1 where the service would refuse.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from imaging import template_fields, template_room
from imaging.decode import decode
from imaging.errors import ImageError
from imaging.shelf import Shelf
from imaging.template import drawn
from imaging.template_layout import placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imaging.template_file import Template

RATIOS = ((1, 1), (4, 5), (3, 2), (16, 9), (9, 16), (3, 1))
CELL, GAP, ACROSS = 640, 24, 3
SAFE = 0.05  # of each side; what lies further out may be cut off where pictures are shown
DASHES = 48  # along a side of the room that the subject is placed in, as many gaps between them
COLOURS = {"bar": "#00A2FF", "text": "#FF00A8", "image": "#00B34A"}
SAFE_COLOUR, THIRDS_COLOUR, REFUSED_COLOUR, SHEET_COLOUR = "#FF6A00", "#8A8A8A", "#D00000", "#FFFFFF"
ROOM_COLOUR = "#7A00FF"


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    shelf = Shelf(asked.folder)
    try:
        if asked.name is None:
            _list(shelf)
            return 0
        template = shelf.load(asked.name, asked.version)
        picture = _photo(asked.photo, asked.size)
        fields = examples(template) | dict(asked.field)
        shown, problems = (
            sheet(picture, template, fields, guides=asked.guides)
            if asked.sheet
            else (preview(picture, template, fields, guides=asked.guides), [])
        )
        shown.save(asked.out)
    except (ImageError, OSError) as error:
        problems = [str(error)]
    else:
        print(f"{template.name}, version {template.version}: {asked.out}, {shown.width} x {shown.height} pixels")
        print(f"reserves {_reserved(template, fields, picture)}")
    for problem in problems:
        print(f"refused: {problem}", file=sys.stderr)
    return int(bool(problems))


def examples(template: Template) -> dict[str, str]:
    return {name: field.example for name, field in template.sheet.fields.items() if field.example}


def preview(picture: Image.Image, template: Template, fields: Mapping[str, str], *, guides: bool) -> Image.Image:
    """Return a picture (RGBA) with the template over it. Raises ImageError."""
    shown = Image.fromarray(drawn(np.asarray(picture), template, fields))
    if guides:
        _guide(shown, template, fields)
    return shown


def sheet(
    picture: Image.Image, template: Template, fields: Mapping[str, str], *, guides: bool
) -> tuple[Image.Image, list[str]]:
    """Return the template over several shapes of the picture side by side, and what was refused on which."""
    cells: list[Image.Image] = []
    problems: list[str] = []
    for across, down in RATIOS:
        scale = CELL / max(across, down)
        cell = ImageOps.fit(picture, (round(across * scale), round(down * scale)), Image.Resampling.LANCZOS)
        try:
            cells.append(preview(cell, template, fields, guides=guides))
        except ImageError as error:
            problems.append(f"{across}:{down}: {error}")
            cells.append(_refused(cell))
    return _side_by_side(cells), problems


def _reserved(template: Template, fields: Mapping[str, str], picture: Image.Image) -> str:
    room = asdict(template_room.reserve(template, fields).on(picture.height, picture.width))
    taken = ", ".join(f"{count} pixels at the {side}" for side, count in room.items() if count)
    return f"{taken or 'nothing'}, where the picture has {picture.width} x {picture.height}"


def _side_by_side(cells: Sequence[Image.Image]) -> Image.Image:
    rows = [cells[start : start + ACROSS] for start in range(0, len(cells), ACROSS)]
    heights = [max(cell.height for cell in row) + GAP for row in rows]
    width = max(sum(cell.width + GAP for cell in row) for row in rows) + GAP
    board = Image.new("RGBA", (width, sum(heights) + GAP), SHEET_COLOUR)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        left = GAP
        for cell in row:
            board.paste(cell, (left, top), cell)
            left += cell.width + GAP
        top += height
    return board


def _refused(cell: Image.Image) -> Image.Image:
    draw = ImageDraw.Draw(cell)
    draw.line((0, 0, cell.width, cell.height), REFUSED_COLOUR, 4)
    draw.line((0, cell.height, cell.width, 0), REFUSED_COLOUR, 4)
    return cell


def _guide(shown: Image.Image, template: Template, fields: Mapping[str, str]) -> None:
    """Draw thirds, the safe area, the box of every element that is drawn, in the colour of its kind, and, in dashes,
    the room that is left for the subject.
    """
    draw = ImageDraw.Draw(shown)
    width, height = shown.size
    line = max(round(min(shown.size) / 400), 1)
    for share in (1 / 3, 2 / 3):
        draw.line((width * share, 0, width * share, height), THIRDS_COLOUR, line)
        draw.line((0, height * share, width, height * share), THIRDS_COLOUR, line)
    inset = (width * SAFE, height * SAFE, width * (1 - SAFE), height * (1 - SAFE))
    draw.rectangle(inset, outline=SAFE_COLOUR, width=line)
    values = template_fields.values(template.sheet.fields, fields)
    for place in placed(template.sheet, values, height, width):
        box = place.seen
        if box.right > box.left and box.bottom > box.top:
            corners = (box.left, box.top, box.right - 1, box.bottom - 1)
            draw.rectangle(corners, outline=COLOURS[place.element.kind], width=line)
    room = template_room.reserve(template, fields).on(height, width)
    _dashed(draw, (room.left, room.top, width - 1 - room.right, height - 1 - room.bottom), line)


def _dashed(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], line: int) -> None:
    left, top, right, bottom = box
    marks = [share / (2 * DASHES - 1) for share in range(2 * DASHES)]
    columns, rows = ([start + mark * (end - start) for mark in marks] for start, end in ((left, right), (top, bottom)))
    for start, stop in zip(columns[::2], columns[1::2], strict=True):
        for row in (top, bottom):
            draw.line((start, row, stop, row), ROOM_COLOUR, line)
    for start, stop in zip(rows[::2], rows[1::2], strict=True):
        for column in (left, right):
            draw.line((column, start, column, stop), ROOM_COLOUR, line)


def _photo(path: Path | None, size: tuple[int, int]) -> Image.Image:
    """Return the photo as RGBA, or a plain grey one with something dark in its middle."""
    if path is not None:
        picture = decode(path.read_bytes())
        alpha = picture.coverage
        return Image.fromarray(
            np.dstack([picture.pixels, np.full(picture.pixels.shape[:2], 255, np.uint8) if alpha is None else alpha])
        )
    width, height = size
    ground = Image.linear_gradient("L").resize(size).point([240 - level // 8 for level in range(256)])
    ImageDraw.Draw(ground).ellipse((width * 0.25, height * 0.25, width * 0.75, height * 0.75), 96)
    return ground.convert("RGBA")


def _list(shelf: Shelf) -> None:
    for name in shelf.names():
        versions = shelf.versions(name)
        print(f"{name}, versions {', '.join(map(str, versions))}")
        try:
            template = shelf.load(name)
        except ImageError as error:
            print(f"  {error}")
            continue
        for field, declared in template.sheet.fields.items():
            what = "required" if declared.required else f"default {declared.default!r}"
            print(f"  {field}: {declared.kind}, {what}")


def _field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"name=text is expected, not {text!r}")
    return name, value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) * int(height) <= 10_000**2):
        raise argparse.ArgumentTypeError(f"WIDTHxHEIGHT in pixels is expected, not {text!r}")
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imaging.preview", description="Draw a template over a photo.")
    parser.add_argument("name", nargs="?", help="of the template; all are listed without")
    parser.add_argument("--folder", type=Path, default=Path("templates"), help="of the templates (templates)")
    parser.add_argument("--version", type=int, help="the newest one without")
    parser.add_argument("--photo", type=Path, help="to draw on; something grey without")
    parser.add_argument("--size", type=_size, default=(1200, 1200), help="of the grey picture (1200x1200)")
    parser.add_argument("--field", type=_field, action="append", default=[], metavar="NAME=TEXT", help="once per field")
    parser.add_argument("--out", type=Path, default=Path("preview.png"), help="file to write (preview.png)")
    parser.add_argument("--guides", action="store_true", help="show the boxes, the safe area and the thirds")
    parser.add_argument("--sheet", action="store_true", help="the same on pictures of several shapes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
