"""What drift leaves behind for people: a folder in the store with frames to label, and a message."""

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from pydantic import BaseModel, Field

from gateway.drift import profile
from gateway.drift.comparison import Compared, figures_of
from gateway.drift.monitor import Verdict
from gateway.drift.observation import Observation
from gateway.drift.profile import Bins, Floats, Profile
from gateway.store import Shelf

PREFIX = "drift"
BINS = 10
TYPES = {"jpg": "image/jpeg", "json": "application/json", "jsonl": "application/x-ndjson", "npz": "application/zip"}


class Report(BaseModel):
    """`report.json` of the folder, and what the webhook is told."""

    network: str
    time: datetime = Field(description="end of the window")
    since: datetime = Field(description="begin of the window")
    frames: int = Field(description="frames in the window")
    windows_over: int
    score: float = Field(description="the largest ratio")
    compared: Sequence[Compared] = Field(description="the worst first")
    sample: str | None = Field(description="folder in the store, null where nothing could be written")
    pictures: int = Field(description="frames in that folder")


def report_of(network: str, verdict: Verdict) -> Report:
    """Of a verdict with a window."""
    window = verdict.window
    end = datetime.fromtimestamp(window[-1].time, UTC)
    return Report(
        network=network,
        time=end,
        since=datetime.fromtimestamp(window[0].time, UTC),
        frames=len(window),
        windows_over=verdict.windows_over,
        score=verdict.score,
        compared=verdict.compared,
        sample=f"{PREFIX}/{end:%Y%m%dT%H%M%SZ}-{network}",
        pictures=sum(1 for seen in window if seen.jpeg),
    )


@dataclass(frozen=True, slots=True)
class Folder:
    """What a report writes below its folder; `report.json` comes last and says that all is there."""

    report: Report
    window: Sequence[Observation]

    async def write(self, shelf: Shelf) -> None:
        """Raises StoreFailedError."""
        kept = [seen for seen in self.window if seen.jpeg]
        for number, seen in enumerate(kept):
            await self._put(shelf, _name(number), seen.jpeg)
        lines = [_line(number, seen) for number, seen in enumerate(kept)]
        await self._put(shelf, "manifest.jsonl", "".join(lines).encode())
        found, embeddings = await asyncio.to_thread(profile_of, self.report.network, self.window)
        await self._put(shelf, profile.NAME, found)
        if embeddings:
            await self._put(shelf, profile.EMBEDDINGS, embeddings)
        await self._put(shelf, "report.json", self.report.model_dump_json(indent=1).encode())

    async def _put(self, shelf: Shelf, name: str, data: bytes) -> None:
        await shelf.put(f"{self.report.sample}/{name}", data, TYPES[name.rpartition(".")[2]])


def _name(number: int) -> str:
    return f"images/{number:06d}.jpg"


def _line(number: int, seen: Observation) -> str:
    """As a line of a data set's manifest: the picture's place, then what was seen in it."""
    facts = {
        "image": _name(number),
        "time": datetime.fromtimestamp(seen.time, UTC).isoformat(timespec="milliseconds"),
        "stream": seen.stream,
        "width": seen.width,
        "height": seen.height,
        "figures": {name: round(value, 6) for name, value in seen.figures.items()},
    }
    return json.dumps(facts) + "\n"


def profile_of(network: str, window: Sequence[Observation]) -> tuple[bytes, bytes]:
    """The window as a profile, for the case that this is how pictures shall look from now on, and its embeddings."""
    figures = {name: _bins(values) for name, values in figures_of(window).items()}
    found = Profile(version=profile.FORMAT, network=network, pictures=len(window), figures=figures)
    rows = [seen.embedding for seen in window if seen.embedding.shape == window[0].embedding.shape]
    buffer = io.BytesIO()
    if rows and rows[0].size:
        np.savez_compressed(buffer, embeddings=np.stack(rows).astype(np.float32))
    return found.model_dump_json(indent=1).encode(), buffer.getvalue()


def _bins(values: Floats) -> Bins:
    """As many values in each bin as in the others, as far as equal ones let them."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    if edges.size < 3:  # noqa: PLR2004 - two bins
        middle = float(edges.mean())
        width = max(float(np.ptp(edges)), abs(middle) * 1e-3, 1e-6)
        edges = np.array([middle - width, middle, middle + width])
    shares = np.histogram(values, edges)[0] / values.size
    return Bins(edges=tuple(map(float, edges)), shares=tuple(map(float, shares)))
