"""The loop that everybody writes: OpenCV reads, a network segments, colours go over the frame, OpenCV writes.

What the service is compared with. One frame after the other, in one process, with the defaults of both libraries.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from imaging.shelf_classes import ShelfClass, palette

OPACITY = 0.5


@dataclass(frozen=True, slots=True)
class Loop:
    """What `python -m perf.opencv_loop` prints as JSON; `seconds` without loading the network."""

    frames: int
    seconds: float


class LoopError(RuntimeError):
    """A file that OpenCV cannot read or write."""


def run(network: Path, source: Path, target: Path) -> Loop:
    """Write `target`, an MP4 (MPEG-4 Part 2: OpenCV's wheels have no H.264), with the classes over `source`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    side = int(session.get_inputs()[0].shape[1])
    colours = np.ascontiguousarray(palette()[:, ::-1])
    start = time.perf_counter()
    reader = cv2.VideoCapture(str(source))
    width, height = (int(reader.get(one)) for one in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(target), code, reader.get(cv2.CAP_PROP_FPS), (width, height))
    if not reader.isOpened() or not writer.isOpened():
        raise LoopError(f"OpenCV cannot read {source} or cannot write {target}")
    frames = 0
    while True:
        there, frame = reader.read()
        if not there:
            break
        small = cv2.cvtColor(cv2.resize(frame, (side, side)), cv2.COLOR_BGR2RGB)
        (found,) = session.run(["mask"], {"pixels": small[None]})
        mask = cv2.resize(found[0], (width, height), interpolation=cv2.INTER_NEAREST)
        drawn = cv2.addWeighted(frame, 1 - OPACITY, colours[mask], OPACITY, 0)
        writer.write(np.where((mask == ShelfClass.BACKGROUND)[..., None], frame, drawn))
        frames += 1
    reader.release()
    writer.release()
    return Loop(frames, time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("network", "source", "target"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    print(json.dumps(asdict(run(given.network, given.source, given.target))))


if __name__ == "__main__":
    main()
