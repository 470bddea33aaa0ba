"""A file that is written as it comes in, and looked at before it is all there."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

from gateway.errors import VideoNotWrittenError
from gateway.forms import FormParts

# Raises if the beginning of a file shows that the rest need not be awaited.
Glance: TypeAlias = Callable[[Path], Awaitable[None]]
WRITTEN_AT_ONCE = 2**20
# Beyond what FFmpeg looks at to tell one container from another.
TELLING_BYTES = 2**21


class Spool:
    """Writes to `target`, which is there from the first byte on; at the end it is on the disk, unless an error was.

    The end raises VideoNotWrittenError too: a disk may tell only then that it is full.
    """

    def __init__(self, target: Path, glance: Glance) -> None:
        self._target, self._glance = target, glance
        self._file: BinaryIO | None = None
        self._glanced = False
        self._size_bytes = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with _kept() if kind is None else suppress(OSError):  # what was refused need not be whole
                await asyncio.to_thread(self._finish, whole=kind is None)

    def __len__(self) -> int:
        """The bytes that are written."""
        return self._size_bytes

    async def take(self, form: FormParts, *, all_of_it: bool = False) -> None:
        """Takes what a form has of its file, once that is worth writing. Raises as `write` does."""
        if form.files and (all_of_it or len(form.files[0].data) >= WRITTEN_AT_ONCE):
            await self.write(form.files[0].take())

    async def write(self, data: bytes) -> None:
        """Raises VideoNotWrittenError, or what the glance raises."""
        with _kept():
            await asyncio.to_thread(self._write, data)
        self._size_bytes += len(data)
        if not self._glanced and self._size_bytes >= TELLING_BYTES:
            self._glanced = True
            await self._glance(self._target)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._target.open("wb")
        self._file.write(data)
        self._file.flush()

    def _finish(self, *, whole: bool) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker
        with self._file:
            if whole:
                os.fsync(self._file.fileno())


@contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VideoNotWrittenError.of("the video cannot be kept", error) from error
