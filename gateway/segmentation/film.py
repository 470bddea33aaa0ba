"""The job of a video: fetched where it has to be, read, segmented, drawn over, written, all at the same time."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway import errors
from gateway.jobs.hand import Hand
from gateway.jobs.job import Result
from gateway.jobs.run import Kind, Run
from gateway.segmentation.film_files import Files
from gateway.segmentation.film_options import FilmOptions
from gateway.segmentation.passage import Passage
from gateway.segmentation.segmenter import Segmenter
from gateway.segmentation.take import Take
from gateway.settings import Settings
from gateway.spool import Spool
from gateway.telemetry import Telemetry
from gateway.video.encoding import Encoding
from gateway.video.facts import Limits
from gateway.video.reader import open_video

NAME = "segment_video"
SOURCE = "source"
# A job's options.
FILM, VIDEO_URL = "film", "video_url"
# What the beginning of a file shows for certain; more of it cannot make it right.
CERTAIN = (
    errors.NotVideoError,
    errors.PictureNotVideoError,
    errors.VideoTooLongError,
    errors.TooManyFramesError,
    errors.TooManyPixelsError,
)


class VideoSource(Protocol):
    """Gets a video by its address into a file; `fetch.Fetcher` is the one that goes out."""

    async def download(self, url: str, spool: Spool) -> None:
        """Raises a GatewayError."""
        ...


@dataclass(frozen=True, slots=True)
class Studio:
    """Makes what is asked of videos."""

    settings: Settings
    segmenter: Segmenter
    fetcher: VideoSource
    telemetry: Telemetry

    @property
    def kind(self) -> Kind:
        """After a restart a job begins again with its first frame: an MP4 that was not finished has no index, and the
        state of a sequence is gone with it. What was uploaded or fetched is still there.
        """
        return Kind(NAME, self._work)

    async def examine(self, path: Path) -> None:
        """Raises one of `errors.VIDEO` for a file that no job could read. Decodes its first frame."""
        (await asyncio.to_thread(open_video, path, Limits.of(self.settings))).close()

    async def glance(self, path: Path) -> None:
        """The same for a file that is not all there, as far as its beginning tells."""
        try:
            await self.examine(path)
        except CERTAIN:
            raise
        except errors.VIDEO:
            return

    async def _work(self, run: Run) -> Sequence[Result]:
        options = FilmOptions.model_validate(run.job.options[FILM])
        source = run.folder / SOURCE
        if not await asyncio.to_thread(source.exists):
            await self._fetch(str(run.job.options[VIDEO_URL]), source)
        passage = Passage(self.segmenter, options.network, options.smoothing, self.settings.video_patience_seconds)
        async with AsyncExitStack() as stack:
            reading, writing = [
                await stack.enter_async_context(Hand(f"{what} of job {run.job.id}")) for what in ("frames", "files")
            ]
            opened = await reading.call(open_video, source, Limits.of(self.settings), self.settings.video_threads)
            video = await stack.enter_async_context(reading.within(opened))
            files = Files(run.folder, options, source, video.facts, Encoding.of(self.settings))
            meter = stack.enter_context(self.telemetry.stream("file"))
            take = Take(run, video, files, passage, meter)
            async with writing.within(files):
                await take.record(reading, writing)
            take.tell()
        return options.results

    async def _fetch(self, url: str, target: Path) -> None:
        if not url:
            raise errors.EmptyVideoError("the video that was uploaded is gone")
        part = target.with_name(f"{SOURCE}.part")
        async with Spool(part, self.glance) as spool:
            await self.fetcher.download(url, spool)
        await asyncio.to_thread(part.rename, target)
