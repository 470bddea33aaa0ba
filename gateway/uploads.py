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
    """What a route takes: the name of the field with the picture, how large any other may be, how many of those, and
    how many pictures. Several may come to more bytes than one.
    """

    file_field: str
    max_field_bytes: int
    max_fields: int = 8
    max_files: int = 1


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


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures and the form's other fields; `data` of one that is larger than a picture may be is None."""

    files: list["BatchFile"]
    fields: Fields


@dataclass(frozen=True, slots=True)
class BatchFile:
    data: bytes | None
    filename: str


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
    form = await _read_within(request, keep, settings, _Form(shape, settings.max_picture_bytes))
    file = form.files[0] if form.files else None
    return Form(None if file is None else bytes(file.data), file.name if file else "", form.texts())


async def read_batch(request: Request, settings: Settings, keep: Keep, shape: FormShape) -> Batch:
    """The form's pictures in their order. One that is too large counts as one without bytes; all together too large, or
    too many, raise as `read_form` does, and so does none at all.
    """
    form = _Form(shape, settings.max_picture_bytes, settings.max_batch_bytes)
    await _read_within(request, keep, settings, form)
    if not form.files:
        raise _no_file(shape)
    return Batch([BatchFile(None if one.too_large else bytes(one.data), one.name) for one in form.files], form.texts())


async def _read_within(request: Request, keep: Keep, settings: Settings, form: "_Form") -> "_Form":
    kind, options = parse_options_header(request.headers.get("content-type"))
    shape = form.shape
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidUploadError(f"send a multipart/form-data form with the picture in the field '{shape.file_field}'")
    try:
        async with asyncio.timeout(settings.upload_timeout_seconds):
            await _read(request, options[b"boundary"], form, keep)
    except TimeoutError as error:
        raise UploadTimeoutError(f"the upload took longer than {settings.upload_timeout_seconds:g} s") from error
    except FormParserError as error:
        raise InvalidUploadError("this is not a multipart/form-data form", private=str(error)) from error
    except ClientDisconnect as error:
        raise ClientGoneError("the client hung up during the upload") from error
    if not form.complete:
        raise _no_file(shape)
    return form


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
        limits.check_size(int(announced) - FORM_OVERHEAD_BYTES, form.max_total_bytes)
    total = 0
    parser, preamble = MultipartParser(boundary, form.callbacks()), _Preamble(boundary)
    async for chunk in request.stream():
        total += len(chunk)
        limits.check_size(total - FORM_OVERHEAD_BYTES, form.max_total_bytes)
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


@dataclass(slots=True)
class _File:
    data: bytearray
    name: str
    too_large: bool = False


class _Form:
    """What the parser's callbacks have gathered so far."""

    def __init__(self, shape: FormShape, max_bytes: int, max_total_bytes: int | None = None) -> None:
        self.files: list[_File] = []
        self.max_total_bytes = max_bytes if max_total_bytes is None else max_total_bytes
        self.fields: dict[str, bytearray] = {}
        self.complete = False
        self.shape = shape
        self._max_bytes = max_bytes
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._part = bytearray()
        self._part_limit = 0
        self._unchosen: str | None = None

    def texts(self) -> Fields:
        """The fields that are no pictures."""
        return {name: value.decode("utf-8", "replace") for name, value in self.fields.items()}

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
            if name == self.shape.file_field or b"filename" in options:
                self._open_file(name, options.get(b"filename", b"").decode("utf-8", "replace"))
            else:
                self._open_field(name)

    def _open_file(self, name: str, filename: str) -> None:
        field, most = self.shape.file_field, self.shape.max_files
        if name != field or len(self.files) == most:
            allowed = "one" if most == 1 else str(most)
            raise InvalidUploadError(f"the form holds more or other files than {allowed} in its field '{field}'")
        self._part = bytearray()
        self.files.append(_File(self._part, filename))
        self._part_limit = self._max_bytes

    def _open_field(self, name: str) -> None:
        if len(self.fields) >= self.shape.max_fields:
            raise InvalidUploadError(f"the form has more than {self.shape.max_fields} fields")
        if name in self.fields:
            raise InvalidUploadError("the form has a field twice")
        self._part = self.fields[name] = bytearray()
        self._part_limit = self.shape.max_field_bytes

    def _fill_part(self, data: bytes, start: int, end: int) -> None:
        if self._unchosen is not None:
            self._open_file(self._unchosen, "")
            self._unchosen = None
        size_bytes = len(self._part) + end - start
        if size_bytes <= self._part_limit:
            self._part += data[start:end]
        elif not self.files or self._part is not self.files[-1].data:
            raise InvalidUploadError(f"a field of the form is larger than {self._part_limit} bytes")
        elif self.shape.max_files == 1:
            limits.check_size(size_bytes, self._max_bytes)
        else:
            self._spill(self.files[-1])

    def _spill(self, file: _File) -> None:
        """Of a picture that is too large among others nothing is kept."""
        file.too_large = True
        file.data.clear()
        self._part_limit = -1

    def _end(self) -> None:
        self.complete = True
