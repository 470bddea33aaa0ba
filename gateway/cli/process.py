"""`python -m gateway.cli process`: product photos, one result for each photo."""

import argparse
import asyncio
import hashlib
import mimetypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tqdm import tqdm

from gateway.cli import order, summary
from gateway.cli.client import TRIES, ToolError, UnreachableError, UsageError, answered, connect, write_whole
from gateway.cli.ledger import Entry, Ledger
from gateway.cli.order import Order
from gateway.cli.sources import Photo, photos
from gateway.cli.summary import Outcome

MOST_JOBS = 64
STOPPED = 130  # what a shell says of a program that Ctrl-C ended
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/avif": "avif",
    "application/zip": "zip",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", help="photos, folders with all below them, or patterns")
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
    order.add_arguments(parser)


def _jobs(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_JOBS):
        raise argparse.ArgumentTypeError(f"1 to {MOST_JOBS} expected, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """0: every photo has its result; 1: some have not; STOPPED: a person stopped it, and can go on later."""
    wanted = order.order(args)
    found = photos(args.photos, args.out)
    _make(args.out)
    work = Work(args.out, wanted, Ledger(args.out), max(1, args.tries), args.force)
    stopped = False
    try:
        asyncio.run(process(connect(args.url, args.timeout), work, found, args.concurrency))
    except KeyboardInterrupt:
        stopped = True
        print("stopped; the same command goes on from here", file=sys.stderr)
    outcomes = work.outcomes_of(found)
    summary.write(args.out, outcomes)
    summary.tell(outcomes)
    if stopped:
        return STOPPED
    return 0 if all(outcome.state in {"done", "skipped"} for outcome in outcomes) else 1


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror}") from error


@dataclass
class Work:
    """What is to be done, and what became of the photos so far."""

    out: Path
    order: Order
    ledger: Ledger
    tries: int = TRIES
    force: bool = False
    gone: str = ""  # why the gateway was given up
    outcomes: dict[Photo, Outcome] = field(default_factory=dict)

    def outcomes_of(self, found: Sequence[Photo]) -> list[Outcome]:
        return [self.outcomes.get(photo) or Outcome(str(photo.source), "not_sent") for photo in found]


async def process(client: httpx.AsyncClient, work: Work, found: Sequence[Photo], jobs: int) -> None:
    """Process photos, `jobs` at a time; each result is on disk and in the ledger as soon as it is there.

    Once the gateway cannot be reached for one of them, the rest is not sent.
    """
    turns = asyncio.Semaphore(jobs)

    async def one(photo: Photo) -> None:
        async with turns:
            work.outcomes[photo] = await _outcome(client, work, photo)
        bar.update()

    with tqdm(total=len(found), unit="photo", disable=None) as bar:
        async with client:
            await asyncio.gather(*(one(photo) for photo in found))


async def _outcome(client: httpx.AsyncClient, work: Work, photo: Photo) -> Outcome:
    source = str(photo.source)
    if work.gone:
        return Outcome(source, "not_sent", error=work.gone)
    try:
        data, digest = await asyncio.to_thread(_read, photo.source)
        entry = None if work.force else work.ledger.done(photo.name, digest, work.order.digest)
        if entry:
            return _told(source, "skipped", entry)
        entry = await _result(client, work, photo, data, digest)
        work.ledger.add(entry)
    except UnreachableError as error:
        work.gone = str(error)
        return Outcome(source, "failed", error=work.gone)
    except (ToolError, OSError) as error:
        return Outcome(source, "failed", error=str(error))
    return _told(source, "done", entry)


def _read(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, hashlib.sha256(data).hexdigest()


async def _result(client: httpx.AsyncClient, work: Work, photo: Photo, data: bytes, digest: str) -> Entry:
    media_type = mimetypes.guess_type(photo.source.name)[0] or "application/octet-stream"
    answer = await answered(
        client,
        work.order.route,
        work.tries,
        files={"image": (photo.source.name, data, media_type)},
        data={"options": work.order.options},
    )
    name = f"{photo.name}.{_extension(answer)}"
    await asyncio.to_thread(_write, work.out / name, answer.content)
    headers = answer.headers
    return Entry(
        photo=photo.name,
        source=digest,
        order=work.order.digest,
        result=name,
        size=len(answer.content),
        uncertainty=_share(headers.get("x-uncertainty-score", "")),
        needs_review=headers.get("x-needs-review", "").lower() == "true",
        request_id=headers.get("x-request-id", ""),
    )


def _extension(answer: httpx.Response) -> str:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in EXTENSIONS or not answer.content:
        raise ToolError(f"HTTP {answer.status_code}, and no picture but {media_type or 'nothing'}")
    return EXTENSIONS[media_type]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)


def _share(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _told(source: str, state: summary.State, entry: Entry) -> Outcome:
    return Outcome(source, state, entry.result, entry.uncertainty, entry.needs_review, "", entry.request_id)
