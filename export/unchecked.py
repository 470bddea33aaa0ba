"""The switch of `transformers` that keeps its checks of shapes out of a graph."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Its checks become operators that no ONNX translation exists for.
_SWITCH = "TRANSFORMERS_DISABLE_TORCH_CHECK"


@contextmanager
def unchecked() -> Iterator[None]:
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SWITCH]
        else:
            os.environ[_SWITCH] = before
