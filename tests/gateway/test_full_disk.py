"""A gateway whose jobs lie on a disk of two megabytes: what does not fit fails by name, and all else goes on."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.clips import Clip
from tests.gateway.film_process import Gateway, gateway
from tests.gateway.films import ALL, clip, ended, post

KIB = 1024
# A mount of its own, which nobody else sees and which is gone with the process.
APART = ("unshare", "--map-root-user", "--mount", "sh", "-c")
MOUNT = 'mkdir "$0" && mount -t tmpfs -o size=2m none "$0" && exec "$@"'


def can_mount() -> bool:
    try:
        return subprocess.run([*APART, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass(frozen=True, slots=True)
class Disk:
    """The gateway's small disk, seen from outside of its namespace."""

    root: Path

    def leave(self, size_bytes: int) -> None:
        """Fills it up until so much is left."""
        self.clear()
        stat = os.statvfs(self.root)
        (self.root / "filler").write_bytes(bytes(stat.f_bavail * stat.f_frsize - size_bytes))

    def clear(self) -> None:
        (self.root / "filler").unlink(missing_ok=True)

    def jobs(self) -> list[str]:
        return [path.name for path in (self.root / "files").iterdir()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if not can_mount():
        pytest.skip("no mount namespaces here: unshare of util-linux needs them")
    folder = tmp_path_factory.mktemp("full")
    with gateway(folder, before=(*APART, MOUNT, str(folder / "jobs"))) as served:
        yield served


@pytest.fixture
def disk(served: Gateway) -> Iterator[Disk]:
    disk = Disk(Path(f"/proc/{served.process.pid}/root") / served.folder.relative_to("/"))
    yield disk
    disk.clear()


@pytest.fixture
async def client(served: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = clip(tmp_path_factory.mktemp("clips") / "aisle.mp4", 30, Clip(sound="aac"))
    assert path.stat().st_size > 20 * KIB
    return path


async def done(client: httpx.AsyncClient, source: Path, **fields: str) -> dict[str, Any]:
    """A job that is, and of which nothing is left afterwards."""
    job = await ended(client, await post(client, source, **fields))
    assert job["state"] == "done", job["error"]
    for one in job["results"]:
        assert len((await client.get(one["url"])).content) == one["size_bytes"]
    return job


@pytest.mark.parametrize("spare", [0, 4, 12, 19, 20])
async def test_an_upload_that_does_not_fit_is_refused(
    client: httpx.AsyncClient, disk: Disk, source: Path, spare: int
) -> None:
    before = disk.jobs()
    disk.leave(spare * KIB)
    answer = await post(client, source, outputs="csv")
    assert (answer.status_code, answer.json()["code"]) == (507, "video_not_written")
    assert answer.json()["detail"] == "the video cannot be kept: the disk is full"
    assert disk.jobs() == before
    disk.clear()
    await done(client, source, outputs="csv")


@pytest.mark.parametrize("spare", [40, 64, 84, 112])
async def test_a_job_whose_results_do_not_fit_fails_by_name(
    client: httpx.AsyncClient, disk: Disk, source: Path, spare: int
) -> None:
    before = disk.jobs()
    disk.leave(spare * KIB)
    job = await ended(client, await post(client, source, outputs=ALL))
    assert (job["state"], job["results"], job["error"]["code"]) == ("failed", [], "video_not_written")
    assert job["error"]["detail"].endswith(": the disk is full")
    assert disk.jobs() == before, "what filled the disk is gone"


async def test_a_job_that_just_fits_or_just_does_not_comes_to_its_end(
    client: httpx.AsyncClient, disk: Disk, source: Path
) -> None:
    outcomes = list[str | None]()
    for spare in range(112, 168, 8):
        disk.leave(spare * KIB)
        job = await ended(client, await post(client, source, outputs=ALL))
        outcomes.append(job["error"] and job["error"]["code"])
        await client.delete(job["urls"]["self"])
    assert (outcomes[0], outcomes[-1]) == ("video_not_written", None), outcomes
    assert set(outcomes) == {"video_not_written", None}


async def test_a_job_that_waits_behind_one_that_fills_the_disk_is_done(
    client: httpx.AsyncClient, disk: Disk, source: Path
) -> None:
    disk.leave(112 * KIB)
    large = await post(client, source, outputs=ALL)
    await done(client, source, outputs="csv")
    assert (await ended(client, large))["error"]["code"] == "video_not_written"


async def test_a_full_disk_hides_no_job(client: httpx.AsyncClient, disk: Disk, source: Path) -> None:
    known = await done(client, source, outputs="csv")
    disk.leave(0)
    assert (await client.get(known["urls"]["self"])).json() == known
    assert (await client.get(known["results"][0]["url"])).status_code == 200
    assert (await post(client, source)).status_code == 507
    disk.clear()
    await done(client, source, outputs=ALL)
