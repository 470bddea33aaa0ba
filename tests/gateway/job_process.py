"""A process that works on a video job until it is killed: `python -m tests.gateway.job_process FOLDER RESUMES PAUSE`.

Submits one job if no job is there yet, of FOLDER/source.mp4; PAUSE are the seconds after each frame.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.jobs.job import Result
from gateway.jobs.run import Kind, Run
from gateway.jobs.service import Jobs
from gateway.settings import Settings
from gateway.video.encoding import Encoding
from gateway.video.reader import open_video
from gateway.video.writer import VideoWriter
from tests.gateway.clips import LIMITS


def kind(pause_s: float, *, resumes: bool) -> Kind:
    """Writes the job's video anew, frame by frame."""

    def rewrite(run: Run) -> None:
        source = run.folder / "source.mp4"
        with (
            open_video(source, LIMITS) as video,
            VideoWriter(run.folder / "result.mp4", video.facts, Encoding(), source, run.progress) as writer,
        ):
            for frame in video.frames():
                writer.write(frame.pixels, frame.time, frame.duration)
                time.sleep(pause_s)

    async def work(run: Run) -> Sequence[Result]:
        await run.in_thread(rewrite, run)
        return [Result("result.mp4", "video/mp4")]

    return Kind("rewrite", work, resumes)


def settings(folder: Path) -> Settings:
    return Settings(jobs=folder / "jobs", job_progress_interval_seconds=0.02)


async def main(folder: Path, pause_s: float, *, resumes: bool) -> None:
    async with Jobs(settings(folder), [kind(pause_s, resumes=resumes)]) as jobs:
        known = folder / "job"
        if not known.exists():
            async with jobs.draft() as draft:
                (folder / "source.mp4").rename(draft.folder / "source.mp4")
                known.write_text((await jobs.submit(draft, "rewrite", {})).id)
        async for job in jobs.changes(known.read_text()):
            sys.stdout.write(f"{job.state} {job.progress.done}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[3]), resumes=sys.argv[2] == "True"))
