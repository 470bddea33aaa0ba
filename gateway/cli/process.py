"""`python -m gateway.cli process`: product photos, one result for each photo."""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.cli import batch, order, summary
from gateway.cli.batch import STOPPED, Run
from gateway.cli.client import answered
from gateway.cli.ledger import Entry, Ledger
from gateway.cli.order import Order
from gateway.cli.sources import Photo, photos
from gateway.cli.summary import Outcome, State

LEDGER = "process.jsonl"


@dataclass(frozen=True, slots=True)
class PhotoEntry(Entry):
    uncertainty: float | None
    needs_review: bool
    request_id: str


@dataclass(frozen=True, slots=True)
class Development:
    """From a photo to a product photo."""

    out: Path
    order: Order
    tries: int

    @property
    def digest(self) -> str:
        return self.order.digest

    async def make(self, client: httpx.AsyncClient, photo: Photo, data: bytes, known: str) -> PhotoEntry:
        form: dict[str, Any] = {"files": {"image": batch.sent(photo, data)}, "data": {"options": self.order.options}}
        answer = await answered(client, self.order.route, self.tries, **form)
        name, headers = await asyncio.to_thread(batch.kept, self.out, photo, answer), answer.headers
        return PhotoEntry(
            photo=photo.name,
            source=known,
            order=self.digest,
            result=name,
            size=len(answer.content),
            uncertainty=_share(headers.get("x-uncertainty-score", "")),
            needs_review=headers.get("x-needs-review", "").lower() == "true",
            request_id=headers.get("x-request-id", ""),
        )

    def told(self, photo: Photo, state: State, entry: PhotoEntry | None = None, error: str = "") -> Outcome:
        if entry is None:
            return Outcome(str(photo.source), state, error=error)
        return Outcome(
            str(photo.source), state, entry.result, entry.uncertainty, entry.needs_review, error, entry.request_id
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", nargs="+", help="photos, folders with all below them, patterns, or prefixes of a store"
    )
    batch.add_arguments(parser)
    order.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """0: every photo has its result; 1: some have not; STOPPED: a person stopped it, and can go on later."""
    wanted = order.order(args)
    found = photos(args.photos, args.out)
    out = batch.folder(args.out)
    work = Run(Development(out, wanted, max(1, args.tries)), Ledger(out, LEDGER, PhotoEntry), args.force)
    finished = work.goes(args, found)
    outcomes = work.outcomes_of(found)
    summary.write(out, outcomes)
    summary.tell(outcomes)
    if not finished:
        return STOPPED
    return 0 if all(outcome.state in {"done", "skipped"} for outcome in outcomes) else 1


def _share(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
