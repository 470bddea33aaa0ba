"""A video of which no frame comes for longer than the server keeps it: what Triton says, what the gateway does."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput, InferResult
from tritonclient.utils import InferenceServerException

from tests.e2e.shelf_place import COLOURS, SIDE, Place, coloured, filmed_clip, served
from tests.gateway.viewers import file_of, shown, viewing

pytestmark = pytest.mark.e2e

IDLE_S = 1.5
SILENCE_S = 2 * IDLE_S
Heard = tuple[InferResult | None, InferenceServerException | None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("idle"), starter=False, idle_s=IDLE_S) as place:
        yield place


def tensors() -> list[InferInput]:
    pixels = InferInput("pixels", [1, SIDE, SIDE, 3], "UINT8")
    pixels.set_data_from_numpy(shown(60, SIDE, SIDE)[None])
    smoothing = InferInput("smoothing", [1, 1], "FP32")
    smoothing.set_data_from_numpy(np.array([[0.5]], np.float32))
    return [pixels, smoothing]


def test_triton_refuses_a_late_frame_and_takes_one_that_starts_over(place: Place) -> None:
    heard: queue.Queue[Heard] = queue.Queue()
    with InferenceServerClient(place.session.grpc_url) as client:
        client.start_stream(lambda result, error: heard.put((result, error)))

        def sent(*, start: bool) -> Heard:
            client.async_stream_infer(f"segment_stream_{COLOURS}", tensors(), sequence_id=7, sequence_start=start)
            return heard.get(timeout=60)

        first, _ = sent(start=True)
        time.sleep(SILENCE_S)
        nothing, error = sent(start=False)
        again, _ = sent(start=True)
        client.stop_stream()
    assert first is not None
    assert nothing is None
    assert "must specify the START flag on the first request" in str(error)
    assert again is not None
    assert again.as_numpy("flicker").item() == -1


async def test_a_live_stream_that_was_silent_goes_on_and_starts_over(place: Place) -> None:
    picture = file_of(coloured(filmed_clip(7, 1, 192))[0])
    with place.gateway() as front:
        async with viewing(front.port, input="frames", output="json", network=COLOURS, complete=True) as viewer:
            await viewer.send(picture, picture)
            assert [(await viewer.hear())["flicker"] for _ in range(2)] == [None, 0]
            await asyncio.sleep(SILENCE_S)
            await viewer.send(picture, picture)
            late = [await viewer.hear() for _ in range(2)]
    assert [one["type"] for one in late] == ["frame", "frame"], late
    assert [one["flicker"] for one in late] == [None, 0]
