"""A template.yaml: text in, checked sheet out. Without its fonts and pictures, which `imaging.template_file` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from imaging import yaml_document
from imaging.errors import ImageError
from imaging.template_fields import AnyField, value
from imaging.template_schema import Picture, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "template.yaml"
MOST_YAML = 256 * 1024


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
        document = yaml_document.read(data).value
    except yaml_document.DocumentError as error:
        raise TemplateError(f"{where}: {error}") from error
    try:
        return Sheet.model_validate({} if document is None else document)
    except ValidationError as error:
        raise TemplateError(f"{where}: {'; '.join(_said(error))}") from error


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
