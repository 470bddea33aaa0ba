"""Triton step: text to the tokens of CLIP's text networks; only for the networks that are asked for."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

NETWORK = "embed_clip_text_"  # and the name of the output
FILE = "tokenizer.json"
LENGTH = 77
LONGEST = 8192  # characters, of which the merging takes time


class TextError(ValueError):
    """A text that cannot be used; written for the person who sent it."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self._repository = Path(args["model_repository"]).parent
        self._known: dict[Path, tuple[int, Tokenizer]] = {}

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        if request.is_cancelled():
            return _failed("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            texts = pb_utils.get_input_tensor_by_name(request, "text").as_numpy().reshape(-1)
            outputs = self._outputs([_text(data) for data in texts], set(request.requested_output_names()))
        except TextError as error:
            return _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception:  # noqa: BLE001 - an exception out of execute would fail every request of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return _failed("the text could not be read", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, values) for name, values in outputs.items()])

    def _outputs(self, texts: list[str], wanted: set[str]) -> dict[str, NDArray[np.int32]]:
        outputs: dict[str, NDArray[np.int32]] = {}
        for name in sorted(wanted - {"tokens"}):
            encodings = self._tokenizer(name).encode_batch(texts)
            ids = [_padded(encoding.ids) for encoding in encodings]
            outputs[name] = np.array(ids, np.int32)
            outputs["tokens"] = np.array([[len(encoding.ids)] for encoding in encodings], np.int32)
        return {name: values for name, values in outputs.items() if name in wanted}

    def _tokenizer(self, name: str) -> Tokenizer:
        """Return the tokenizer beside the newest version of a network, read again when another lies there."""
        versions = self._repository.glob(f"{NETWORK}{name}/[0-9]*/{FILE}")
        path = max(versions, key=lambda file: int(file.parent.name), default=None)
        if path is None:
            raise FileNotFoundError(f"no version of {NETWORK}{name} has a {FILE}")
        changed = path.stat().st_mtime_ns
        if self._known.get(path, (0, None))[0] != changed:
            self._known[path] = (changed, Tokenizer.from_file(str(path)))
        return self._known[path][1]


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise TextError("the text is not UTF-8") from error
    if not text.strip():
        raise TextError("the text is empty")
    if len(text) > LONGEST:
        raise TextError(f"the text has {len(text)} characters, at most {LONGEST} are allowed")
    return text


def _padded(ids: list[int]) -> list[int]:
    """Filled up with the last token, which ends a text: a text network looks no further than to the first of them."""
    if len(ids) > LENGTH:
        raise TextError(f"the text has {len(ids)} tokens, start and end included; at most {LENGTH} are allowed")
    return ids + [ids[-1]] * (LENGTH - len(ids))


def _failed(text: str, code: int) -> pb_utils.InferenceResponse:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, code))
