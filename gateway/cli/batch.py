"""Many photos through the gateway, some at a time: what every command of that kind shares."""

import argparse
import asyncio
import hashlib
import mimetypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import httpx
from tqdm import tqdm

from gateway.cli.client import TRIES, ToolError, UnreachableError, UsageError, connect, write_whole
from gateway.cli.ledger import AnyEntry, Ledger
from gateway.cli.sources import Photo
from gateway.cli.summary import State
from gateway.content import MEDIA_TYPES

MOST_JOBS = 64
STOPPED = 130  # what a shell says of a program that Ctrl-C ended
EXTENSIONS = tuple((media_type, extension) for extension, media_type in MEDIA_TYPES.items())

Outcome = TypeVar("Outcome")
Told_co = TypeVar("Told_co", covariant=True)


class Task(Protocol[AnyEntry, Told_co]):
    """What a command does with one photo, and what it tells of it; equal digests mean equal wishes."""

    @property
    def digest(self) -> str: ...

    async def make(self, client: httpx.AsyncClient, photo: Photo, data: bytes, known: str) -> AnyEntry:
        """Ask for the result and put it on disk; `known` is the entry's `source`. Raises ToolError or OSError."""
        ...

    def told(self, photo: Photo, state: State, entry: AnyEntry | None = None, error: str = "") -> Told_co: ...


@dataclass
class Run(Generic[AnyEntry, Outcome]):
    """One run, and what became of the photos so far."""

    task: Task[AnyEntry, Outcome]
    ledger: Ledger[AnyEntry]
    force: bool = False
    gone: str = ""  # why the gateway was given up
    outcomes: dict[Photo, Outcome] = field(default_factory=dict)

    def outcomes_of(self, found: Sequence[Photo]) -> list[Outcome]:
        return [self.outcomes.get(photo) or self.task.told(photo, "not_sent") for photo in found]

    def goes(self, args: argparse.Namespace, found: Sequence[Photo]) -> bool:
        """Process the photos; False where a person stopped it."""
        try:
            asyncio.run(self.process(connect(args.url, args.timeout), found, args.concurrency))
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return False
        return True

    async def process(self, client: httpx.AsyncClient, found: Sequence[Photo], jobs: int) -> None:
        """Process photos, `jobs` at a time; each result is on disk and in the ledger as soon as it is there.

        Once the gateway cannot be reached for one of them, the rest is not sent.
        """
        turns = asyncio.Semaphore(jobs)

        async def one(photo: Photo) -> None:
            async with turns:
                self.outcomes[photo] = await self._outcome(client, photo)
            bar.update()

        with tqdm(total=len(found), unit="photo", disable=None) as bar:
            async with client:
                await asyncio.gather(*(one(photo) for photo in found))

    async def _outcome(self, client: httpx.AsyncClient, photo: Photo) -> Outcome:
        if self.gone:
            return self.task.told(photo, "not_sent", error=self.gone)
        try:
            entry, state = await self._entry(client, photo)
        except UnreachableError as error:
            self.gone = str(error)
            return self.task.told(photo, "failed", error=self.gone)
        except (ToolError, OSError) as error:
            return self.task.told(photo, "failed", error=str(error))
        return self.task.told(photo, state, entry)

    async def _entry(self, client: httpx.AsyncClient, photo: Photo) -> tuple[AnyEntry, State]:
        """What the ledger knows, or what was made; a photo whose store tells its state is not read for the ledger."""
        data = b"" if photo.mark else await asyncio.to_thread(photo.source.read_bytes)
        known = hashlib.sha256(photo.mark.encode() or data).hexdigest()
        if not self.force and (entry := self.ledger.done(photo.name, known, self.task.digest)):
            return entry, "skipped"
        entry = await self.task.make(client, photo, data or await asyncio.to_thread(photo.source.read_bytes), known)
        self.ledger.add(entry)
        return entry, "done"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", "-o", type=Path, required=True, help="the folder of results")
    parser.add_argument(
        "--jobs", "-j", dest="concurrency", type=_jobs, default=4, metavar="N", help="photos at once (default 4)"
    )
    parser.add_argument(
        "--tries", type=int, default=TRIES, metavar="N", help=f"how often a busy gateway is asked (default {TRIES})"
    )
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="S", help="seconds to wait for a result (default 120)"
    )
    parser.add_argument("--force", "-f", action="store_true", help="process again what is there already")


def _jobs(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_JOBS):
        raise argparse.ArgumentTypeError(f"1 to {MOST_JOBS} expected, not {text!r}")
    return int(text)


def folder(path: Path) -> Path:
    """The folder of results, made where it is missing. Raises UsageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {path}: {error.strerror}") from error
    return path


def sent(photo: Photo, data: bytes) -> tuple[str, bytes, str]:
    """A photo as a form's file."""
    return photo.source.name, data, mimetypes.guess_type(photo.source.name)[0] or "application/octet-stream"


def kept(out: Path, photo: Photo, answer: httpx.Response) -> str:
    """Put the picture of an answer on disk, whole or not at all; return its path below `out`. Raises ToolError."""
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    extension = dict(EXTENSIONS).get(media_type)
    if extension is None or not answer.content:
        raise ToolError(f"HTTP {answer.status_code}, and no picture but {media_type or 'nothing'}")
    name = f"{photo.name}.{extension}"
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    write_whole(out / name, answer.content)
    return name
