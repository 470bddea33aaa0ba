"""Reads a multipart upload into memory within the limits: total bytes, one file, few small fields, a time."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from gateway import limits
from gateway.errors import ClientGoneError, InvalidUploadError, TooLargeError, UploadTimeoutError
from gateway.settings import Settings

FILE_FIELD = "file"
MAX_FIELDS = 8
MAX_FIELD_BYTES = 4096
# Boundaries, part headers and small fields around the file.
FORM_OVERHEAD_BYTES = 64 * 1024


class _InMemoryParser(MultiPartParser):
    """Starlette's parser without its temporary files: the stream below is capped, and the bytes go on from memory."""

    spool_max_size = 2**40


async def read_upload(request: Request, settings: Settings) -> tuple[bytes, dict[str, str]]:
    """The bytes of the field `file`, and the other fields.

    Raises InvalidUploadError, TooLargeError, UploadTimeoutError or ClientGoneError.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidUploadError("send a multipart/form-data form with the picture in the field 'file'")
    cap = settings.upload_max_bytes + FORM_OVERHEAD_BYTES
    _check_announced(request.headers.get("content-length", ""), cap, settings.upload_max_bytes)
    parser = _InMemoryParser(
        request.headers,
        _capped(request, cap, settings.upload_max_bytes),
        max_files=1,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        async with asyncio.timeout(settings.upload_timeout_s):
            form = await parser.parse()
    except TimeoutError as error:
        raise UploadTimeoutError(f"the upload took longer than {settings.upload_timeout_s:g} s") from error
    except MultiPartException as error:
        raise InvalidUploadError(error.message) from error
    except ClientDisconnect as error:
        raise ClientGoneError("the client hung up during the upload") from error
    try:
        data, fields = await _split(form)
    finally:
        await form.close()
    limits.check_size(len(data), settings.upload_max_bytes)
    return data, fields


async def _capped(request: Request, cap: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > cap:
            raise TooLargeError(f"the picture is larger than {max_bytes} bytes")
        yield chunk


def _check_announced(length: str, cap: int, max_bytes: int) -> None:
    if length.isdigit() and int(length) > cap:
        raise TooLargeError(f"the picture is larger than {max_bytes} bytes")


async def _split(form: FormData) -> tuple[bytes, dict[str, str]]:
    upload = form.get(FILE_FIELD)
    if not isinstance(upload, UploadFile):
        raise InvalidUploadError("the form has no file in its field 'file'")
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    return await upload.read(), fields
