"""Calls to a Triton model, and the same calls to ONNX Runtime in this process."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

Array = NDArray[Any]
Arrays = Mapping[str, Array]


def infer(client: InferenceServerClient, model: str, feeds: Arrays, outputs: Sequence[str] = ()) -> dict[str, Array]:
    """The answer by output name; all outputs where none is named."""
    requested = [InferRequestedOutput(name) for name in outputs] or None
    result = client.infer(model, [_tensor(name, values) for name, values in feeds.items()], outputs=requested)
    return {entry.name: result.as_numpy(entry.name) for entry in result.get_response().outputs}


def infer_together(
    client: InferenceServerClient, model: str, requests: Sequence[Arrays]
) -> list[dict[str, Array] | InferenceServerException]:
    """Sends all requests at once, so that the dynamic batcher can join them; an error stands in its own place."""

    def one(feeds: Arrays) -> dict[str, Array] | InferenceServerException:
        try:
            return infer(client, model, feeds)
        except InferenceServerException as error:
            return error

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def expected(network: onnx.ModelProto, feeds: Arrays) -> dict[str, Array]:
    """What ONNX Runtime answers with its default options."""
    session = ort.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _tensor(name: str, values: Array) -> InferInput:
    tensor = InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    return tensor.set_data_from_numpy(np.ascontiguousarray(values).reshape(values.shape))
