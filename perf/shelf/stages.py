"""What each stage of a shelf video costs: CPU time for a frame, on one core."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from imaging import overlay, resize, steady
from perf import bare, steps
from perf.shelf import clip as clips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imaging.arrays import Bytes
    from perf.shelf.clip import Clip

LIVE = "live"
SMOOTHING, OPACITY, JPEG_QUALITY = 0.5, 0.5, 80
SERVED = {"preset": "superfast", "rc-lookahead": "10", "crf": "25", "bf": "0"}  # as the gateway writes video
Answers = list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


def measure(network: Path, clip: Clip, rounds: int) -> list[steps.Row]:
    """Rows of a frame's median CPU seconds: a file's stages, what a live stream has in their stead, and a rival."""
    watch = steps.Watch(rounds, [])
    session = bare.session(str(network), 1, spinning=False)
    with steps.one_core(), tempfile.TemporaryDirectory() as folder:
        frames = watch.step("decode H.264", lambda: clips.decode(clip.path), bound="PyAV, colours to RGB included")
        side = int(session.get_inputs()[0].shape[1])
        squares = watch.step("resize to the square", lambda: [resize.square(frame, side) for frame in frames])
        answers = watch.step("network", lambda: _answers(session, squares), bound="ONNX Runtime, one thread")
        masks = watch.step("smoothing", lambda: _steadied(squares, answers), bound="motion, evidence, flicker")
        drawn = watch.step("draw", lambda: _drawn(frames, masks), bound="colours over the full frame")
        _encoders(watch, frames, drawn, Path(folder), clip)
    return [steps.Row(row.name, row.seconds / clip.frames, row.kind, row.bound) for row in watch.rows]


def jpegs(frames: Sequence[Bytes]) -> list[bytes]:
    """The frames as a camera's client sends them and as the gateway answers them."""
    return [_jpeg(frame) for frame in frames]


def _encoders(watch: steps.Watch, frames: list[Bytes], drawn: list[Bytes], folder: Path, clip: Clip) -> None:
    target = folder / "h264.mp4"
    watch.step("encode H.264", lambda: clips.encode(target, drawn, SERVED), bound="libx264 as served, one thread")
    sent = jpegs(frames)
    watch.step("decode JPEG", lambda: [_pixels(data) for data in sent], LIVE, "Pillow")
    watch.step("encode JPEG", lambda: jpegs(drawn), LIVE, f"Pillow, quality {JPEG_QUALITY}")
    other = folder / "mpeg4.mp4"
    watch.step(
        "encode MPEG-4 Part 2", lambda: _mpeg4(other, drawn, clip), steps.RIVAL, "cv2.VideoWriter, colours to BGR"
    )


def _answers(session: Any, squares: list[Bytes]) -> Answers:  # noqa: ANN401 - onnxruntime has no types
    found = [session.run(["mask", "confidence"], {"pixels": square[None]}) for square in squares]
    return [(mask[0], confidence[0]) for mask, confidence in found]


def _steadied(squares: list[Bytes], answers: Answers) -> list[Bytes]:
    masks, state = [], None
    for square, (mask, confidence) in zip(squares, answers, strict=True):
        found, state = steady.steadied(state, square, mask, confidence, SMOOTHING)
        masks.append(found.mask)
    return masks


def _drawn(frames: list[Bytes], masks: list[Bytes]) -> list[Bytes]:
    return [overlay.overlay(frame, mask, OPACITY) for frame, mask in zip(frames, masks, strict=True)]


def _jpeg(frame: Bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _pixels(data: bytes) -> Bytes:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.uint8)


def _mpeg4(path: Path, frames: list[Bytes], clip: Clip) -> None:
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, clips.RATE, (clip.width, clip.height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
