"""Reads a multipart upload into memory within the limits: total bytes, one file, few small fields, a time.

Parsed by `python_multipart` piece by piece; unlike Starlette's own form reading no temporary file is written, because
the bytes are bounded and go on to Triton from memory.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gateway import limits
from gateway.errors import ClientGoneError, InvalidUploadError, UploadTimeoutError
from gateway.settings import Settings

if TYPE_CHECKING:  # the parser's types exist for type checkers only
    from python_multipart.multipart import MultipartCallbacks

# Boundaries, part headers and small fields around the file.
FORM_OVERHEAD_BYTES = 64 * 1024
Fields: TypeAlias = dict[str, str]
# Asked before so many more bytes are kept; raises when there is no room.
Keep: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FormShape:
    """What a route takes: the name of the field with the picture, how large any other may be, and how many of those."""

    file_field: str
    max_field_bytes: int
    max_fields: int = 8


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it came in, the name that the client has for it, and the form's other fields."""

    data: bytes
    filename: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Form:
    """A form that need not hold a picture."""

    file: bytes | None
    filename: str
    fields: Fields


async def read_upload(request: Request, settings: Settings, keep: Keep, shape: FormShape) -> Upload:
    """The form's picture and its other fields. Raises as `read_form` does, for a form without a picture too."""
    form = await read_form(request, settings, keep, shape)
    if form.file is None:
        raise _no_file(shape)
    return Upload(form.file, form.filename, form.fields)


async def read_form(request: Request, settings: Settings, keep: Keep, shape: FormShape) -> Form:
    """The form's picture, if it has one, and its other fields.

    Raises what `keep` raises, InvalidUploadError, TooLargeError, UploadTimeoutError or ClientGoneError.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidUploadError(f"send a multipart/form-data form with the picture in the field '{shape.file_field}'")
    try:
        async with asyncio.timeout(settings.upload_timeout_seconds):
            form = _Form(shape, settings.max_picture_bytes)
            await _read(request, options[b"boundary"], form, keep)
    except TimeoutError as error:
        raise UploadTimeoutError(f"the upload took longer than {settings.upload_timeout_seconds:g} s") from error
    except FormParserError as error:
        raise InvalidUploadError("this is not a multipart/form-data form", private=str(error)) from error
    except ClientDisconnect as error:
        raise ClientGoneError("the client hung up during the upload") from error
    if not form.complete:
        raise _no_file(shape)
    fields = {name: value.decode("utf-8", "replace") for name, value in form.fields.items()}
    return Form(None if form.file is None else bytes(form.file), form.filename, fields)


async def read_body(request: Request, settings: Settings, keep: Keep) -> bytes:
    """A body that may hold a picture in base64. Raises as `read_upload` does, but for what is wrong with a form."""
    max_bytes, body = settings.max_picture_bytes * 4 // 3 + FORM_OVERHEAD_BYTES, bytearray()
    try:
        async with asyncio.timeout(settings.upload_timeout_seconds):
            async for chunk in request.stream():
                limits.check_size(len(body) + len(chunk), max_bytes)
                keep(len(chunk))
                body += chunk
    except TimeoutError as error:
        raise UploadTimeoutError(f"the body took longer than {settings.upload_timeout_seconds:g} s") from error
    except ClientDisconnect as error:
        raise ClientGoneError("the client hung up during the upload") from error
    return bytes(body)


def _no_file(shape: FormShape) -> InvalidUploadError:
    return InvalidUploadError(f"the form has no whole file in its field '{shape.file_field}'")


async def _read(request: Request, boundary: bytes, form: "_Form", keep: Keep) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdigit():
        limits.check_size(int(announced) - FORM_OVERHEAD_BYTES, form.max_bytes)
    total = 0
    parser, preamble = MultipartParser(boundary, form.callbacks()), _Preamble(boundary)
    async for chunk in request.stream():
        total += len(chunk)
        limits.check_size(total - FORM_OVERHEAD_BYTES, form.max_bytes)
        keep(len(chunk))
        parser.write(preamble.without(chunk))
    parser.finalize()


class _Preamble:
    """What may stand before the first boundary (RFC 2046, 5.1.1); the parser takes it for a broken form."""

    def __init__(self, boundary: bytes) -> None:
        self._first = b"\n--" + boundary
        self._seen = b"\n"
        self._is_over = False

    def without(self, chunk: bytes) -> bytes:
        """The part of `chunk` that belongs to the form."""
        if self._is_over:
            return chunk
        self._seen += chunk
        start = self._seen.find(self._first)
        self._is_over = start >= 0
        if self._is_over:
            return self._seen[start + 1 :]
        self._seen = self._seen[1 - len(self._first) :]
        return b""


class _Form:
    """What the parser's callbacks have gathered so far."""

    def __init__(self, shape: FormShape, max_bytes: int) -> None:
        self.file: bytearray | None = None
        self.filename = ""
        self.max_bytes = max_bytes
        self.fields: dict[str, bytearray] = {}
        self.complete = False
        self._shape = shape
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._part = bytearray()
        self._part_limit = 0
        self._unchosen: str | None = None

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._fill_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition = b""

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        # A browser sends an input without a chosen file like this; a part that holds a byte after all is a file.
        self._unchosen = name if options.get(b"filename") == b"" else None
        if self._unchosen is None:
            self._open(name, is_file=name == self._shape.file_field or b"filename" in options)
            if name == self._shape.file_field:
                self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _open(self, name: str, *, is_file: bool) -> None:
        if is_file:
            self._open_file(name)
        else:
            self._open_field(name)

    def _open_file(self, name: str) -> None:
        field = self._shape.file_field
        if name != field or self.file is not None:
            raise InvalidUploadError(f"the form holds more or other files than one in its field '{field}'")
        self._part = self.file = bytearray()
        self._part_limit = self.max_bytes

    def _open_field(self, name: str) -> None:
        if len(self.fields) >= self._shape.max_fields:
            raise InvalidUploadError(f"the form has more than {self._shape.max_fields} fields")
        if name in self.fields:
            raise InvalidUploadError("the form has a field twice")
        self._part = self.fields[name] = bytearray()
        self._part_limit = self._shape.max_field_bytes

    def _fill_part(self, data: bytes, start: int, end: int) -> None:
        if self._unchosen is not None:
            self._open(self._unchosen, is_file=True)
            self._unchosen = None
        if len(self._part) + end - start > self._part_limit:
            if self._part is self.file:
                limits.check_size(len(self._part) + end - start, self.max_bytes)
            raise InvalidUploadError(f"a field of the form is larger than {self._part_limit} bytes")
        self._part += data[start:end]

    def _end(self) -> None:
        self.complete = True
