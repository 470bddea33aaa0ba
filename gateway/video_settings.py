"""The knobs of video and of jobs, part of `settings.Settings`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class VideoSettings(BaseSettings):
    """Units stand in the names, as in all settings."""

    max_video_bytes: int = Field(500_000_000, ge=1, title="Video size", description="largest video file")
    max_video_seconds: float = Field(600, gt=0, title="Video length", description="longest video")
    max_video_pixels: int = Field(
        8_847_360,
        ge=1,
        title="Video pixels",
        description="largest width x height of a video's frames",
    )
    max_video_frames_per_second: float = Field(
        120, gt=0, title="Frame rate", description="most frames per second of a video, on average"
    )
    video_upload_timeout_seconds: float = Field(
        600, gt=0, title="Video upload timeout", description="time a client gets to send a whole video"
    )
    video_fetch_timeout_seconds: float = Field(
        600, gt=0, title="Video fetch timeout", description="time to fetch a video by its address"
    )
    video_patience_seconds: float = Field(
        120,
        ge=0,
        title="Patience",
        description="time for which a video's job waits for an inference server that does not answer",
    )
    video_threads: int = Field(
        1, ge=1, le=64, title="Video threads", description="threads that decode one video, and as many that encode it"
    )
    video_encoders: str = Field(
        "libx264,h264_nvenc,h264_qsv,h264_amf,libopenh264",
        pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$",
        title="Encoders",
        description="FFmpeg's video encoders, comma-separated; the first that works here writes the results",
    )
    video_quality: int = Field(
        25,
        ge=0,
        le=51,
        title="Video quality",
        description="quality of written video, 0 (best) to 51 (smallest)",
    )

    jobs: Path = Field(
        Path("jobs"), title="Jobs", description="folder of the jobs' database and files; one gateway at a time uses it"
    )
    max_jobs: int = Field(1, ge=1, le=256, title="Jobs at once", description="jobs that run at the same time")
    max_waiting_jobs: int = Field(100, ge=1, title="Waiting jobs", description="jobs that wait; beyond: 429")
    job_retention_seconds: float = Field(
        86_400, gt=0, title="Jobs' life", description="time for which an ended job and its result files are kept"
    )
    job_progress_interval_seconds: float = Field(
        0.25,
        ge=0.01,
        le=60,
        title="Progress interval",
        description="time between two reports of a job's progress",
    )
