"""Bodies of the answers about jobs."""

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from gateway.jobs.job import Job, State

EXAMPLE_ID = "9f1c2d7ab04e4c55a3d60b1f7e8c2940"


class JobProgress(BaseModel):
    """How much is done, in the job's own units."""

    done: int = Field(description="frames that are written", examples=[1200])
    total: int | None = Field(description="of how many, as far as the file says that", examples=[1800])


class JobError(BaseModel):
    """Why a job failed."""

    code: str = Field(description="what is wrong, for programs: as in the answers to requests", examples=["not_video"])
    detail: str = Field(description="what is wrong, for people")


class JobResult(BaseModel):
    """A file of a job that is done."""

    name: str = Field(examples=["overlay.mp4"])
    media_type: str = Field(examples=["video/mp4"])
    size_bytes: int
    url: str


class JobUrls(BaseModel):
    """Where to ask on."""

    self: str = Field(description="GET: this answer anew; DELETE: cancels")
    events: str = Field(description="GET: server-sent events")
    cancel: str = Field(description="POST: cancels")


class JobAnswer(BaseModel):
    """A job as it is now."""

    id: str = Field(examples=[EXAMPLE_ID])
    kind: str = Field(examples=["segment_video"])
    state: State = Field(description="queued, running, done, failed or cancelled", examples=["running"])
    progress: JobProgress
    counts: dict[str, float] = Field(
        description="what was counted meanwhile", examples=[{"restarts": 0, "skipped_packets": 0}]
    )
    error: JobError | None = Field(description="of a job that failed")
    results: list[JobResult] = Field(description="once the job is done")
    options: dict[str, Any] = Field(description="what was asked for")
    urls: JobUrls
    revision: int = Field(description="grows with every change; the id of the event that tells it", examples=[17])
    attempts: int = Field(description="how often it was begun; more than once after a restart", examples=[1])
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, job: Job, gateway_url: str) -> Self:
        url = f"{gateway_url}/api/jobs/{job.id}"
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            progress=JobProgress(done=job.progress.done, total=job.progress.total),
            counts=dict(job.progress.counts),
            error=None if job.failure is None else JobError(code=job.failure.code, detail=job.failure.detail),
            results=[
                JobResult(
                    name=one.name, media_type=one.media_type, size_bytes=one.size, url=f"{url}/results/{one.name}"
                )
                for one in job.results
            ],
            options=dict(job.options),
            urls=JobUrls(self=url, events=f"{url}/events", cancel=f"{url}/cancel"),
            revision=job.revision,
            attempts=job.attempts,
            created_at=datetime.fromtimestamp(job.created_at, UTC),
            started_at=_time(job.started_at),
            ended_at=_time(job.ended_at),
        )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
