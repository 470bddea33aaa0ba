"""Bodies of routes that take JSON or a form: told apart, and read with the same errors everywhere."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header

from gateway.errors import InvalidOptionError, InvalidUploadError
from gateway.uploads import Form

FORM_KIND = b"multipart/form-data"
JSON_KINDS = (b"application/json", b"")

Body = TypeVar("Body", bound=BaseModel)


def is_json(request: Request) -> bool:
    """Whether the body is JSON, as it is where no type is named; a form otherwise. Raises InvalidUploadError."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind not in (FORM_KIND, *JSON_KINDS):
        raise InvalidUploadError("send a multipart/form-data form, or JSON as application/json")
    return kind in JSON_KINDS


def is_form(request: Request) -> bool:
    kind, _ = parse_options_header(request.headers.get("content-type"))
    return kind == FORM_KIND


def options_of(kind: type[Body], fields: Mapping[str, str], beside: Sequence[str]) -> Body:
    """Options out of a form's or query's texts, an empty one counting as none; `beside` are the names that stand for
    something else. Raises InvalidOptionError.
    """
    given = {name: text for name, text in fields.items() if text and name not in beside}
    if unknown := sorted(set(given) - set(kind.model_fields)):
        allowed = ", ".join((*beside, *kind.model_fields))
        raise InvalidOptionError(f"unknown field {', '.join(unknown)}; allowed: {allowed}")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        said = (f"{item['loc'][0]}: {item['msg']}" for item in error.errors(include_url=False))
        raise InvalidOptionError("; ".join(dict.fromkeys(said))) from error


def parsed(body: type[Body], data: bytes) -> Body:
    """Raises RequestValidationError, as FastAPI does for a body that it reads itself."""
    try:
        return body.model_validate_json(data)
    except ValidationError as error:
        found = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(found) from error


def url_of(form: Form, file_field: str, url_field: str) -> str:
    """The address of the picture, empty where the form holds it. InvalidUploadError for both, and for neither."""
    url = form.fields.get(url_field, "")
    if (form.file is None) == (not url):
        raise InvalidUploadError(f"exactly one of the fields {file_field} and {url_field} is needed")
    return url
