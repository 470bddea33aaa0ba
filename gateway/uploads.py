"""Reads a multipart upload into memory within the limits: total bytes, one file, few small fields, a time.

Parsed by `python_multipart` piece by piece; unlike Starlette's own form reading no temporary file is written, because
the bytes of pictures are bounded and go on to Triton from memory. A video goes to a file as it comes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gateway import limits
from gateway.errors import ClientGoneError, InvalidUploadError, UploadTimeoutError
from gateway.forms import Fields, FormParts, FormShape, Preamble
from gateway.settings import Settings
from gateway.spool import Glance, Spool

# Boundaries, part headers and small fields around the file.
FORM_OVERHEAD_BYTES = 64 * 1024
# Asked before so many more bytes are kept; raises when there is no room.
Keep: TypeAlias = Callable[[int], None]


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
    form = FormParts(shape, settings.max_picture_bytes)
    await _read_within(request, form, settings.upload_timeout_seconds, keep)
    file = form.files[0] if form.files else None
    return Form(None if file is None else bytes(file.data), file.name if file else "", form.texts())


async def read_batch(request: Request, settings: Settings, keep: Keep, shape: FormShape) -> Batch:
    """The form's pictures in their order. One that is too large counts as one without bytes; all together too large, or
    too many, raise as `read_form` does, and so does none at all.
    """
    form = FormParts(shape, settings.max_picture_bytes, settings.max_batch_bytes)
    await _read_within(request, form, settings.upload_timeout_seconds, keep)
    if not form.files:
        raise _no_file(shape)
    return Batch([BatchFile(None if one.too_large else bytes(one.data), one.name) for one in form.files], form.texts())


async def read_video(request: Request, settings: Settings, shape: FormShape, target: Path, glance: Glance) -> Form:
    """The form's fields; its video, if it has one, lies in `target` then and `file` is empty.

    `glance` sees the file as soon as there is enough of it to tell what it is. Raises as `read_form` does, what
    `glance` raises, or VideoNotWrittenError.
    """
    form = FormParts(shape, settings.max_video_bytes)
    async with Spool(target, glance) as spool:
        await _read_within(request, form, settings.video_upload_timeout_seconds, _unkept, spool)
        await spool.take(form, all_of_it=True)
    file = form.files[0] if form.files else None
    return Form(None if file is None else b"", file.name if file else "", form.texts())


def _unkept(_size_bytes: int) -> None:
    """What goes to a file takes no room in memory."""


async def _read_within(
    request: Request, form: FormParts, timeout_s: float, keep: Keep, spool: Spool | None = None
) -> None:
    kind, options = parse_options_header(request.headers.get("content-type"))
    shape = form.shape
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        message = f"send a multipart/form-data form with the {shape.what} in the field '{shape.file_field}'"
        raise InvalidUploadError(message)
    try:
        async with asyncio.timeout(timeout_s):
            await _read(request, options[b"boundary"], form, keep, spool)
    except TimeoutError as error:
        raise UploadTimeoutError(f"the upload took longer than {timeout_s:g} s") from error
    except FormParserError as error:
        raise InvalidUploadError("this is not a multipart/form-data form", private=str(error)) from error
    except ClientDisconnect as error:
        raise ClientGoneError("the client hung up during the upload") from error
    if not form.complete:
        raise _no_file(shape)


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


async def _read(request: Request, boundary: bytes, form: FormParts, keep: Keep, spool: Spool | None) -> None:
    what = form.shape.what
    announced = request.headers.get("content-length", "")
    if announced.isdigit():
        limits.check_size(int(announced) - FORM_OVERHEAD_BYTES, form.max_total_bytes, what)
    total = 0
    parser, preamble = MultipartParser(boundary, form.callbacks()), Preamble(boundary)
    async for chunk in request.stream():
        total += len(chunk)
        limits.check_size(total - FORM_OVERHEAD_BYTES, form.max_total_bytes, what)
        keep(len(chunk))
        parser.write(preamble.without(chunk))
        if spool is not None:
            await spool.take(form)
    parser.finalize()
