"""What tests of videos' jobs share: clips whose classes a fake network reads off their red, and jobs to their end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from gateway.video.reader import open_video
from tests.gateway.clips import LIMITS, Clip, Pixels, number_in, numbered

PATH = "/api/segment_video"
ALL = "video,masks,rle,csv,parquet"


def banded(number: int) -> Pixels:
    """A numbered picture; below its number lie bands of the five classes, the second one wider with each number."""
    picture = numbered(number)
    edges = [0, 30, 60 + number % 30, 100, 130, picture.shape[1]]
    for value in range(5):
        picture[32:, edges[value] : edges[value + 1]] = (value * 52 + 26, 60, 60)
    return picture


def clip(path: Path, count: int, how: Clip | None = None) -> Path:
    return (how or Clip()).write(path, [banded(number) for number in range(count)])


async def post(client: httpx.AsyncClient, path: Path, **fields: str) -> httpx.Response:
    content = await asyncio.to_thread(path.read_bytes)
    return await client.post(PATH, files={"video": (path.name, content)}, data=fields)


async def ended(client: httpx.AsyncClient, accepted: httpx.Response) -> dict[str, Any]:
    """The job as it is at its end."""
    assert accepted.status_code == 202, accepted.text
    url = accepted.headers["location"]
    async with asyncio.timeout(60):
        while (job := (await client.get(url)).json())["state"] in {"queued", "running"}:  # noqa: ASYNC110 - as a client does
            await asyncio.sleep(0.02)
    assert isinstance(job, dict)
    return job


async def result(client: httpx.AsyncClient, job: dict[str, Any], name: str, folder: Path) -> Path:
    """A job's file, fetched."""
    (url,) = (one["url"] for one in job["results"] if one["name"] == name)
    path = folder / f"fetched-{name}"
    content = (await client.get(url)).content
    await asyncio.to_thread(path.write_bytes, content)
    return path


def numbers(path: Path) -> list[int]:
    with open_video(path, LIMITS) as video:
        return [number_in(frame.pixels) for frame in video.frames()]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def share(mask: np.ndarray[Any, Any], value: int) -> float:
    return float((mask == value).mean())
