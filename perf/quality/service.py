"""The two questions that are put to a running service, as functions of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from perf.quality.cases import QualityError

Pipeline: TypeAlias = Callable[[bytes, str], bytes]
"""A photo's file and the options as JSON -> the result's file. Raises RefusedError."""
Cutter: TypeAlias = Callable[[bytes], bytes]
"""A photo's file -> a PNG with alpha, as large as the photo. Raises RefusedError."""

PATIENCE_S = 300.0
SAID = 300  # characters of an error's body


class RefusedError(Exception):
    """The service answered that it will not do this picture; the text is its own."""


@dataclass(frozen=True, slots=True)
class Service:
    process: Pipeline
    remove_background: Cutter


@contextmanager
def connected(url: str) -> Iterator[Service]:
    """A service at this address. Its functions raise QualityError where it is not there."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:

        def process(photo: bytes, options: str) -> bytes:
            return _asked(client, "/process", photo, {"options": options})

        def remove_background(photo: bytes) -> bytes:
            return _asked(client, "/remove-background", photo, {})

        yield Service(process, remove_background)


def _asked(client: httpx.Client, path: str, photo: bytes, fields: dict[str, str]) -> bytes:
    files = {"image": ("photo.jpg", photo, "image/jpeg")}
    try:
        answer = client.post(path, files=files, data=fields)
    except httpx.HTTPError as error:
        raise QualityError(
            f"{client.base_url.join(path)} cannot be reached ({error}); make serve starts a service"
        ) from error
    if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise QualityError(f"{answer.url} answers {answer.status_code}: {answer.text[:SAID]}")
    if answer.is_error:
        raise RefusedError(f"{path} answers {answer.status_code}: {answer.text[:SAID]}")
    return answer.content
