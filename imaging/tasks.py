"""The task list of an analysis: JSON in, tasks out, and for every task that cannot be attempted the reason."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from imaging.errors import ImageError
from imaging.operations import CLIP_MODELS, FACE, FACE_CONTEXTS, MAX_LENGTH, OPERATIONS, PERSON, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETERS = ("target", "face_context", "collection_id", "max_length", "num_beams", "model", "normalized")
LARGEST_ID = 2**31 - 1
LONGEST = 512
MOST_BEAMS = 8
MOST_TASKS = 256
DEFAULTS: Mapping[str, object] = {"tasks": [], "crops": True}


class TaskListError(ImageError):
    """The list itself is wrong, so that no task of it can be told from another."""


class TaskError(ValueError):
    """One task cannot be attempted; the text says why, for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task, checked. `within` is where a face is looked for; of the rest each kind of operation uses its own."""

    operation_id: str
    operation: Operation
    target: str
    within: str = PERSON
    collection: int = 0
    max_length: int = MAX_LENGTH
    beams: int = 1
    normalized: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    operation_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one request asks for. `crops`: whether the pictures that crops show are wanted, too."""

    tasks: tuple[Task | Skipped, ...]
    crops: bool


def read(text: bytes) -> Wishes:
    """Read the options of an analysis: `{"tasks": [...], "crops": true}`, or the bare list of tasks.

    Raises TaskListError for what is no such JSON, for more than 256 tasks, and for an id that two tasks have.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaskListError("the options are not JSON") from error
    options = {"tasks": given} if isinstance(given, list) else given
    if not isinstance(options, dict):
        raise TaskListError('the options must be an object such as {"tasks": [...]}, or the list of tasks')
    if unknown := sorted(set(options) - set(DEFAULTS)):
        raise TaskListError(f"unknown option {unknown[0]!r}; there are {', '.join(DEFAULTS)}")
    crops = options.get("crops", DEFAULTS["crops"])
    if not isinstance(crops, bool):
        raise TaskListError("crops must be true or false")
    return Wishes(read_tasks(options.get("tasks", [])), crops)


def read_tasks(given: object) -> tuple[Task | Skipped, ...]:
    """Raises TaskListError; what is wrong with one task only is said of that task."""
    if not isinstance(given, list):
        raise TaskListError("tasks must be a list")
    if len(given) > MOST_TASKS:
        raise TaskListError(f"{len(given)} tasks are too many, at most {MOST_TASKS} are allowed")
    ids = [_id_of(number, entry) for number, entry in enumerate(given)]
    name, count = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if count > 1:
        raise TaskListError(f"operation_id {name!r} is there {count} times; results are told apart by it")
    return tuple(_read_one(name, entry) for name, entry in zip(ids, given, strict=True))


def _id_of(number: int, entry: object) -> str:
    if not isinstance(entry, dict):
        raise TaskListError(f"tasks[{number}] is no object")
    for name in ("operation_id", "type"):
        if not isinstance(entry.get(name), str):
            raise TaskListError(f"tasks[{number}].{name} must be a string")
    if not isinstance(entry.get("params"), dict | None):
        raise TaskListError(f"tasks[{number}].params must be an object")
    return str(entry["operation_id"])


def _read_one(operation_id: str, entry: Mapping[str, object]) -> Task | Skipped:
    operation = OPERATIONS.get(str(entry["type"]))
    if operation is None:
        reason = f"Unsupported operation type: {entry['type']!r}. Supported: {', '.join(OPERATIONS)}"
        return Skipped(operation_id, reason)
    try:
        return _checked(operation_id, operation, cast("Mapping[str, object]", entry.get("params") or {}))
    except TaskError as error:
        return Skipped(operation_id, str(error))


def _checked(operation_id: str, operation: Operation, params: Mapping[str, object]) -> Task:
    if unknown := sorted(set(params) - set(PARAMETERS)):
        raise TaskError(f"Unknown parameter {unknown[0]!r}. There are: {', '.join(PARAMETERS)}")
    operation = _clip(operation, params.get("model"))
    target = _one_of("target", params.get("target", operation.default), operation.targets, operation.name)
    within = _one_of("face_context", params.get("face_context", PERSON), FACE_CONTEXTS, FACE)
    if operation.kind == "classify" and params.get("collection_id") is None:
        raise TaskError("'collection_id' param is required for 'classify' operation.")
    return Task(
        operation_id,
        operation,
        target,
        within,
        _integer(params, "collection_id", 0, -LARGEST_ID, LARGEST_ID),
        _integer(params, "max_length", MAX_LENGTH, 1, LONGEST),
        _integer(params, "num_beams", 1, 1, MOST_BEAMS),
        _flag(params, "normalized"),
    )


def _clip(operation: Operation, model: object) -> Operation:
    """The operation of another size of CLIP, where a CLIP task names one."""
    if model is None:
        return operation
    if operation.name not in CLIP_MODELS.values():
        raise TaskError(f"'model' chooses a size of CLIP; '{operation.name}' has one model only.")
    name = _one_of("model", model, tuple(CLIP_MODELS), operation.name)
    return OPERATIONS[CLIP_MODELS[name]]


def _one_of(name: str, value: object, allowed: tuple[str, ...], whose: str) -> str:
    if value not in allowed:
        raise TaskError(f"Unsupported {name} {value!r} for '{whose}'. Allowed: {list(allowed)}")
    return str(value)


def _integer(params: Mapping[str, object], name: str, default: int, least: int, most: int) -> int:
    """Return an integer from JSON, or from a string of digits, as clients of the older API send it."""
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        value = int(value) if len(value) < len(str(LARGEST_ID)) * 2 else most + 1
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TaskError(f"'{name}' must be an integer from {least} to {most}.")
    return value


def _flag(params: Mapping[str, object], name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise TaskError(f"'{name}' must be true or false.")
    return value
