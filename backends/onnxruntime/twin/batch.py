"""Requests into runs of the network, and a run's outputs back into answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.tensors import Values, on_host


class RunError(RuntimeError):
    """A run of the network failed; the text is ONNX Runtime's own, or says what is wrong with the outputs."""


@dataclass(frozen=True)
class Call:
    """One request: its place in the batch, its inputs and the outputs that it asks for."""

    position: int
    feeds: Mapping[str, Values]
    wanted: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Its share of the batch: the first dimension, equal in all inputs (Triton sees to it)."""
        first = next(iter(self.feeds.values()), None)
        return 1 if first is None or not first.shape else int(first.shape[0])


def group(calls: Sequence[Call], *, batching: bool) -> list[list[Call]]:
    """Calls that can run together: same inputs, same shapes but for the first dimension; each alone if not batching."""
    if not batching:
        return [[call] for call in calls]
    groups: dict[object, list[Call]] = {}
    for call in calls:
        key = tuple(sorted((name, feed.shape[1:]) for name, feed in call.feeds.items()))
        groups.setdefault(key, []).append(call)
    return list(groups.values())


def join(calls: Sequence[Call]) -> Mapping[str, Values]:
    """The inputs of one run. One call's values go in as they are; several are concatenated once along dimension 0.

    Several calls in GPU memory meet in host memory: ONNX Runtime has no call that concatenates on the device.
    """
    if len(calls) == 1:
        return calls[0].feeds
    return {name: np.concatenate([on_host(call.feeds[name]) for call in calls]) for name in calls[0].feeds}


def wanted(calls: Sequence[Call]) -> list[str]:
    """The outputs that at least one call asks for, in a stable order."""
    return list(dict.fromkeys(name for call in calls for name in call.wanted))


def split(outputs: Mapping[str, Values], calls: Sequence[Call], *, batching: bool) -> list[dict[str, Values]]:
    """Each call's outputs, as views. Raises RunError where an output has another number of rows than the batch."""
    if batching:
        _check_rows(outputs, sum(call.rows for call in calls))
    if len(calls) == 1:
        return [{name: outputs[name] for name in calls[0].wanted}]
    answers: list[dict[str, Values]] = []
    start = 0
    for call in calls:
        rows = slice(start, start + call.rows)
        answers.append({name: on_host(outputs[name])[rows] for name in call.wanted})
        start += call.rows
    return answers


def _check_rows(outputs: Mapping[str, Values], total: int) -> None:
    for name, values in outputs.items():
        if values.shape[:1] != (total,):
            raise RunError(f"output '{name}' has shape {list(values.shape)} for a batch of {total}")
