"""All files that are asked for of a video, filled together."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from gateway.errors import VideoNotWrittenError
from gateway.segmentation.film_file import FilmFile
from gateway.segmentation.film_masks import mask_zip, rle_lines
from gateway.segmentation.film_options import RESULTS, FilmOptions, Output
from gateway.segmentation.film_tables import csv_table, parquet_table
from gateway.segmentation.segmenter import Segmented
from gateway.video.encoding import Encoding
from gateway.video.facts import Facts
from gateway.video.reader import Frame
from gateway.video.writer import VideoWriter

OPENERS: Mapping[Output, Callable[[Path], AbstractContextManager[FilmFile]]] = MappingProxyType(
    {Output.MASKS: mask_zip, Output.RLE: rle_lines, Output.CSV: csv_table, Output.PARQUET: parquet_table}
)


class OverlayVideo:
    """The frames with their classes' colours over them."""

    def __init__(self, writer: VideoWriter, options: FilmOptions) -> None:
        self._writer, self._options = writer, options

    def add(self, frame: Frame, segmented: Segmented) -> None:
        from imaging.overlay import overlay

        drawn = overlay(frame.pixels, segmented.mask, self._options.opacity, self._options.outline)
        self._writer.write(drawn, frame.time, frame.duration)


class Files:
    """All that is asked for, in a job's folder; written over what an earlier attempt left. Raises VideoNotWrittenError,
    NoEncoderError, or InvalidOptionError where Parquet cannot be written.
    """

    def __init__(self, folder: Path, options: FilmOptions, source: Path, facts: Facts, encoding: Encoding) -> None:
        self._folder, self._options = folder, options
        self._video = VideoWriter(folder / RESULTS[Output.VIDEO].name, facts, encoding, source)
        self._files: list[FilmFile] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with _kept(), ExitStack() as stack:
            self._files = [stack.enter_context(self._open(output)) for output in self._options.outputs]
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _kept():
            self._stack.__exit__(kind, error, trace)

    @property
    def skipped_sound(self) -> int:
        """Packets; known at the end."""
        return self._video.written.skipped_sound if self._video.written else 0

    def add(self, frame: Frame, segmented: Segmented) -> None:
        with _kept():
            for file in self._files:
                file.add(frame, segmented)

    def _open(self, output: Output) -> AbstractContextManager[FilmFile]:
        path = self._folder / RESULTS[output].name
        if output is Output.VIDEO:
            return _overlay_video(self._video, self._options)
        return OPENERS[output](path)


@contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VideoNotWrittenError.of("the results cannot be written", error) from error


@contextmanager
def _overlay_video(writer: VideoWriter, options: FilmOptions) -> Iterator[FilmFile]:
    with writer:
        yield OverlayVideo(writer, options)
