"""What a whole gateway holds while videos go through it: a few frames, however long they are."""

from pathlib import Path

import httpx

from tests.gateway.clips import Clip, numbered
from tests.gateway.film_process import gateway
from tests.gateway.films import ALL, ended, post

WIDTH, HEIGHT, COUNT = 480, 272, 50
FRAME_BYTES = WIDTH * HEIGHT * 3
TIMES = 4
# Well below what the frames that one clip has more than the other would take, or their masks.
MOST_BYTES = 40 * FRAME_BYTES


def clip(path: Path, count: int) -> Path:
    """Twice as large as what may be held: a box that says nothing follows the frames."""
    how = Clip(options={"preset": "ultrafast"}, sound="aac", sound_seconds=count / 30)
    how.write(path, [numbered(number, WIDTH, HEIGHT) for number in range(count)])
    with path.open("ab") as file:
        file.write((2 * MOST_BYTES).to_bytes(4) + b"free" + bytes(2 * MOST_BYTES - 8))
    return path


async def test_a_video_four_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    short, long = clip(tmp_path / "short.mp4", COUNT), clip(tmp_path / "long.mp4", TIMES * COUNT)
    peaks = list[int]()
    with gateway(tmp_path) as served:
        async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
            for path in (short, short, long):
                job = await ended(client, await post(client, path, outputs=ALL))
                assert job["state"] == "done", job["error"]
                peaks.append(served.peak_bytes())
    assert peaks[2] - peaks[1] < MOST_BYTES, peaks
