"""The adapter before a gRPC server that speaks Triton's protocol and misbehaves on demand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc
import pytest
from google.protobuf import text_format
from opentelemetry import context, trace
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from gateway import errors
from gateway.inference import Cut, TritonInference
from gateway.model_config import shape
from gateway.pipelines import Output, Role, pipeline_of
from gateway.settings import Settings
from tests.gateway.fakes import picture

STEP = pipeline_of(Role.STEP, Output.CUTOUT)
Context: TypeAlias = grpc.aio.ServicerContext
LOADED = {
    "decode": "python",
    "step_matte": "onnxruntime",
    "cutout": "python",
    "helper": "python",
    "cutout_step": "",
}


# ruff: noqa: N802 - the methods have the protocol's names
class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc] # generated without types
    """Serves `cutout_step`; `before` runs before each inference is answered."""

    def __init__(self) -> None:
        self.before: Callable[[Context], Awaitable[None]] | None = None
        self.cancelled = asyncio.Event()
        self.metadata: dict[str, str] = {}
        self.inferences: list[service_pb2.ModelInferRequest] = []
        self.box = (1, 2, 7, 5)
        self.version = "2"
        self.counts = 10
        self.instances = 1

    async def ModelStatistics(self, _request: object, _context: Context) -> service_pb2.ModelStatisticsResponse:
        stats = [service_pb2.ModelStatistics(name=name, version=self.version) for name in LOADED]
        stats[0].inference_stats.success.count = self.counts
        return service_pb2.ModelStatisticsResponse(model_stats=stats)

    async def ModelConfig(
        self, request: service_pb2.ModelConfigRequest, _context: Context
    ) -> service_pb2.ModelConfigResponse:
        config = model_config_pb2.ModelConfig(name=request.name, backend=LOADED[request.name], max_batch_size=8)
        config.input.add(name="image", data_type=model_config_pb2.TYPE_STRING, dims=[1])
        config.output.add(name="cutout", data_type=model_config_pb2.TYPE_STRING, dims=[1])
        config.instance_group.add(count=self.instances)
        if request.name == "cutout":
            config.parameters["calls"].string_value = "helper, step_matte"
        if request.name == "cutout_step":
            config.platform = "ensemble"
            for step in ("decode", "step_matte", "cutout"):
                config.ensemble_scheduling.step.add(model_name=step, model_version=-1)
        return service_pb2.ModelConfigResponse(config=config)

    async def ModelInfer(self, request: service_pb2.ModelInferRequest, call: Context) -> service_pb2.ModelInferResponse:
        if request.id:
            self.inferences.append(request)
            self.metadata = dict(call.invocation_metadata())
            await self._misbehave(call)
        answer = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
        answer.outputs.add(name="cutout", datatype="BYTES", shape=[1, 1])
        png = picture(8, 6)
        answer.raw_output_contents.append(len(png).to_bytes(4, "little") + png)
        answer.outputs.add(name="box", datatype="INT32", shape=[1, 4])
        answer.raw_output_contents.append(b"".join(value.to_bytes(4, "little") for value in self.box))
        return answer

    async def _misbehave(self, call: Context) -> None:
        try:
            if self.before:
                await self.before(call)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@asynccontextmanager
async def connected(fake: FakeTriton, **changes: object) -> AsyncIterator[TritonInference]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = Settings.model_validate({"triton_url": f"127.0.0.1:{port}", "canary_interval_seconds": 0.05, **changes})
    try:
        async with TritonInference(settings) as inference:
            yield inference
    finally:
        await server.stop(None)


async def test_a_picture_goes_in_and_a_cut_comes_out_in_one_call() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference:
        assert await inference.infer(STEP, b"compressed", "my-id") == Cut(picture(8, 6), (1, 2, 7, 5))
    (request,) = fake.inferences
    assert (request.model_name, request.id) == ("cutout_step", "my-id")
    assert request.raw_input_contents[0][4:] == b"compressed"
    assert [output.name for output in request.outputs] == ["cutout", "box"]
    assert request.parameters["timeout"].int64_param == 30_000_000


async def test_all_zeros_are_no_box() -> None:
    fake = FakeTriton()
    fake.box = (0, 0, 0, 0)
    async with connected(fake) as inference:
        assert (await inference.infer(STEP, b"compressed", "my-id")).box is None


async def test_what_is_loaded_is_known_with_its_versions_and_steps() -> None:
    async with connected(FakeTriton()) as inference:
        found = await inference.inventory()
    assert found.versions == dict.fromkeys(LOADED, (2,))
    assert found.networks == {"step_matte"}
    assert found.steps == {"cutout_step": ("decode", "step_matte", "cutout", "helper")}


async def test_whether_something_was_loaded_is_seen_by_versions_and_by_requests_that_count_anew() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference:
        known = await inference.inventory()
        fake.counts = 11
        assert await inference.still_has(known)
        fake.counts = 9
        assert not await inference.still_has(known)
        fake.counts, fake.version = 11, "3"
        assert not await inference.still_has(known)


async def test_a_config_counts_by_what_it_says_about_results() -> None:
    fake = FakeTriton()
    async with connected(fake) as inference:
        first = (await inference.inventory()).configs
        fake.instances = 2
        assert (await inference.inventory()).configs == first
    assert first.keys() == LOADED.keys()


@pytest.mark.parametrize(
    ("backend", "change", "counts"),
    [
        ("python", 'parameters { key: "max_pixels" value { string_value: "9" } }', True),
        ("onnxruntime", 'parameters { key: "intra_op_thread_count" value { string_value: "9" } }', False),
        ("onnxruntime", "dynamic_batching { max_queue_delay_microseconds: 5 }", False),
        ("onnxruntime", "instance_group { kind: KIND_GPU }", False),
        ("onnxruntime", 'default_model_filename: "model.plan"', True),
        ("", 'ensemble_scheduling { step { model_name: "cutout" } }', True),
    ],
)
def test_what_a_config_says_about_speed_leaves_results_as_they_are(backend: str, change: str, *, counts: bool) -> None:
    plain = f'name: "model" backend: "{backend}" output {{ name: "alpha" dims: 1 }}'
    before, after = (text_format.Parse(text, model_config_pb2.ModelConfig()) for text in (plain, plain + change))
    assert (shape(before) != shape(after)) is counts


async def test_the_canary_gives_a_pipeline_its_pulse() -> None:
    async with connected(FakeTriton()) as inference, asyncio.timeout(10):
        while inference.pulse("cutout_step") is None:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        pulse = inference.pulse("cutout_step")
        assert pulse
        assert pulse.ok
        assert pulse.age_s is not None
        assert 0 <= pulse.age_s < 5
        assert inference.pulse("cutout_main") is None


async def test_an_inference_ends_at_its_deadline() -> None:
    fake = FakeTriton()
    fake.before = sleep
    async with connected(fake, inference_timeout_seconds=0.2) as inference:
        with pytest.raises(errors.InferenceTimeoutError):
            await inference.infer(STEP, b"compressed", "my-id")
        await asyncio.wait_for(fake.cancelled.wait(), 5)


async def test_a_cancelled_caller_cancels_the_call_on_the_server() -> None:
    fake = FakeTriton()
    fake.before = sleep
    async with connected(fake) as inference:
        call = asyncio.create_task(inference.infer(STEP, b"compressed", "my-id"))
        async with asyncio.timeout(5):
            while not fake.inferences:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            call.cancel()
            await fake.cancelled.wait()


async def test_the_steps_own_words_reach_the_client() -> None:
    async def abort(call: Context) -> None:
        await call.abort(grpc.StatusCode.INVALID_ARGUMENT, "in ensemble 'cutout_step', not an image")

    fake = FakeTriton()
    fake.before = abort
    async with connected(fake) as inference:
        with pytest.raises(errors.UnreadablePictureError, match=r"^not an image$"):
            await inference.infer(STEP, b"compressed", "my-id")


async def test_a_trace_goes_on_in_triton() -> None:
    fake = FakeTriton()
    span = trace.SpanContext(0xABCDEF << 96 | 1, 0x1234 << 48 | 1, is_remote=True, trace_flags=trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))
    try:
        async with connected(fake) as inference:
            await inference.infer(STEP, b"compressed", "my-id")
    finally:
        context.detach(token)
    assert fake.metadata["traceparent"] == f"00-{span.trace_id:032x}-{span.span_id:016x}-01"


async def sleep(_call: Context) -> None:
    await asyncio.sleep(30)
