"""A template.yaml: text in, checked sheet out. Without its fonts and pictures, which `imaging.template_file` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from imaging.errors import ImageError
from imaging.template_fields import AnyField, value
from imaging.template_schema import Picture, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "template.yaml"
MOST_YAML = 256 * 1024
MOST_NODES = 20_000


class TemplateError(ImageError):
    """A template's files are wrong; the text names the file and the key."""


def sheet(data: bytes, where: str) -> Sheet:
    """Return what a template.yaml says; errors begin with `where`. Raises TemplateError."""
    found = _sheet(data, where)
    _check_fields(found.fields, where)
    return found


def assets(found: Sheet) -> dict[str, str]:
    """Return the files that a sheet names, by the keys that name them."""
    fonts = {f"fonts.{name}": font.file for name, font in found.fonts.items()}
    pictures = {f"elements.{n}": one.file for n, one in enumerate(found.elements) if isinstance(one, Picture)}
    return fonts | pictures


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
