"""A version of a template, read from its folder: template.yaml, and the fonts and pictures that lie beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image
from pydantic import ValidationError

from imaging.decode import decode
from imaging.errors import ImageError
from imaging.fonts import Face
from imaging.template_fields import AnyField, value
from imaging.template_schema import Picture, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE = "template.yaml"
MOST_YAML = 256 * 1024
MOST_ASSET = 48 * 1024 * 1024
MOST_PIXELS = 16_000_000
MOST_NODES = 20_000


class TemplateError(ImageError):
    """A template's files are wrong; the text names the file and the key."""


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
    sheet = _sheet(_bytes(folder, FILE, where, MOST_YAML), where)
    _check_fields(sheet.fields, where)
    faces = {name: _face(folder, font.file, font.index, f"{where}: fonts.{name}") for name, font in sheet.fonts.items()}
    images = {
        element.file: _image(folder, element.file, f"{where}: elements.{number}")
        for number, element in enumerate(sheet.elements)
        if isinstance(element, Picture)
    }
    return Template(folder.parent.name, int(folder.name), sheet, faces, images)


def _sheet(data: bytes, where: str) -> Sheet:
    try:
        root = yaml.compose(data, yaml.SafeLoader)
        if root is not None and _nodes(root, {}) > MOST_NODES:
            raise TemplateError(f"{where}: aliases make it larger than {MOST_NODES} entries")
        document = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError(f"{where}: is no YAML: {' '.join(str(error).split())}") from error
    try:
        return Sheet.model_validate({} if document is None else document)
    except ValidationError as error:
        raise TemplateError(f"{where}: {'; '.join(_said(error))}") from error


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many entries a node has once its aliases are written out; far too many for one inside itself."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1
        parts: list[Any] = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        known[id(node)] = 1 + sum(_nodes(one, known) for one in flat)
    return known[id(node)]


def _said(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        where = ".".join(map(str, one["loc"]))
        text = one["msg"].removeprefix("Value error, ")
        yield f"{where}: {text}" if where else text


def _check_fields(fields: Mapping[str, AnyField], where: str) -> None:
    for name, field in fields.items():
        for key, given in (("default", field.default), ("example", field.example)):
            try:
                value(field.model_copy(update={"required": False}), given)
            except ValueError as error:  # noqa: PERF203 - the first one is told
                raise TemplateError(f"{where}: fields.{name}.{key}: {error}") from error


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
