"""Live streams over a real socket, with a network that sees a class in the colour red."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from obstore.store import MemoryStore
from websockets.exceptions import ConnectionClosed

from gateway.app import create_app
from gateway.errors import InferenceUnavailableError
from gateway.settings import Settings
from imaging.rle import decode
from tests.gateway.fakes import FakeFetcher, FakeInference
from tests.gateway.servers import listening
from tests.gateway.viewers import Viewer, file_of, pixels_of, shown, viewing

PRODUCT, TAG = 60, 110


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        model_repository=tmp_path,
        canary_interval_seconds=0.02,
        max_video_pixels=100_000,
        max_streams=3,
        stream_idle_timeout_seconds=2,
        stream_origins=("https://shop.example",),
    )


@pytest.fixture
async def port(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    async with listening(app, settings) as port, asyncio.timeout(30):
        yield port


async def test_a_frame_comes_back_with_its_classes_over_it(port: int) -> None:
    async with viewing(port, input="frames", opacity=1) as viewer:
        await viewer.send(file_of(shown(PRODUCT)))
        facts, picture = await viewer.hear(), await viewer.see()
    assert facts["type"] == "frame"
    assert (facts["frame"], facts["dropped"], facts["width"], facts["height"]) == (0, 0, 96, 64)
    assert facts["shares"]["product"] == 1
    assert facts["counts"] == {"product": 1, "tag": 0, "board": 0, "empty": 0}
    assert (facts["confidence"], facts["flicker"], facts["coverage"]) == (0.75, None, 1)
    assert {"wait", "decode", "resize", "network", "draw", "encode", "total"} <= set(facts["timings"])
    assert facts["picture"] == "image/jpeg"
    assert pixels_of(picture).shape == (64, 96, 3)
    assert abs(pixels_of(picture).mean((0, 1)) - (0, 158, 115)).max() < 4


async def test_masks_are_pictures_of_class_values(port: int) -> None:
    async with viewing(port, input="frames", output="mask") as viewer:
        frame = shown(PRODUCT)
        frame[:, 48:, 0] = TAG
        await viewer.send(file_of(frame, "PNG"))
        facts, mask = await viewer.hear(), pixels_of(await viewer.see())
    assert facts["picture"] == "image/png"
    assert mask.shape == (64, 64)
    assert (mask[:, :31] == 1).all()
    assert (mask[:, 33:] == 2).all()


async def test_rle_and_facts_come_without_a_picture(port: int) -> None:
    async with viewing(port, input="frames", output="rle") as viewer:
        await viewer.send(file_of(shown(TAG), "WEBP"))
        facts = await viewer.hear()
        assert facts["picture"] is None
        assert set(facts["rle"]) == {"tag"}
        assert decode(facts["rle"]["tag"]).all()
        await viewer.say(output="json")
        await viewer.send(file_of(shown(TAG)))
        facts = await viewer.hear()
        assert facts["frame"] == 1
        assert "rle" not in facts


async def test_a_stream_ends_after_its_last_answer_when_the_client_says_so(port: int, inference: FakeInference) -> None:
    inference.delay_s = 0.05
    async with viewing(port, input="frames", output="json", complete=True) as viewer:
        await viewer.send(*[file_of(shown(PRODUCT))] * 12)
        await viewer.say(end=True)
        assert [(await viewer.hear())["frame"] for _ in range(12)] == list(range(12))
        assert (await viewer.hear())["type"] == "closing"
        assert await viewer.ended() == (1000, "all frames are answered")
    assert inference.videos[0].ended


async def test_a_live_stream_drops_the_oldest_and_says_how_many(port: int, inference: FakeInference) -> None:
    inference.delay_s = 0.1
    async with viewing(port, input="frames", output="json") as viewer:
        for _ in range(30):
            await viewer.send(file_of(shown(PRODUCT)))
            await asyncio.sleep(0.01)
        await viewer.say(end=True)
        heard = []
        while (message := await viewer.hear())["type"] == "frame":
            heard.append(message)
    numbers = [message["frame"] for message in heard]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 29
    assert len(numbers) + heard[-1]["dropped"] == 30
    assert heard[-1]["dropped"] > 15
    assert max(message["timings"]["wait"] for message in heard) < 250


async def test_most_frames_per_second_are_kept_to(port: int) -> None:
    async with viewing(port, input="frames", output="json", max_fps=20) as viewer:
        started = asyncio.get_running_loop().time()
        for _ in range(50):
            await viewer.send(file_of(shown(PRODUCT)))
            await asyncio.sleep(0.01)
        await viewer.say(end=True)
        heard = 0
        while (await viewer.hear())["type"] == "frame":
            heard += 1
        seconds = asyncio.get_running_loop().time() - started
    assert heard <= 20 * seconds + 2
    assert heard >= 5


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("{", "JSON object"),
        ("[]", "JSON object"),
        ("{}", "input: Field required"),
        ('{"input": "tape"}', "'frames', 'chunks' or 'source'"),
        ('{"input": "frames", "speed": 2}', "speed is no option; there are input, source, output"),
        ('{"input": "frames", "quality": 101}', "less than or equal to 100"),
        ('{"input": "frames", "smoothing": 1}', "less than 1"),
        ('{"input": "frames", "source": "door"}', "belongs to no other input"),
        ('{"input": "source", "source": "door"}', "no source has the name 'door'; there are: none"),
        ('{"input": "frames", "network": "best"}', "there are: default"),
        (b"picture", "the first message is text"),
    ],
)
async def test_wrong_options_are_refused_in_words(port: int, first: str | bytes, said: str) -> None:
    async with viewing(port) as viewer:
        await viewer.socket.send(first)
        closing = await viewer.hear_of("closing")
        assert closing["error"] == "invalid_option"
        assert said in closing["detail"]
        code, reason = await viewer.ended()
    assert code == 1008
    assert reason
    assert closing["detail"].startswith(reason)


@pytest.mark.parametrize(
    ("data", "error", "code"),
    [
        (b"", "unreadable_picture", 1007),
        (b"no picture", "unsupported_type", 1007),
        (file_of(shown(PRODUCT))[:300], "unreadable_picture", 1007),
        (file_of(shown(PRODUCT, 400, 300)), "too_many_pixels", 1008),
    ],
)
async def test_three_broken_frames_in_a_row_end_the_stream(port: int, data: bytes, error: str, code: int) -> None:
    async with viewing(port, input="frames", output="json", complete=True) as viewer:
        good = file_of(shown(PRODUCT))
        await viewer.send(data, data, good, data, data, data)
        heard = [await viewer.hear() for _ in range(7)]
        assert [message["type"] for message in heard] == ["error", "error", "frame", *["error"] * 3, "closing"]
        assert [message.get("frame") for message in heard] == [0, 1, 2, 3, 4, 5, None]
        assert {message["error"] for message in heard if message["type"] != "frame"} == {error}
        assert (await viewer.ended())[0] == code


async def test_a_message_beyond_the_limit_is_refused(tmp_path: Path, inference: FakeInference) -> None:
    small = Settings(model_repository=tmp_path, canary_interval_seconds=0.02, max_stream_message_bytes=2000)
    app = create_app(small, inference, MemoryStore(), FakeFetcher({}))
    async with listening(app, small) as port, viewing(port, input="frames") as viewer:
        await viewer.send(bytes(4000))
        assert (await viewer.ended())[0] == 1009


async def test_an_idle_client_is_let_go(port: int) -> None:
    async with viewing(port, input="frames") as viewer:
        assert (await viewer.hear())["error"] == "stream_idle"
        assert await viewer.ended() == (1008, "nothing came for 2 s")


async def test_no_more_streams_than_allowed(port: int, app: FastAPI) -> None:
    async with viewing(port, input="frames"), viewing(port, input="frames"):
        async with viewing(port, input="frames") as third, viewing(port) as fourth:
            assert (await fourth.hear())["error"] == "busy"
            code, reason = await fourth.ended()
            assert code == 1013
            assert "3 live streams" in str(reason)
            await third.send(file_of(shown(PRODUCT)))
            assert (await third.hear())["frame"] == 0
        await _settled(app, 2)
        async with viewing(port, input="frames"):
            pass
    await _settled(app, 0)


async def test_a_server_that_is_away_for_a_moment_costs_only_the_frames_meanwhile(
    port: int, inference: FakeInference
) -> None:
    async with viewing(port, input="frames", output="json") as viewer:
        inference.failure = InferenceUnavailableError("the server is not available")
        await viewer.send(file_of(shown(PRODUCT)))
        trouble = await viewer.hear()
        assert (trouble["type"], trouble["error"], trouble["frame"]) == ("error", "inference_unavailable", 0)
        inference.failure = None
        await viewer.send(file_of(shown(PRODUCT)))
        assert (await viewer.hear())["frame"] == 1


async def test_a_server_that_stays_away_ends_the_stream(tmp_path: Path, inference: FakeInference) -> None:
    settings = Settings(model_repository=tmp_path, canary_interval_seconds=0.02, stream_outage_timeout_seconds=0.5)
    app = create_app(settings, inference, MemoryStore(), FakeFetcher({}))
    async with listening(app, settings) as port, viewing(port, input="frames", output="json") as viewer:
        inference.failure = InferenceUnavailableError("the server is not available")
        with pytest.raises(ConnectionClosed):
            await _send_on(viewer)
        assert (await viewer.ended()) == (1013, "the server is not available")


async def _send_on(viewer: Viewer) -> None:
    while True:
        await viewer.send(file_of(shown(PRODUCT)))
        await asyncio.sleep(0.05)


async def _settled(app: FastAPI, streams: int) -> None:
    async with asyncio.timeout(5):
        while app.state.parts.streams.open != streams:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
