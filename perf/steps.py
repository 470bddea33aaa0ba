"""The work around the network, step by step on one core, with floors measured in the same run.

A floor is what the machine needs for the irreducible part alone: copying the pixels once, entropy-decoding the JPEG
(a decode at one eighth), deflating the finished bytes. Ratios to the copy compare between machines, milliseconds less.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from imaging import box, cutout, decode, encode, foreground, matte, resize, tiles
from perf import rivals, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

Result = TypeVar("Result")
SUM, FLOOR, RIVAL = "sum", "floor", "rival"
HEAD = "| step | ms | copies | bound by |\n|---|---:|---:|---|\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A step's median CPU time in seconds; `kind` says whether it belongs to the sum."""

    name: str
    seconds: float
    kind: str
    bound: str


@dataclass
class Watch:
    """Times functions and keeps a row for each."""

    rounds: int
    rows: list[Row]

    def step(self, name: str, work: Callable[[], Result], kind: str = SUM, bound: str = "") -> Result:
        times = []
        for _ in range(self.rounds):
            start = time.process_time()
            result = work()
            times.append(time.process_time() - start)
        self.rows.append(Row(name, statistics.median(times), kind, bound))
        return result


def run(size: int, side: int, photo: Path | None, rounds: int) -> str:
    """Time the steps and return a Markdown report.

    `size` of the made picture, `side` of the network's square, `photo` a file to use instead (with `NAME.mask.png`
    beside it as the matte, or an ellipse).
    """
    data, alpha = _picture(size, photo)
    watch = Watch(rounds, [])
    with one_core():
        full, small = _floors(watch, data, alpha, side)
        cut, file = _steps(watch, data, full, small, side)
        for name, work in rivals.png(cut.pixels).items():
            watch.step(name, work, RIVAL)
    height, width = cut.alpha.shape
    return f"{width} x {height}, {len(data) / 1e6:.1f} MB in, {len(file) / 1e6:.1f} MB out\n\n{report(watch.rows)}"


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    cores, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, {max(cores)})
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(threads)


def _picture(size: int, photo: Path | None) -> tuple[bytes, NDArray[np.uint8]]:
    if photo is None:
        made = scene.make(size)
        return made.jpeg, made.alpha
    data = photo.read_bytes()
    picture = decode.decode(data, decode.LARGEST_LIMIT)
    mask = cv2.imread(str(photo.with_suffix(".mask.png")), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        mask = np.zeros((picture.height, picture.width), np.uint8)
        middle = (picture.width // 2, picture.height // 2)
        cv2.ellipse(mask, middle, (picture.width // 3, picture.height // 3), 0, 0, 360, 255, -1)
    return data, np.asarray(mask, np.uint8)


def _floors(
    watch: Watch, data: bytes, alpha: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    full = decode.decode(data, decode.LARGEST_LIMIT).pixels
    watch.step("copy of the pixels", full.copy, FLOOR)
    watch.step("JPEG at one eighth (entropy decoding)", lambda: rivals.entropy(data), FLOOR)
    return full, resize.square(alpha, side)


def _steps(
    watch: Watch, data: bytes, full: NDArray[np.uint8], small: NDArray[np.uint8], side: int
) -> tuple[cutout.CutOut, bytes]:
    picture = watch.step("decode", lambda: decode.decode(data, decode.LARGEST_LIMIT), bound="entropy decoding, DCT")
    watch.step("resize to the network", lambda: resize.for_network(picture, side), bound="reading the pixels")
    alpha = watch.step(
        "mask up-sampling",
        lambda: matte.upsample(small, full),
        bound="shrinking the picture, tiles along the edge (two maps)",
    )
    region = cutout.around(alpha)
    colours = watch.step(
        "foreground estimation",
        lambda: foreground.decontaminate(full[region], alpha[region]),
        bound="shrinking and means, tiles along the edge (two maps)",
    )
    pixels = watch.step("RGBA", lambda: cutout.assembled(colours, alpha, region), bound="writing the pixels")
    found = watch.step("box", lambda: box.around(alpha), bound="reading alpha")
    file = watch.step("PNG of the cut-out", lambda: encode.png(pixels), bound="deflate")
    watch.step("PNG of alpha", lambda: encode.png(alpha), bound="deflate")
    reduced = f"decode for {side} px only (alpha pipelines)"
    watch.step(reduced, lambda: decode.decode(data, decode.LARGEST_LIMIT, side), FLOOR, "entropy decoding")
    rows = encode.differences(pixels.reshape(pixels.shape[0], -1))
    watch.step("deflate alone", lambda: encode.deflated(rows), FLOOR)
    edges = list(tiles.touching((small > matte.NOTHING) & (small < matte.EVERYTHING), *alpha.shape))
    share = len(edges) * tiles.SIDE**2 / alpha.size
    maps = np.dstack([small] * 4).astype(np.float32)
    enlarging = f"enlarging one map over the {share:.0%} of the picture in tiles along the edge"
    watch.step(enlarging, lambda: [tiles.enlarge(maps, tile, *alpha.shape) for tile in edges], FLOOR)
    return cutout.CutOut(pixels, alpha, found), file


def report(rows: list[Row]) -> str:
    """Return the rows as Markdown: the steps with their sum, then floors, then what other encoders take."""
    copy = rows[0].seconds
    steps = [row for row in rows if row.kind == SUM]
    total = Row("**sum, one core**", sum(row.seconds for row in steps), SUM, "")
    ordered = [*steps, total, *(row for kind in (FLOOR, RIVAL) for row in rows if row.kind == kind)]
    lines = [
        f"| {'' if row.kind == SUM else row.kind + ': '}{row.name} "
        f"| {row.seconds * 1000:.1f} | {row.seconds / copy:.1f} | {row.bound} |"
        for row in ordered
    ]
    return HEAD + "\n".join(lines) + "\n"
