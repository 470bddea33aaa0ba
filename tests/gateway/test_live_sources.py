"""Encoded chunks and an operator's sources over a real socket, and the command that watches one."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import av
import httpx
import pytest
from fastapi import FastAPI

from gateway.cli.__main__ import main
from gateway.settings import Settings
from tests.gateway.clips import Clip
from tests.gateway.servers import listening
from tests.gateway.viewers import shown, viewing

FRAMES = 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    film = Clip().write(tmp_path / "shelf.mp4", [shown(60)] * FRAMES)
    sources = {"demo": str(film), "away": f"rtsp://user:secret@127.0.0.1:1/{tmp_path.name}"}
    return Settings.model_validate(
        {
            "model_repository": tmp_path,
            "canary_interval_seconds": 0.02,
            "stream_sources": sources,
            "stream_source_timeout_seconds": 2,
        }
    )


@pytest.fixture
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port, asyncio.timeout(60):
        yield port


@pytest.mark.parametrize(
    ("name", "codec", "muxer"),
    [
        ("film.webm", "libvpx", {}),
        ("film.webm", "libvpx-vp9", {}),
        ("film.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("film.ts", "libx264", {}),
    ],
)
async def test_chunks_cut_anywhere_become_frames(
    port: int, tmp_path: Path, name: str, codec: str, muxer: dict[str, str]
) -> None:
    data = Clip(codec=codec, muxer=muxer).write(tmp_path / name, [shown(60)] * FRAMES).read_bytes()
    async with viewing(port, input="chunks", output="json", complete=True) as viewer:
        for start in range(0, len(data), 777):
            await viewer.send(data[start : start + 777])
        await viewer.say(end=True)
        heard = [await viewer.hear() for _ in range(FRAMES)]
        assert (await viewer.ended())[0] == 1000
    assert [message["frame"] for message in heard] == list(range(FRAMES))
    assert [message["shares"]["product"] for message in heard] == [1] * FRAMES
    seconds = [message["seconds"] for message in heard]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("data", [b"no video at all" * 100, b""])
async def test_chunks_that_are_no_video_end_the_stream(port: int, data: bytes) -> None:
    async with viewing(port, input="chunks") as viewer:
        await viewer.send(data)
        await viewer.say(end=True)
        assert (await viewer.hear())["error"] == "not_video"
        assert (await viewer.ended())[0] == 1007


async def test_a_source_is_decoded_once_for_all_who_watch(port: int, app: FastAPI) -> None:
    async with (
        viewing(port, input="source", source="demo", output="json") as one,
        viewing(port, input="source", source="demo", output="json") as other,
    ):
        assert (await one.hear_of("frame"))["shares"]["product"] == 1
        assert (await other.hear_of("frame"))["shares"]["product"] == 1
        assert len(app.state.parts.relays._open) == 1
        numbers = [(await one.hear_of("frame"))["frame"] for _ in range(FRAMES + 5)]  # it begins again at its end
        assert numbers == sorted(set(numbers))
    async with asyncio.timeout(5):
        while app.state.parts.relays._open:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)


async def test_a_source_that_is_away_is_told_without_its_address_and_counted(port: int) -> None:
    async with viewing(port, input="source", source="away") as viewer:
        lost = await viewer.hear_of("source")
        while lost["state"] != "lost":
            lost = await viewer.hear_of("source")
    assert lost["detail"].startswith("the source cannot be read")
    assert "secret" not in json.dumps(lost)
    assert "127.0.0.1" not in json.dumps(lost)
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'gateway_stream_errors_total{kind="live",reason="source_lost"} ' in metrics


async def test_the_command_sees_every_frame_of_a_file_in_order(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = Clip(sound="aac").write(tmp_path / "in.mp4", [shown(60 + 50 * (at % 2)) for at in range(FRAMES)])
    out, facts = tmp_path / "out.mp4", tmp_path / "facts.jsonl"
    given = ["stream", str(film), "--gateway", f"http://127.0.0.1:{port}", "--out", str(out), "--jsonl", str(facts)]
    assert await asyncio.to_thread(main, given) == 0
    lines = [json.loads(line) for line in facts.read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(FRAMES))
    assert [line["counts"]["product"] for line in lines] == [1, 0] * (FRAMES // 2)
    with av.open(str(out)) as video:
        assert sum(1 for _ in video.decode(video=0)) == FRAMES
        assert video.streams.audio
    assert f"{FRAMES} frames, 0 dropped, 0 failed" in capsys.readouterr().err


async def test_the_command_says_what_is_wrong(port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = Clip().write(tmp_path / "in.mp4", [shown(60)])
    url = ["--gateway", f"http://127.0.0.1:{port}"]
    assert await asyncio.to_thread(main, ["stream", str(film), *url, "--network", "best"]) == 1
    assert "there are: default" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["stream", str(tmp_path / "none.mp4"), *url]) == 1
    assert "cannot be opened" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["stream", "tape://1", *url]) == 2
