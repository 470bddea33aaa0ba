"""A version of a template, read from its folder: template.yaml, and the fonts and pictures that lie beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imaging.decode import decode
from imaging.errors import ImageError
from imaging.fonts import Face
from imaging.template_schema import Picture, Sheet
from imaging.template_sheet import FILE, MOST_YAML, TemplateError, sheet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_ASSET = 48 * 1024 * 1024
MOST_PIXELS = 16_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template. `faces` by the names of the fonts, `images` RGBA with straight alpha by file name."""

    name: str
    version: int
    sheet: Sheet
    faces: Mapping[str, Face]
    images: Mapping[str, Image.Image]


def read(folder: Path) -> Template:
    """Return the template of a version's folder, `<name>/<version>`. Raises TemplateError."""
    where = f"template {folder.parent.name}, version {folder.name}: {FILE}"
    found = sheet(_bytes(folder, FILE, where, MOST_YAML), where)
    faces = {name: _face(folder, font.file, font.index, f"{where}: fonts.{name}") for name, font in found.fonts.items()}
    images = {
        element.file: _image(folder, element.file, f"{where}: elements.{number}")
        for number, element in enumerate(found.elements)
        if isinstance(element, Picture)
    }
    return Template(folder.parent.name, int(folder.name), found, faces, images)


def _face(folder: Path, name: str, index: int, where: str) -> Face:
    data = _bytes(folder, name, where, MOST_ASSET)
    try:
        return Face(name, data, index)
    except ImageError as error:
        raise TemplateError(f"{where}: {error}") from error


def _image(folder: Path, name: str, where: str) -> Image.Image:
    data = _bytes(folder, name, where, MOST_ASSET)
    try:
        picture = decode(data, MOST_PIXELS)
    except ImageError as error:
        raise TemplateError(f"{where}: {name}: {error}") from error
    alpha = np.full((picture.height, picture.width), 255, np.uint8) if picture.coverage is None else picture.coverage
    return Image.fromarray(np.dstack([picture.pixels, alpha]))


def _bytes(folder: Path, name: str, where: str, most: int) -> bytes:
    """Return a file that lies inside the folder, links followed. Raises TemplateError."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TemplateError(f"{where}: {name} lies outside the template's folder")
    try:
        if path.stat().st_size > most:
            raise TemplateError(f"{where}: {name} is larger than {most // 1024} KiB")
        return path.read_bytes()
    except OSError as error:
        raise TemplateError(f"{where}: {name} cannot be read: {error.strerror}") from error
