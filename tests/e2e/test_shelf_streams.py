"""Live streams through a real gateway and a real server: many at once, some badly behaved, and then the tool."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect

from gateway.video.reader import open_video
from tests.e2e.gateways import wait_until
from tests.e2e.shelf_place import CANDIDATES, COLOURS, Front, Place, coloured, filmed_clip, memory_bytes, served
from tests.gateway import clips, films
from tests.gateway.clips import LIMITS
from tests.gateway.deaf import deaf, fed
from tests.gateway.viewers import file_of, viewing

pytestmark = pytest.mark.e2e

CLIENTS, RATE, SECONDS = 30, 30, 4
OPEN = 'gateway_streams_open{kind="live"}'
SLOW = 'gateway_stream_errors_total{kind="live",reason="slow_client"}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("streams")) as place:
        yield place


@pytest.fixture(scope="module")
def front(place: Place) -> Iterator[Front]:
    with place.gateway(GATEWAY_STREAM_SEND_TIMEOUT_SECONDS="2") as front:
        yield front


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [file_of(picture) for picture in coloured(filmed_clip(7, 15, 192))]


@dataclass
class Heard:
    """What one client was told; `latencies` in seconds from sending a frame to its answer."""

    sent: list[float] = field(default_factory=list)
    answered: int = 0
    dropped: int = 0
    latencies: list[float] = field(default_factory=list)
    last: dict[str, object] = field(default_factory=dict)


async def watched(port: int, pictures: list[bytes]) -> Heard:
    """Sends frames in real time, whatever is answered, and hears until the gateway has said all."""
    heard = Heard()
    async with connect(f"ws://127.0.0.1:{port}/api/stream", compression=None, open_timeout=60) as socket:
        await socket.send(json.dumps({"input": "frames", "output": "json", "network": COLOURS}))
        assert json.loads(await socket.recv())["type"] == "ready"

        async def send() -> None:
            begun = time.monotonic()
            for number in range(RATE * SECONDS):
                await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
                heard.sent.append(time.monotonic())
                await socket.send(pictures[number % len(pictures)])
            await socket.send('{"end": true}')

        sending = asyncio.create_task(send())
        async for text in socket:
            heard.last = json.loads(text)
            if heard.last["type"] == "frame":
                heard.answered += 1
                heard.dropped = int(str(heard.last["dropped"]))
                heard.latencies.append(time.monotonic() - heard.sent[int(str(heard.last["frame"]))])
        await sending
    return heard


@asynccontextmanager
async def most_memory(*pids: int) -> AsyncIterator[list[int]]:
    """What processes hold at first and, behind that, as it goes on."""
    found = [memory_bytes(*pids)]

    async def look() -> None:
        while True:
            await asyncio.sleep(0.5)
            found.append(await asyncio.to_thread(memory_bytes, *pids))

    looking = asyncio.create_task(look())
    yield found
    looking.cancel()


async def test_thirty_clients_at_thirty_frames_a_second_all_get_answers(
    place: Place, front: Front, pictures: list[bytes]
) -> None:
    """Beside one that never reads and one that is killed."""
    noise = file_of(np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8), "PNG")
    command = [sys.executable, "-m", "gateway.cli", "stream", "--url", str(front.client.base_url)]
    film = clips.Clip().write(place.folder / "long.mp4", [films.banded(number) for number in range(400)])
    async with most_memory(front.pid, place.session.pid) as memory:
        reader, writer = await deaf(front.port, network=COLOURS, output="overlay", opacity=0, quality=95)
        feeding = asyncio.create_task(fed(writer, noise))
        killed = await asyncio.create_subprocess_exec(*command, "--network", COLOURS, str(film))
        watching = [asyncio.create_task(watched(front.port, pictures)) for _ in range(CLIENTS)]
        await asyncio.sleep(SECONDS / 2)
        killed.kill()
        found = await asyncio.gather(*watching)
        await asyncio.to_thread(wait_until, lambda: front.metric(OPEN) == 0)
        await asyncio.gather(feeding, return_exceptions=True)
    await killed.wait()
    writer.transport.abort()
    del reader
    latencies = np.concatenate([one.latencies for one in found])
    answered = [one.answered for one in found]
    grown = (max(memory) - memory[0]) / 1e6
    p50, p95 = np.percentile(latencies, (50, 95))
    told = f"{sum(answered)} of {CLIENTS * RATE * SECONDS} answered, {min(answered)} to {max(answered)} of each"
    sys.stdout.write(f"{told}; p50 {p50:.2f} s, p95 {p95:.2f} s; {grown:.0f} MB more\n")
    assert all((one.last["type"], one.last["code"]) == ("closing", 1000) for one in found)
    assert all(one.answered + one.dropped == len(one.sent) for one in found), "each is answered or dropped"
    assert min(answered) >= 2
    assert min(answered) > 0.3 * max(answered), "nobody starves"
    # Two frames of each are under way and one waits: that many more must have been answered before the last one was.
    assert latencies.max() < 4 * 3 * CLIENTS * SECONDS / sum(answered) + 5
    assert grown < 800, "MB; 60 frames under way, each of them 0.8 MB and in several hands"
    assert front.metric(SLOW) == 1


async def test_clients_that_hang_up_leave_neither_stream_nor_sequence(front: Front, pictures: list[bytes]) -> None:
    """More of them than the server takes sequences at a time: the next one would wait until the oldest is forgotten."""
    for _ in range(CANDIDATES + 4):
        async with viewing(front.port, input="frames", network=COLOURS) as viewer:
            await viewer.send(*pictures[:3])
            await viewer.hear_of("frame")
            viewer.socket.transport.abort()
    await asyncio.to_thread(wait_until, lambda: front.metric(OPEN) == 0)
    async with asyncio.timeout(20), viewing(front.port, input="frames", network=COLOURS) as viewer:
        await viewer.send(pictures[0])
        assert (await viewer.hear_of("frame"))["flicker"] is None


def test_the_tool_writes_each_frame_of_a_file(front: Front, tmp_path: Path) -> None:
    source = clips.Clip(sound="aac").write(tmp_path / "aisle.mp4", [films.banded(number) for number in range(30)])
    out, facts = tmp_path / "out.mp4", tmp_path / "facts.jsonl"
    command = [sys.executable, "-m", "gateway.cli", "stream", "--url", str(front.client.base_url), str(source)]
    options = ["--network", COLOURS, "--opacity", "0", "--out", str(out), "--jsonl", str(facts)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert films.numbers(out) == list(range(30))
    assert clips.packets(out, "audio") == clips.packets(source, "audio")
    assert [line["frame"] for line in films.lines(facts)] == list(range(30))
    with open_video(out, LIMITS) as video:
        assert video.facts.duration_s == 1
