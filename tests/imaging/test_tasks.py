"""Task lists as clients send them: what is read, what is refused as a whole, and what one task is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from imaging.errors import ImageError
from imaging.operations import OPERATIONS
from imaging.tasks import Skipped, Task, TaskListError, read


def one(**entry: object) -> Task | Skipped:
    (found,) = read(json.dumps([{"operation_id": "t", **entry}]).encode()).tasks
    return found


def reason(**entry: object) -> str:
    found = one(**entry)
    assert isinstance(found, Skipped)
    assert found.operation_id == "t"
    return found.reason


@pytest.mark.parametrize(("name", "target"), [(name, one.default) for name, one in OPERATIONS.items()])
def test_what_is_left_out_has_a_default(name: str, target: str) -> None:
    params = {"collection_id": 7} if name == "classify" else None
    found = one(type=name, params=params)
    assert isinstance(found, Task)
    assert (found.operation.name, found.target, found.within) == (name, target, "prominent_person")
    assert (found.max_length, found.beams, found.normalized) == (50, 1, False)


def test_every_parameter_is_read() -> None:
    params = {"target": "prominent_face", "face_context": "whole_image", "max_length": 12, "num_beams": 3}
    found = one(type="describe_image", params=params)
    assert isinstance(found, Task)
    assert (found.target, found.within, found.max_length, found.beams) == ("prominent_face", "whole_image", 12, 3)
    classified = one(type="classify", params={"collection_id": "7"})
    assert isinstance(classified, Task)
    assert classified.collection == 7


@pytest.mark.parametrize("kind", ["embed_clip_vit_b_32", "embed_clip_vit_l_14"])
def test_a_clip_task_may_name_the_size(kind: str) -> None:
    found = one(type=kind, params={"model": "ViT-L/14@336px", "normalized": True})
    assert isinstance(found, Task)
    assert (found.operation.model, found.normalized) == ("embed_clip_vit_l_14_336", True)


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("embed_clop", {}, "Unsupported operation type: 'embed_clop'. Supported: detect_bounding_box, "),
        ("embed_dino_v2", {"target": "cat"}, "Unsupported target 'cat' for 'embed_dino_v2'. Allowed: ['whole_image'"),
        ("detect_bounding_box", {"target": "whole_image"}, "Allowed: ['prominent_person', 'prominent_face']"),
        ("embed_dino_v2", {"target": ["whole_image"]}, "Unsupported target"),
        ("embed_dino_v2", {"face_context": "crowd"}, "Unsupported face_context 'crowd'"),
        ("classify", {}, "'collection_id' param is required"),
        ("classify", {"collection_id": None}, "'collection_id' param is required"),
        ("classify", {"collection_id": 1.5}, "'collection_id' must be an integer"),
        ("classify", {"collection_id": 2**40}, "'collection_id' must be an integer"),
        ("classify", {"collection_id": "9" * 5000}, "'collection_id' must be an integer"),
        ("describe_image", {"max_length": 0}, "'max_length' must be an integer from 1 to 512"),
        ("describe_image", {"max_length": True}, "'max_length' must be an integer"),
        ("describe_image", {"max_length": "long"}, "'max_length' must be an integer"),
        ("describe_image", {"num_beams": 99}, "'num_beams' must be an integer from 1 to 8"),
        ("embed_dino_v2", {"normalized": "yes"}, "'normalized' must be true or false"),
        ("embed_dino_v2", {"model": "ViT-B/32"}, "'model' chooses a size of CLIP"),
        ("embed_clip_vit_b_32", {"model": "RN50"}, "Unsupported model 'RN50'"),
        ("describe_image", {"maxlength": 3}, "Unknown parameter 'maxlength'. There are: target, "),
    ],
)
def test_what_is_wrong_with_one_task_is_told_of_that_task(kind: str, params: dict[str, Any], said: str) -> None:
    assert said in reason(type=kind, params=params)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"3", "must be an object"),
        (b'{"task": []}', "unknown option 'task'; there are tasks, crops"),
        (b'{"tasks": {}}', "tasks must be a list"),
        (b'{"tasks": [], "crops": 1}', "crops must be true or false"),
        (b"[1]", r"tasks\[0\] is no object"),
        (b'[{"type": "classify"}]', r"tasks\[0\].operation_id must be a string"),
        (b'[{"operation_id": "a", "type": 3}]', r"tasks\[0\].type must be a string"),
        (b'[{"operation_id": "a", "type": "classify", "params": []}]', r"tasks\[0\].params must be an object"),
        (b'[{"operation_id": "a", "type": "x"}, {"operation_id": "a", "type": "y"}]', "'a' is there 2 times"),
        (json.dumps([{"operation_id": str(i), "type": "x"} for i in range(257)]).encode(), "257 tasks are too many"),
    ],
)
def test_a_list_that_cannot_be_told_apart_is_refused_as_a_whole(text: bytes, said: str) -> None:
    with pytest.raises(TaskListError, match=said) as caught:
        read(text)
    assert isinstance(caught.value, ImageError), "a step says it of the request"


def test_no_options_are_no_tasks() -> None:
    assert read(b"{}").tasks == ()
    assert read(b"{}").crops
    assert not read(b'{"crops": false, "tasks": []}').crops


SCALARS: some.SearchStrategy[object] = some.sampled_from(
    [None, True, False, "", "7", "-", "whole_image", 0, -1, 2**70, 1.5, float("nan"), [], {}]
)
JSON = SCALARS | some.integers() | some.lists(SCALARS, max_size=3) | some.dictionaries(some.just("target"), SCALARS)
KEYS = some.sampled_from(["target", "face_context", "collection_id", "max_length", "num_beams", "model", "normalized"])


@given(some.sampled_from([*OPERATIONS, "other"]), some.dictionaries(KEYS, JSON, max_size=4))
def test_whatever_the_parameters_are_the_others_are_read(kind: str, params: dict[str, Any]) -> None:
    sound = {"operation_id": "sound", "type": "embed_dino_v2"}
    text = json.dumps([{"operation_id": "any", "type": kind, "params": params}, sound]).encode()
    first, second = read(text).tasks
    assert first.operation_id == "any"
    assert isinstance(second, Task)


@given(some.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_in_words(text: bytes) -> None:
    try:
        read(text)
    except TaskListError as error:
        assert str(error)  # noqa: PT017 - either is right
