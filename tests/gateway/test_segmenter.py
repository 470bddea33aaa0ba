"""A video through a network: names, what is refused, frames of any size, order, what the answer says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from gateway.catalogue import Catalogue
from gateway.errors import (
    InferenceFailedError,
    InferenceUnavailableError,
    InvalidOptionError,
    PipelineDownError,
    PipelineNotServedError,
)
from gateway.model_config import FrameContract
from gateway.segmentation.segmenter import FrameStream, Segmenter
from gateway.settings import Settings
from tests.gateway.fakes import FRAMES, WHOLE, FakeInference

YOLO = "segment_stream_yolov8n"
LISTS = ("instances", "boxes", "scores", "classes")
SEVERAL = replace(
    WHOLE,
    steps={**WHOLE.steps, YOLO: ("shelf_segmenter_yolov8n", "shelf_smooth")},
    frames={**WHOLE.frames, YOLO: FrameContract(96, (*FRAMES.outputs, *LISTS))},
)


@asynccontextmanager
async def opened(inference: FakeInference, network: str = "", smoothing: float = 0.5) -> AsyncIterator[FrameStream]:
    catalogue = Catalogue(Settings(), inference)
    if inference.inventory_now:
        await catalogue.refresh()
    async with Segmenter(catalogue, inference).open(network, smoothing, "my-id") as stream:
        yield stream


def frame(red: int, height: int = 48, width: int = 100) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = red
    return picture


async def test_the_served_networks_have_the_names_that_a_request_chooses_by() -> None:
    inference = FakeInference(SEVERAL)
    catalogue = Catalogue(Settings(), inference)
    segmenter = Segmenter(catalogue, inference)
    assert segmenter.names() == []
    await catalogue.refresh()
    assert segmenter.names() == ["default", "yolov8n"]


@pytest.mark.parametrize(("network", "model", "side"), [("", "segment_stream", 64), ("yolov8n", YOLO, 96)])
async def test_a_frame_of_any_size_is_brought_to_the_networks_side(network: str, model: str, side: int) -> None:
    inference = FakeInference(SEVERAL)
    lists = {"instances": np.zeros((side, side), np.int32), "boxes": np.zeros((9, 4), np.float32)}
    async with opened(inference, network) as stream:
        inference.videos[0].answers = lists | {
            "scores": np.array([0.9, 0.4, *[0] * 7], np.float32),
            "classes": np.array([1, 2, *[0] * 7], np.int32),
        }
        first, second = [await stream.segment(frame(52 * 3)) for _ in range(2)]
    assert inference.videos[0].model == model
    assert inference.videos[0].ended
    assert stream.side == side
    assert first.mask.shape == (side, side)
    assert (first.mask == 3).all()
    assert (first.flicker, second.flicker) == (None, 0.25)
    assert (first.confidence, first.shares[3]) == (0.75, 1)
    assert first.seconds >= 0
    found = first.instances
    assert (found is None) is (network == "")
    assert found is None or (len(found.boxes), found.classes.tolist()) == (2, [1, 2])


async def test_several_frames_under_way_are_answered_in_their_order() -> None:
    inference = FakeInference(delay_s=0.01)
    async with opened(inference) as stream:
        sizes = [(900, 900), (8, 8), (300, 500), (64, 64)]
        frames = [frame(52 * number, *size) for number, size in enumerate(sizes)]
        found = await asyncio.gather(*(stream.segment(one) for one in frames))
    assert [int(one.mask[0, 0]) for one in found] == [0, 1, 2, 3]
    assert [one.flicker for one in found] == [None, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan"), float("inf")])
async def test_smoothing_out_of_range_is_refused_with_what_is_allowed(smoothing: float) -> None:
    with pytest.raises(InvalidOptionError, match=r"from 0 \(none\) to below 1"):
        async with opened(FakeInference(), smoothing=smoothing):
            pass


async def test_an_unknown_network_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidOptionError, match=r"'yolov9'.*default, yolov8n"):
        async with opened(FakeInference(SEVERAL), "yolov9"):
            pass


async def test_what_is_not_served_or_down_or_unknown_yet_is_said_before_any_frame() -> None:
    none = replace(WHOLE, steps={}, frames={})
    with pytest.raises(PipelineNotServedError):
        async with opened(FakeInference(none)):
            pass
    with pytest.raises(PipelineDownError):
        async with opened(FakeInference(down={"segment_stream": "it failed"})):
            pass
    with pytest.raises(PipelineDownError):
        async with opened(FakeInference(None)):
            pass


@pytest.mark.parametrize(("shape", "kind"), [((4, 4), np.uint8), ((4, 4, 3), np.float32), ((0, 4, 3), np.uint8)])
async def test_what_is_no_frame_is_a_mistake_of_the_caller(shape: tuple[int, ...], kind: type) -> None:
    async with opened(FakeInference()) as stream:
        with pytest.raises(ValueError, match="RGB UINT8"):
            await stream.segment(np.zeros(shape, kind))


async def test_a_failed_frame_says_why_and_the_next_one_may_be_sent() -> None:
    inference = FakeInference()
    async with opened(inference) as stream:
        inference.failure = InferenceUnavailableError("the server is not available")
        with pytest.raises(InferenceUnavailableError):
            await stream.segment(frame(0))
        inference.failure = None
        assert (await stream.segment(frame(0))).mask.shape == (64, 64)


async def test_an_answer_that_cannot_be_read_is_the_servers_fault() -> None:
    inference = FakeInference()
    async with opened(inference) as stream:
        inference.videos[0].answers = {"flicker": np.zeros(0, np.float32)}
        with pytest.raises(InferenceFailedError):
            await stream.segment(frame(0))


async def test_a_caller_that_leaves_cancels_its_frame() -> None:
    inference = FakeInference(delay_s=30)
    async with opened(inference) as stream:
        call = asyncio.create_task(stream.segment(frame(0)))
        async with asyncio.timeout(5):
            while not inference.running:  # noqa: ASYNC110 - the fake has no event to wait for
                await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait([call])
    assert inference.cancelled == 1
