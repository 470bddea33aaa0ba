"""A sequence over one bidirectional gRPC stream of Triton's. It answers in the order of the requests."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput, InferResult
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from gateway.errors import GatewayError, InferenceFailedError, InferenceTimeoutError, InferenceUnavailableError
from gateway.tensors import Tensors
from gateway.triton_errors import RETRY_AFTER_S, says_forgotten, translated_call, translated_in_stream

END_SECONDS = 5.0
Request = dict[str, Any]
Answer = asyncio.Future[InferResult]


class TritonSequence:
    """One video. A stream is opened with its first frame, and again with the first one after a failure."""

    def __init__(self, client: InferenceServerClient, model: str, request_id: str, deadline_s: float) -> None:
        self._client = client
        self._model = model
        self._request_id = request_id
        self._deadline_s = deadline_s
        self._number = secrets.randbelow(2**63 - 1) + 1
        self._stream: _Stream | None = None
        self._sent = 0
        self._last: Request = {}

    async def infer(self, tensors: Tensors, outputs: Sequence[str]) -> Tensors:
        stream, begins = self._open()
        self._last = {
            "model_name": self._model,
            "inputs": [_input(name, values) for name, values in tensors.items()],
            "outputs": [InferRequestedOutput(name) for name in outputs],
            "request_id": f"{self._request_id}-{self._sent}",
            "sequence_id": self._number,
        }
        self._sent += 1
        answer = stream.send({**self._last, "sequence_start": begins})
        try:
            result = await asyncio.wait_for(answer, self._deadline_s)
        except TimeoutError as error:
            stream.fail(InferenceTimeoutError("a frame before took too long", retry_after_s=RETRY_AFTER_S))
            raise InferenceTimeoutError("the inference took too long", retry_after_s=RETRY_AFTER_S) from error
        return _arrays(self._model, result, outputs)

    def _open(self) -> "tuple[_Stream, bool]":
        begins = self._stream is None or self._stream.is_over
        if self._stream is None or self._stream.is_over:
            self._stream = _Stream(self._client, self._request_id)
        return self._stream, begins

    def close(self) -> None:
        """Whoever waits for an answer gets none."""
        if self._stream is not None:
            self._stream.close()

    async def end(self) -> None:
        """Tell the server, with the last frame once more, that the sequence is over, so that its state goes at once.

        A server that does not hear of it drops the state after a while.
        """
        if self._last:
            deadline_s = min(END_SECONDS, self._deadline_s)
            with suppress(InferenceServerException):  # it is over in any case
                await self._client.infer(**self._last, sequence_end=True, client_timeout=deadline_s)


class _Stream:
    """A gRPC stream and what is under way in it, the oldest first.

    A server forgets a video of which no frame comes for a while, and refuses the next one. What is under way by then
    goes again, in a gRPC stream of its own, as the beginning of the same sequence.
    """

    def __init__(self, client: InferenceServerClient, request_id: str) -> None:
        self._client = client
        self._waiting: deque[tuple[Request, Answer]] = deque()
        self.is_over = False
        self._call()
        self._reading = asyncio.create_task(self._read(), name=f"answers of {request_id}")

    def send(self, request: Request) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        self._requests.put_nowait(request)
        return answer

    def fail(self, error: GatewayError) -> None:
        """Whoever waits gets this error; the stream takes nothing more."""
        self.is_over = True
        while self._waiting:
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(error)
        self._hang_up()

    def close(self) -> None:
        self.fail(InferenceFailedError("the video has ended"))

    def _call(self) -> None:
        self._requests: asyncio.Queue[Request | None] = asyncio.Queue()
        self._answers = self._client.stream_infer(_outgoing(self._requests))

    def _hang_up(self) -> None:
        self._requests.put_nowait(None)
        self._answers.cancel()

    async def _read(self) -> None:
        """The answers to those who wait for them, until the stream fails or is closed."""
        try:
            while (error := await self._answered()) is not None and self._is_forgotten(error):
                self._begin_again()
        except grpc.RpcError as error:
            return self.fail(translated_call(error))
        if error is not None:
            return self.fail(translated_in_stream(error))
        return self.fail(InferenceUnavailableError("the server has ended the stream", retry_after_s=RETRY_AFTER_S))

    async def _answered(self) -> InferenceServerException | None:
        """Answers until one is an error, None where the server ends the stream."""
        async for result, error in self._answers:
            if error is not None:
                return error
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(result)
        return None

    def _is_forgotten(self, error: InferenceServerException) -> bool:
        return bool(self._waiting) and not self._waiting[0][0]["sequence_start"] and says_forgotten(error)

    def _begin_again(self) -> None:
        self._hang_up()
        self._call()
        for number, (request, _) in enumerate(self._waiting):
            request["sequence_start"] = number == 0
            self._requests.put_nowait(request)


async def _outgoing(requests: asyncio.Queue[Request | None]) -> AsyncIterator[Request]:
    while (request := await requests.get()) is not None:
        yield request


def _input(name: str, values: np.ndarray[Any, Any]) -> InferInput:
    tensor = InferInput(name, [1, *values.shape], np_to_triton_dtype(values.dtype))
    tensor.set_data_from_numpy(np.ascontiguousarray(values[None]))
    return tensor


def _arrays(model: str, result: InferResult, outputs: Sequence[str]) -> Tensors:
    found = {name: result.as_numpy(name) for name in outputs}
    if lacking := [name for name, values in found.items() if values is None or not len(values)]:
        raise InferenceFailedError("the inference failed", private=f"{model} gave no {', '.join(lacking)}")
    return {name: values[0] for name, values in found.items()}
