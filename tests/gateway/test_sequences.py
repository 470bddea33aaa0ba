"""Sequences before a gRPC server that speaks Triton's protocol and misbehaves on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc
import numpy as np
import pytest
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from gateway import errors
from gateway.inference import TritonInference
from gateway.sequences import Sequence
from gateway.settings import Settings

MODEL = "segment_stream"
FORGOTTEN = "in ensemble 'segment_stream', inference request for sequence 7 must specify the START flag on the first"
Context: TypeAlias = grpc.aio.ServicerContext


# ruff: noqa: N802 - the methods have the protocol's names
class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc] # generated without types
    """Answers every frame with twice its number; `wrong` says what goes wrong with which."""

    def __init__(self, wrong: dict[int, str] | None = None) -> None:
        self.wrong = wrong or {}
        self.frames: list[tuple[int, bool, int]] = []
        self.ends: list[int] = []
        self.streams = 0
        self.open_streams = 0
        self.ended = asyncio.Event()

    async def ModelStatistics(self, _request: object, _context: Context) -> service_pb2.ModelStatisticsResponse:
        return service_pb2.ModelStatisticsResponse(model_stats=[service_pb2.ModelStatistics(name=MODEL, version="1")])

    async def ModelConfig(
        self, request: service_pb2.ModelConfigRequest, _context: Context
    ) -> service_pb2.ModelConfigResponse:
        config = model_config_pb2.ModelConfig(name=request.name, platform="ensemble", max_batch_size=8)
        config.input.add(name="pixels", data_type=model_config_pb2.TYPE_UINT8, dims=[96, 96, 3])
        for name in ("smoothed", "boxes"):
            config.output.add(name=name, data_type=model_config_pb2.TYPE_UINT8, dims=[-1])
        return service_pb2.ModelConfigResponse(config=config)

    async def ModelInfer(self, request: service_pb2.ModelInferRequest, _: Context) -> service_pb2.ModelInferResponse:
        if request.id and request.parameters["sequence_end"].bool_param:  # a canary has no id
            self.ends.append(_sequence(request))
            self.ended.set()
        return _answer(0)

    async def ModelStreamInfer(
        self, requests: AsyncIterator[service_pb2.ModelInferRequest], context: Context
    ) -> AsyncIterator[service_pb2.ModelStreamInferResponse]:
        self.streams += 1
        self.open_streams += 1
        try:
            async for request in requests:
                number = int(request.raw_input_contents[0][0])
                self.frames.append((_sequence(request), request.parameters["sequence_start"].bool_param, number))
                fault = self.wrong.pop(number, "")
                if fault == "hang":
                    await asyncio.sleep(30)
                if fault == "break":
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the server goes down")
                if fault == "close":
                    return
                if fault:
                    yield service_pb2.ModelStreamInferResponse(error_message=fault)
                else:
                    yield service_pb2.ModelStreamInferResponse(infer_response=_answer(number))
        finally:
            self.open_streams -= 1


def _sequence(request: service_pb2.ModelInferRequest) -> int:
    return int(request.parameters["sequence_id"].int64_param)


def _answer(number: int) -> service_pb2.ModelInferResponse:
    answer = service_pb2.ModelInferResponse(model_name=MODEL, model_version="1")
    answer.outputs.add(name="smoothed", datatype="UINT8", shape=[1, 1])
    answer.raw_output_contents.append(bytes([number * 2]))
    return answer


@asynccontextmanager
async def connected(fake: FakeTriton, **changes: object) -> AsyncIterator[TritonInference]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = Settings.model_validate({"triton_url": f"127.0.0.1:{port}", "canary_interval_seconds": 3600, **changes})
    try:
        async with TritonInference(settings) as inference:
            yield inference
    finally:
        await server.stop(None)


async def frame(sequence: Sequence, number: int) -> int:
    found = await sequence.infer({"pixels": np.array([number], np.uint8)}, ["smoothed"])
    return int(found["smoothed"][0])


async def test_the_frames_of_a_video_are_one_sequence_in_one_stream_with_an_end() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference:
        async with inference.sequence(MODEL, "my-id") as sequence:
            assert await asyncio.gather(*(frame(sequence, number) for number in range(5))) == [0, 2, 4, 6, 8]
            assert await frame(sequence, 5) == 10
        await asyncio.wait_for(fake.ended.wait(), 5)
    (number,) = {one for one, _, _ in fake.frames}
    assert number > 0
    assert [is_start for _, is_start, _ in fake.frames] == [True] + [False] * 5
    assert [frame for _, _, frame in fake.frames] == list(range(6))
    assert fake.ends == [number]
    assert (fake.streams, fake.open_streams) == (1, 0)


async def test_two_videos_are_two_sequences() -> None:
    fake = FakeTriton()
    async with (
        connected(fake) as inference,
        inference.sequence(MODEL, "one") as one,
        inference.sequence(MODEL, "two") as two,
    ):
        await asyncio.gather(frame(one, 1), frame(two, 2))
    assert len({number for number, _, _ in fake.frames}) == 2
    assert fake.streams == 2


async def test_a_video_without_a_frame_asks_nothing_of_the_server() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id"):
        pass
    assert (fake.frames, fake.ends, fake.streams) == ([], [], 0)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("in ensemble 'segment_stream', smoothing: must be below 1", errors.InvalidOptionError, "^smoothing: must be"),
        ("in ensemble 'segment_stream', the mask could not be smoothed", errors.InferenceFailedError, "failed"),
        ("Stub process 'shelf_smooth_0' is not healthy", errors.InferenceUnavailableError, "not available"),
        ("Request for unknown model: 'segment_stream'".lower(), errors.PipelineNotServedError, "not served"),
        ("Exceeds maximum queue size", errors.BusyError, "queue is full"),
        ("break", errors.InferenceUnavailableError, "not available"),
        ("close", errors.InferenceUnavailableError, "ended the stream"),
    ],
)
async def test_after_an_error_the_next_frame_begins_anew(
    fault: str, kind: type[errors.GatewayError], words: str
) -> None:
    fake = FakeTriton({2: fault})
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id") as sequence:
        assert await frame(sequence, 1) == 2
        with pytest.raises(kind, match=words):
            await frame(sequence, 2)
        assert await frame(sequence, 3) == 6
    assert [is_start for _, is_start, _ in fake.frames] == [True, False, True]


async def test_a_video_that_the_server_forgot_goes_on_as_one_that_begins() -> None:
    fake = FakeTriton({2: FORGOTTEN})
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id") as sequence:
        assert await frame(sequence, 1) == 2
        assert await asyncio.gather(*(frame(sequence, number) for number in range(2, 5))) == [4, 6, 8]
        assert await frame(sequence, 5) == 10
    assert len({number for number, _, _ in fake.frames}) == 1
    begun = [at for at, (_, is_start, _) in enumerate(fake.frames) if is_start]
    assert begun[0] == 0
    assert [one[1:] for one in fake.frames[begun[1] :]] == [(True, 2), (False, 3), (False, 4), (False, 5)]


async def test_a_server_that_forgets_even_a_beginning_is_not_asked_for_ever() -> None:
    fake = FakeTriton({1: FORGOTTEN})
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id") as sequence:
        with pytest.raises(errors.InferenceFailedError):
            await frame(sequence, 1)


async def test_frames_behind_a_failed_one_fail_with_it_and_do_not_wait() -> None:
    fake = FakeTriton({1: "in ensemble 'segment_stream', out of memory"})
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id") as sequence:
        found = await asyncio.wait_for(
            asyncio.gather(*(frame(sequence, number) for number in range(4)), return_exceptions=True), 5
        )
    assert found[0] == 0
    assert [type(one) for one in found[1:]] == [errors.InferenceFailedError] * 3


async def test_a_frame_ends_at_its_deadline_and_the_stream_with_it() -> None:
    fake = FakeTriton({1: "hang"})
    async with (
        connected(fake, inference_timeout_seconds=0.3) as inference,
        inference.sequence(MODEL, "my-id") as sequence,
    ):
        with pytest.raises(errors.InferenceTimeoutError):
            await frame(sequence, 1)
        assert await frame(sequence, 2) == 4
    assert fake.open_streams == 0


async def test_a_caller_that_leaves_costs_the_others_nothing() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference, inference.sequence(MODEL, "my-id") as sequence:
        gone = asyncio.create_task(frame(sequence, 1))
        kept = asyncio.create_task(frame(sequence, 2))
        await asyncio.sleep(0)
        gone.cancel()
        assert await kept == 4


async def test_a_video_that_is_given_up_in_the_middle_leaves_no_stream_and_is_ended() -> None:
    fake = FakeTriton({1: "hang"})
    async with connected(fake) as inference:

        async def watch() -> None:
            async with inference.sequence(MODEL, "my-id") as sequence:
                await frame(sequence, 1)

        video = asyncio.create_task(watch())
        async with asyncio.timeout(5):
            while not fake.frames:  # noqa: ASYNC110 - the fake has no event to wait for
                await asyncio.sleep(0.01)
            video.cancel()
            await fake.ended.wait()
            while fake.open_streams:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


async def test_what_a_pipeline_of_frames_takes_and_gives_is_known() -> None:
    async with connected(FakeTriton()) as inference:
        found = (await inference.inventory()).frames[MODEL]
    assert (found.side, found.outputs) == (96, ("smoothed", "boxes"))
