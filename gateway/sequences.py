"""A video at the inference server: one sequence of frames, whose state a step there keeps from one to the next."""

from collections.abc import Sequence as Names
from typing import Protocol

from gateway.tensors import Tensors


class Sequence(Protocol):
    """One video at the inference server: frames go in order, answers come in order; several may be under way.

    After an error the next frame begins a new sequence, as if the video began there.
    """

    async def infer(self, tensors: Tensors, outputs: Names[str]) -> Tensors:
        """One frame; arrays without the batch's dimension. Raises a GatewayError."""
        ...
