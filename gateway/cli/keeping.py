"""What `stream` keeps: a video with the classes drawn over it, and a line of facts for every frame."""

import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from gateway.cli.client import ToolError
from gateway.cli.footage import Footage, Frame
from gateway.errors import GatewayError
from gateway.settings import Settings
from gateway.video.colour import Colour
from gateway.video.encoding import Encoding
from gateway.video.facts import Facts
from gateway.video.writer import VideoWriter

LEFT_OUT = ("type", "picture", "timings")


class Keeping:
    """For as long as a `with`; a video that is not finished leaves no file, the lines stay as far as they came."""

    def __init__(self, video: Path | None, lines: Path | None, opacity: float) -> None:
        self._video, self._lines, self._opacity = video, lines, opacity
        self._exit = ExitStack()
        self._writer: VideoWriter | None = None
        self._file: TextIO | None = None
        self._last: Fraction | None = None

    @property
    def wants_masks(self) -> bool:
        return self._video is not None

    def __enter__(self) -> Self:
        if self._lines is not None:
            self._file = self._exit.enter_context(self._lines.open("w", encoding="utf-8"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def take(self, footage: Footage, frame: Frame, message: Mapping[str, Any], mask: bytes | None) -> None:
        """One answered frame. Raises ToolError where it cannot be written."""
        if self._file is not None:
            facts = {name: value for name, value in message.items() if name not in LEFT_OUT}
            self._file.write(json.dumps({**facts, "seconds": round(float(frame.time), 6)}) + "\n")
            self._file.flush()
        if mask is None or self._video is None:
            return
        try:
            self._write(footage, frame, mask)
        except (GatewayError, ValueError) as error:
            raise ToolError(f"{self._video} cannot be written: {error}") from error

    def _write(self, footage: Footage, frame: Frame, mask: bytes) -> None:
        from PIL import Image

        from imaging.overlay import overlay

        assert self._video is not None  # noqa: S101 - asked before
        if self._writer is None:
            facts = footage.facts or _facts(frame)
            writer = VideoWriter(self._video, facts, Encoding.of(Settings()), footage.path)
            self._writer = self._exit.enter_context(writer)
        with Image.open(io.BytesIO(mask)) as picture:
            classes = np.asarray(picture)
        drawn = overlay(frame.pixels, classes, self._opacity)
        self._writer.write(drawn, frame.time, frame.duration)


def _facts(frame: Frame) -> Facts:
    """Of a camera, which says little of itself."""
    height, width = frame.pixels.shape[:2]
    return Facts(
        container="",
        codec="",
        pixel_format="",
        width=width,
        height=height,
        pixel_aspect=Fraction(1),
        rotation=0,
        mirrored=False,
        interlaced=False,
        rate=None,
        time_base=Fraction(1, 90_000),
        start_s=Fraction(0),
        duration_s=None,
        duration_is_its_own=False,
        frames=None,
        colour=Colour("bt709", full_range=False, guessed=True, hdr=None),
        sounds=(),
    )
