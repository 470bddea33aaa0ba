"""The proof of a classifier: its probabilities, its best label, and the labels that it carries."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx

from export import pictures
from export.contract import LABELS, PROBABILITIES, SCORES, Contract
from export.pictures import Samples
from export.processor import Pictures
from export.proof import Proof, Row, Runner, contract_rows, reported_rows, runner
from export.runtime import Answer

_DIFFERENCE = "of a probability, max"
_SUM_TOLERANCE = 5e-3
_LEAST_SPREAD = 1e-4
Logits: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What a classifier is measured against: logits [n, labels] over their temperature, and the label file."""

    logits: Callable[[Pictures], Answer]
    labels: bytes


def prove(path: Path, promised: Contract, batches: Sequence[Samples], truth: Truth, limit: float) -> Proof:
    """The contract, and the answers to `batches`, the last of which is also timed."""
    run, model = runner(path, PROBABILITIES), onnx.load(path)
    wanted = [np.asarray(truth.logits(one.batch), np.float64) for one in batches]
    values = [
        row
        for one, logits in zip(batches, wanted, strict=True)
        for size in (1, pictures.COUNT)
        for row in judge(
            f"values, {one.label}, batch {size}", _in_batches(run, one.batch, size), softmax(logits), limit
        )
    ]
    last = batches[-1].batch
    rows = (
        *contract_rows(promised, model),
        *values,
        _sum(run(last)),
        _spread(np.concatenate(wanted)),
        _labels(runner(path, LABELS)(last), truth.labels),
        _same(runner(path, SCORES)(last), run(last)),
        *reported_rows(path, model, run, batches[-1]),
    )
    return Proof(rows, max(float(row.value) for row in values if row.unit == _DIFFERENCE))


def softmax(logits: Logits) -> Logits:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def judge(check: str, found: Answer, wanted: Answer, limit: float) -> list[Row]:
    """Probabilities [n, labels]: the largest difference, and how many pictures have another best label where the
    reference's two best are further apart than the limit.
    """
    one, other = (np.asarray(values, np.float64) for values in (found, wanted))
    if one.shape != other.shape:
        return [Row(check, math.inf, limit, _DIFFERENCE, ok=False)]
    largest = float(np.abs(one - other).max()) if np.isfinite(one).all() else math.inf
    clear = np.ones(len(other), bool)
    if other.shape[1] > 1:
        second, first = np.sort(other, axis=1)[:, -2:].T
        clear = first - second > limit
    changed = int(np.sum((one.argmax(axis=1) != other.argmax(axis=1)) & clear))
    return [
        Row(check, round(largest, 9), limit, _DIFFERENCE, largest <= limit),
        Row(check, changed, 0, f"of {int(clear.sum())} best labels changed", changed == 0),
    ]


def _in_batches(run: Runner, batch: npt.NDArray[Any], size: int) -> Answer:
    return np.concatenate([run(batch[i : i + size]) for i in range(0, len(batch), size)])


def _sum(found: Answer) -> Row:
    error = float(np.abs(np.asarray(found, np.float64).sum(axis=1) - 1).max())
    return Row("sum of probabilities", round(error, 9), _SUM_TOLERANCE, "from 1, max", error <= _SUM_TOLERANCE)


def _spread(logits: Logits) -> Row:
    """A network that gives every picture the same logits is no classifier, and agreeing with it no proof."""
    spread = float(np.abs(logits - logits[:1]).max())
    check = "logits of different pictures apart by, at least"
    return Row(check, round(spread, 6), _LEAST_SPREAD, "", spread >= _LEAST_SPREAD)


def _labels(carried: Answer, wanted: bytes) -> Row:
    same = all(bytes(np.asarray(one, np.uint8)) == wanted for one in carried)
    return Row("labels in the graph", "the label file's" if same else "others", "the label file's", "", same)


def _same(scores: Answer, found: Answer) -> Row:
    same = np.array_equal(scores, found)
    return Row("scores", "the probabilities" if same else "others", "the probabilities", "", same)
