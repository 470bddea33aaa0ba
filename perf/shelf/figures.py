"""The report's tables, from figures that were measured."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perf import report, steps
from perf.shelf import live, stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perf.shelf.memory import Memory

GOAL = 0.85
RATES = (15, 10, 5)
FILES = "| clip | OpenCV loop frames/s | service frames/s | ratio |\n|---|---:|---:|---:|\n"
LIVE = (
    "| streams of 30 fps | answered fps of a stream | worst stream | of all | dropped | p50 ms | p95 ms |\n"
    "|---:|---:|---:|---:|---:|---:|---:|\n"
)
MEMORY = "| | gateway MB | Triton MB |\n|---|---:|---:|\n"


@dataclass(frozen=True, slots=True)
class File:
    """Frames per second of a clip in the rounds of one run."""

    looped: Sequence[float]
    served: Sequence[float]


def streams(rows: report.Rows, floor: report.Key, steadied: report.Key) -> str:
    """Return the table of streams, and whether the one with smoothing reaches the goal."""
    ratio = rows[steadied].per_second / rows[floor].per_second
    said = "reached" if ratio >= GOAL else "missed"
    told = f"One steadied stream has {ratio:.2f} of the bare network's frames; the goal, {GOAL}, is {said}.\n"
    return f"{report.table(rows, floor, 'streams', 'frames')}\n{told}"


def files(rows: Mapping[str, File]) -> str:
    lines = []
    for size, found in rows.items():
        looped, served = statistics.median(found.looped), statistics.median(found.served)
        lines.append(f"| {size} | {looped:.2f} | {served:.2f} | {served / looped:.2f} |")
    return FILES + "\n".join(lines) + "\n"


def costs(rows: Mapping[str, Sequence[steps.Row]]) -> str:
    """Return milliseconds of a frame by stage, a column for each size; the sum is that of a file's stages."""
    sizes = list(rows)
    head = "".join(f"| {size} ms " for size in sizes)
    text = f"| stage {head}| how |\n|---|{'---:|' * len(sizes)}---|\n"
    first = rows[sizes[0]]
    for kind, mark in ((steps.SUM, ""), (stages.LIVE, "live: "), (steps.RIVAL, "rival: ")):
        for index, row in enumerate(first):
            if row.kind == kind:
                text += _line(f"{mark}{row.name}", [rows[size][index].seconds for size in sizes], row.bound)
        if kind == steps.SUM:
            sums = [sum(row.seconds for row in rows[size] if row.kind == kind) for size in sizes]
            text += _line("**sum of a file's frame**", sums, "")
    return text


def _line(name: str, seconds: Sequence[float], bound: str) -> str:
    cells = "".join(f"| {one * 1000:.1f} " for one in seconds)
    return f"| {name} {cells}| {bound} |\n"


def cameras(found: Sequence[live.Figures], cores: int) -> str:
    """Return the table of live streams, from the smallest load on, and how many a core carries."""
    lines = [
        f"| {one.clients} | {one.per_stream:.1f} | {one.worst:.1f} | {one.clients * one.per_stream:.1f} "
        f"| {one.dropped:.0%} | {one.p50_ms:.0f} | {one.p95_ms:.0f} |"
        for one in found
    ]
    carried = ", ".join(_carried(found, rate, cores) for rate in RATES)
    return f"{LIVE}{chr(10).join(lines)}\n\nStreams of 30 fps that a core carries, read between the loads: {carried}.\n"


def _carried(found: Sequence[live.Figures], rate: int, cores: int) -> str:
    streams = live.carried(found, rate)
    more = "at least " if found[-1].per_stream >= rate else ""
    return f"{more}{streams / cores:.2f} at >= {rate} answered fps"


def memory(held: Mapping[str, Memory]) -> str:
    """Return a row for each moment. A first round loads libraries and fills arenas; what grows after it is a leak."""
    lines = [f"| {moment} | {one.gateway:.0f} | {one.triton:.0f} |" for moment, one in held.items()]
    return MEMORY + "\n".join(lines) + "\n"
