"""Triton step: pictures to words. It calls the captioner's two networks, one token at a time.

Every picture of every request goes its own way, all at the same time; Triton's batchers put together what asks for the
same network at the same moment. So a finished picture leaves the batch, and one whose options differ is in it.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import triton_python_backend_utils as pb_utils

from .language import Languages
from .options import OptionError, read
from .search import Bounds, search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .language import Language
    from .options import Options

NOT_SERVED = "is not at ready state"  # as Triton words it


class CallError(Exception):
    """One of the two networks, or the caller, did not let a text be finished."""

    def __init__(self, error: pb_utils.TritonError) -> None:
        super().__init__(error.message())
        self.code = error.code()


@dataclass(frozen=True)
class Caption:
    text: str
    tokens: int
    log_probability: float


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        calls = json.loads(args["model_config"])["parameters"]["calls"]["string_value"]
        encoder, decoder = (name.strip() for name in calls.split(","))
        self._networks = Networks(encoder, decoder)
        self._languages = Languages(Path(args["model_repository"]).parent / decoder)

    async def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return list(await asyncio.gather(*(self._answer(request) for request in requests)))

    async def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        try:
            captions = await asyncio.gather(*(self._caption(request, *one) for one in _inputs(request)))
        except OptionError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except CallError as error:
            return _failed(str(error), error.code)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the picture could not be described", pb_utils.TritonError.INTERNAL)
        return _response(captions)

    async def _caption(self, request: pb_utils.InferenceRequest, picture: NDArray[np.uint8], asked: str) -> Caption:
        """By the newest version that is served: one that was exported a moment ago may not be loaded yet."""
        languages = self._languages.newest_first()
        if not languages:
            text = "no version of the captioner is there"
            raise CallError(pb_utils.TritonError(text, pb_utils.TritonError.UNAVAILABLE))
        *newer, oldest = languages
        for language in newer:
            with suppress(NotServedError):
                return await self._described(request, picture, asked, language)
        return await self._described(request, picture, asked, oldest)

    async def _described(
        self, request: pb_utils.InferenceRequest, picture: NDArray[np.uint8], asked: str, language: Language
    ) -> Caption:
        options = read(asked, language.max_length, language.limit)
        bounds = Bounds(_prompt(options, language), language.stop, options.max_length)
        texts = search(bounds, options.num_beams)
        cross = await self._networks.encode(picture, language.version)
        past = np.zeros((1, options.num_beams, *language.empty_past), np.float32)
        while not texts.done:
            if request.is_cancelled():
                raise CallError(pb_utils.TritonError("the request was cancelled", pb_utils.TritonError.CANCELLED))
            logits, present = await self._networks.decode(texts.ids()[None], past, cross, language.version)
            parents = texts.advance(logits[0])
            past = np.ascontiguousarray(present[:, parents])
        best = texts.best()
        words = (*bounds.prompt[len(language.start) :], *best.tokens)
        return Caption(language.written(words), len(best.tokens), best.log_probability)


class NotServedError(CallError):
    """The network is not there in the version that was asked for."""


class Networks:
    """The two networks, as Triton serves them."""

    def __init__(self, encoder: str, decoder: str) -> None:
        self._encoder, self._decoder = encoder, decoder

    async def encode(self, picture: NDArray[np.uint8], version: int) -> pb_utils.Tensor:
        """Return what the decoder needs of a picture. It is handed on as it came: a tensor of our own would be copied
        once more for every token.
        """
        (cross,) = await _call(self._encoder, version, [pb_utils.Tensor("pixels", picture[None])], ["cross"])
        return cross

    async def decode(
        self, ids: NDArray[np.int64], past: NDArray[np.float32], cross: pb_utils.Tensor, version: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        inputs = [pb_utils.Tensor("ids", ids), pb_utils.Tensor("past", past), cross]
        logits, present = await _call(self._decoder, version, inputs, ["logits", "present"])
        return logits.as_numpy(), present.as_numpy()


async def _call(name: str, version: int, inputs: list[pb_utils.Tensor], outputs: list[str]) -> list[pb_utils.Tensor]:
    # What NumPy is to read must be in host memory; the encoder's answer only passes through and may stay on a GPU.
    host = pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU)
    memory = {} if outputs == ["cross"] else {"preferred_memory": host}
    request = pb_utils.InferenceRequest(
        model_name=name, model_version=version, inputs=inputs, requested_output_names=outputs, **memory
    )
    response = await request.async_exec()
    if response.has_error():
        error = response.error()
        raise NotServedError(error) if NOT_SERVED in error.message() else CallError(error)
    return [pb_utils.get_output_tensor_by_name(response, output) for output in outputs]


def _inputs(request: pb_utils.InferenceRequest) -> list[tuple[NDArray[np.uint8], str]]:
    """Return each picture of the request with its options."""
    pictures = pb_utils.get_input_tensor_by_name(request, "pixels").as_numpy()
    given = pb_utils.get_input_tensor_by_name(request, "options")
    texts = [b""] * len(pictures) if given is None else given.as_numpy().reshape(-1).tolist()
    return [(picture, _text(options)) for picture, options in zip(pictures, texts, strict=True)]


def _text(options: bytes) -> str:
    try:
        return options.decode()
    except UnicodeDecodeError as error:
        raise OptionError(f"options: not UTF-8: {error}") from error


def _prompt(options: Options, language: Language) -> tuple[int, ...]:
    prompt = language.prompt(options.prompt)
    if options.prompt and len(prompt) >= options.max_length:
        raise OptionError(
            f"options: the prompt takes {len(prompt)} tokens; max_length must be more, not {options.max_length}"
        )
    return prompt


def _response(captions: list[Caption]) -> pb_utils.InferenceResponse:
    columns = {
        "caption": np.array([[one.text.encode()] for one in captions], np.object_),
        "tokens": np.array([[one.tokens] for one in captions], np.int32),
        "log_probability": np.array([[one.log_probability] for one in captions], np.float32),
    }
    return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in columns.items()])


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
