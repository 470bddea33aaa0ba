"""Suppression of boxes that overlap, as the operator that ONNX has for it."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Limits:
    """Of how many classes boxes are, how many of each may be kept, how much two may overlap, and the least score."""

    classes: int
    most: int
    overlap: float
    least: float


def kept(boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor, limits: Limits) -> torch.Tensor:
    """`scores` [n, k] with 0 for boxes [n, k, 4] of a class [n, k] that a better one of it overlaps, and for those
    below the least score.

    Only for graphs: outside of one it answers with zeros.
    """
    count, size = scores.shape
    own = classes[:, None] == torch.arange(limits.classes)[:, None]
    apart = torch.where(own, scores[:, None], 0.0)  # [n, classes, k]: the operator looks at each class by itself
    picked = _operator("NonMaxSuppression", (boxes, apart, *_constants(limits)), (size, 3), torch.int64)
    places = _operator("Gather", (picked, torch.tensor([0, 2])), (size, 2), torch.int64, axis=1)
    found = _operator("GatherND", (scores, places), (size,), scores.dtype)
    return _operator("ScatterND", (torch.zeros_like(scores), places, found), (count, size), scores.dtype)


def _constants(limits: Limits) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor([one]) for one in (limits.most, limits.overlap, limits.least))


def _operator(
    name: str, inputs: tuple[torch.Tensor, ...], shape: tuple[int, ...], dtype: torch.dtype, **attributes: int
) -> torch.Tensor:
    """An operator of ONNX whose shape torch takes on trust: how many boxes are picked, nobody knows before."""
    answer: torch.Tensor = torch.onnx.ops.symbolic(name, inputs, dict(attributes), dtype=dtype, shape=shape, version=18)
    return answer
