"""What embedders of pictures and of text share: the ends of their graphs, the proof by direction and length."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import pictures
from export.contract import EMBEDDING, NORMALIZED, OWN, Contract
from export.kinds import Precision
from export.pictures import Samples
from export.precision import CONVERT
from export.proof import Proof, Row, Runner, contract_rows, reported_rows, runner
from export.runtime import Answer
from export.to_onnx import exported
from export.wrap import renamed, stripped

OPSET = 18
_LENGTH_TOLERANCE: Mapping[Precision, float] = MappingProxyType({"fp32": 1e-4, "fp16": 5e-3, "int8": 5e-2})
_TURNED = "1 - cosine, max"
Vectors = npt.NDArray[np.float64]
Reference: TypeAlias = Callable[[npt.NDArray[Any]], Answer]


def graph(module: torch.nn.Module, example: torch.Tensor, name: str, precision: Precision) -> onnx.ModelProto:
    """A module with one input, `name`, and two outputs as `embedding` and `normalized`."""
    names = (name, EMBEDDING, NORMALIZED)
    first, *others = (f"{OWN}{one}" for one in names)  # networks have tensors called `embedding` inside
    plain = exported(module, example, first, others, OPSET)
    return stripped(renamed(CONVERT[precision](plain), dict(zip([first, *others], names, strict=True))))


def prove(
    path: Path, promised: Contract, batches: Sequence[Samples], reference: Reference, limit: float, precision: Precision
) -> Proof:
    """The contract, and the answers to `batches`, the last of which is also timed, against those of `reference`."""
    run, run_normalized = runner(path, EMBEDDING), runner(path, NORMALIZED)
    wanted = [reference(one.batch) for one in batches]
    values = [
        row
        for one, truth in zip(batches, wanted, strict=True)
        for size in (1, pictures.COUNT)
        for row in judge(
            f"values, {one.label}, batch {size}", _in_batches(run, one.batch, size), truth, limit, precision
        )
    ]
    model = onnx.load(path)
    rows = (
        *contract_rows(promised, model),
        *values,
        _spread(np.concatenate(wanted)),
        _length(run_normalized(batches[-1].batch)),
        *reported_rows(path, model, run, batches[-1]),
    )
    return Proof(rows, max(float(row.value) for row in values if row.unit == _TURNED))


def judge(check: str, found: Answer, wanted: Answer, limit: float, precision: Precision) -> list[Row]:
    """How far the directions and the lengths of two batches of vectors [n, width] are from each other, at most."""
    one, other = (np.asarray(vectors, dtype=np.float64) for vectors in (found, wanted))
    turned = float(np.max(1 - _cosines(one, other))) if np.isfinite(one).all() else math.inf
    lengths = np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    stretched = float(np.max(np.abs(lengths - 1))) if np.isfinite(lengths).all() else math.inf
    length_limit = _LENGTH_TOLERANCE[precision]
    return [
        Row(check, round(turned, 9), limit, _TURNED, turned <= limit),
        Row(check, round(stretched, 6), length_limit, "of the length, max", stretched <= length_limit),
    ]


def _in_batches(run: Runner, batch: npt.NDArray[Any], size: int) -> Answer:
    return np.concatenate([run(batch[i : i + size]) for i in range(0, len(batch), size)])


def _cosines(one: Vectors, other: Vectors) -> Vectors:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.sum(one * other, axis=1) / np.maximum(lengths, 1e-12))


def _spread(vectors: Answer) -> Row:
    """A network that gives every picture the same vector is no embedder, and agreeing with it no proof."""
    plain = np.asarray(vectors, dtype=np.float64)
    spread = float(np.max(1 - _cosines(plain, np.broadcast_to(plain[:1], plain.shape))))
    least = 1e-5
    return Row(
        "vectors of different pictures apart by, at least", round(spread, 9), least, "1 - cosine", spread >= least
    )


def _length(vectors: Answer) -> Row:
    error = float(np.max(np.abs(np.linalg.norm(np.asarray(vectors, dtype=np.float64), axis=1) - 1)))
    limit = 1e-3
    return Row("length of normalized vectors", round(error, 9), limit, "from 1, max", error <= limit)
