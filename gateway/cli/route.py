"""`python -m gateway.cli route`: recipe photos, each finished by its keyword, and a manifest of where they went."""

import argparse
import asyncio
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from gateway.cli import batch, manifest
from gateway.cli.batch import STOPPED, Run
from gateway.cli.client import UsageError, answered, connect, get
from gateway.cli.ledger import Entry, Ledger
from gateway.cli.manifest import Outcome
from gateway.cli.sources import Photo, photos
from gateway.cli.summary import State
from imaging.product_options import OptionsError
from imaging.routing import wishes

LEDGER = "route.jsonl"
ROUTE, RULES = "/api/v1/route", "/api/v1/routes"
NO_PICTURE = 204


@dataclass(frozen=True, slots=True)
class RouteEntry(Entry):
    """`confidence` is in percent."""

    keyword: str
    confidence: float
    route: str
    reason: str
    needs_review: bool
    request_id: str


@dataclass(frozen=True, slots=True)
class Routing:
    """From a photo to where it went. `options` is checked JSON, `rules` the SHA-256 of the gateway's routing file."""

    out: Path
    options: str
    rules: str
    tries: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.options}\n{self.rules}".encode()).hexdigest()

    async def make(self, client: httpx.AsyncClient, photo: Photo, data: bytes, known: str) -> RouteEntry:
        form: dict[str, Any] = {"files": {"file": batch.sent(photo, data)}, "data": {"options": self.options}}
        answer = await answered(client, ROUTE, self.tries, headers={"Accept": "image/*"}, **form)
        made = answer.status_code != NO_PICTURE
        name = await asyncio.to_thread(batch.kept, self.out, photo, answer) if made else ""
        headers = answer.headers
        return RouteEntry(
            photo=photo.name,
            source=known,
            order=self.digest,
            result=name,
            size=len(answer.content),
            keyword=unquote(headers.get("x-keyword", "")),
            confidence=float(headers.get("x-confidence", "nan")),
            route=headers.get("x-route", ""),
            reason=headers.get("x-reason", ""),
            needs_review=headers.get("x-needs-review", "") == "true",
            request_id=headers.get("x-request-id", ""),
        )

    def told(self, photo: Photo, state: State, entry: RouteEntry | None = None, error: str = "") -> Outcome:
        if entry is None:
            return Outcome(str(photo.source), state, error=error)
        return Outcome(
            photo=str(photo.source),
            state=state,
            keyword=entry.keyword,
            confidence=entry.confidence,
            route=entry.route,
            reason=entry.reason,
            result=entry.result,
            needs_review=entry.needs_review,
            request_id=entry.request_id,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", nargs="+", help="folders with all below them, photos, patterns, or s3://bucket/prefix"
    )
    batch.add_arguments(parser)
    group = parser.add_argument_group("what is done with them", "the routing file decides where nothing is said")
    group.add_argument("--keyword", default=argparse.SUPPRESS, help="what is in all of them; nobody is asked then")
    group.add_argument(
        "--review-below", type=float, default=argparse.SUPPRESS, metavar="SHARE", help="confidence to trust, 0 to 1"
    )
    group.add_argument("--format", dest="encode.format", default=argparse.SUPPRESS, help="of product photos")
    group.add_argument(
        "--quality", dest="encode.quality", type=int, default=argparse.SUPPRESS, help="of these, 1 to 100"
    )
    group.add_argument("--dry-run", action="store_true", help="only list where they would go")


def run(args: argparse.Namespace) -> int:
    """0: every photo has been routed; 1: some have not; STOPPED: a person stopped it, and can go on later."""
    options = _options(args)
    found = photos(args.photos, args.out)
    out, tries = batch.folder(args.out), max(1, args.tries)
    task = Routing(out, options, asyncio.run(_rules(connect(args.url, args.timeout), tries)), tries)
    work = Run(task, Ledger(out, LEDGER, RouteEntry), args.force)
    finished = work.goes(args, found)
    outcomes = work.outcomes_of(found)
    manifest.write(out, outcomes)
    manifest.tell(outcomes)
    if not finished:
        return STOPPED
    return 0 if all(outcome.state in {"done", "skipped"} for outcome in outcomes) else 1


def _options(args: argparse.Namespace) -> str:
    """Raises UsageError, which names what is wrong."""
    given: dict[str, Any] = {name: getattr(args, name) for name in ("keyword", "review_below") if hasattr(args, name)}
    encode = {
        name: getattr(args, f"encode.{name}") for name in ("format", "quality") if hasattr(args, f"encode.{name}")
    }
    given |= {"encode": encode} if encode else {}
    given |= {"dry_run": True} if args.dry_run else {}
    try:
        return wishes(json.dumps(given).encode()).model_dump_json(exclude_unset=True)
    except OptionsError as error:
        raise UsageError(str(error)) from error


async def _rules(client: httpx.AsyncClient, tries: int) -> str:
    """What tells the routing file from another: photos that it routed need not be sent again."""
    async with client:
        known = await get(client, RULES, tries)
    if known.get("problem"):
        print(f"the routing file is wrong, the one before it is in force: {known['problem']}", file=sys.stderr)
    return str(known.get("sha256"))
