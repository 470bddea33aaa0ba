"""The plan of an analysis: nothing twice, nothing before what it needs, nothing decoded that nobody looks at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from imaging.operations import OPERATIONS
from imaging.plan import DECODE, FULL, PERSON_BOX, Job, Plan, Region, needs, plan
from imaging.tasks import Task, read

FRAME = "rt_detr_640"


def planned(*entries: dict[str, Any], crops: bool = True) -> Plan:
    numbered = [{"operation_id": str(number), **entry} for number, entry in enumerate(entries)]
    tasks = read(json.dumps(numbered).encode()).tasks
    return plan([task for task in tasks if isinstance(task, Task)], crops=crops, person_frame=FRAME)


def task(kind: str, **params: object) -> dict[str, Any]:
    return {"type": kind, "params": params}


def works(found: Plan) -> list[str]:
    return [job.work for job in found.jobs]


def test_no_tasks_only_decode_the_size() -> None:
    assert planned() == Plan((DECODE,), ("size",), {}, {})


def test_a_whole_picture_is_decoded_at_the_size_of_its_network() -> None:
    found = planned(task("embed_clip_vit_b_32"), task("describe_image"))
    assert found.outputs == ("blip_384", "clip_224", "size")
    assert works(found) == ["decode", "embed", "describe"]


def test_a_part_needs_the_full_picture_and_its_box() -> None:
    found = planned(task("embed_dino_v2", target="prominent_person"))
    assert found.outputs == tuple(sorted({*FULL, FRAME}))
    assert works(found) == ["decode", "person", "embed", "crop"]
    embed = found.results["0"]
    assert needs(embed) == (DECODE, PERSON_BOX)
    assert found.crops["0"] == Job("crop", Region("prominent_person"))


def test_a_face_is_looked_for_in_the_person_or_in_the_whole_picture() -> None:
    found = planned(task("detect_bounding_box", target="prominent_face"))
    assert works(found) == ["decode", "person", "face"]
    assert needs(found.results["0"]) == (DECODE, PERSON_BOX)
    whole = planned(task("detect_bounding_box", target="prominent_face", face_context="whole_image"))
    assert works(whole) == ["decode", "face"]
    assert FRAME not in whole.outputs


def test_equal_work_of_several_tasks_is_done_once() -> None:
    found = planned(
        task("embed_clip_vit_b_32", target="prominent_face"),
        task("classify", target="prominent_face", collection_id=1),
        task("classify", target="prominent_face", collection_id=2),
        task("embed_clip_vit_b_32", target="prominent_face", normalized=True),
        task("detect_bounding_box", target="prominent_face"),
        task("detect_bounding_box"),
    )
    assert works(found) == ["decode", "person", "face", "embed", "classify", "classify", "crop"]
    assert found.results["0"] == found.results["3"]
    assert len(set(found.crops.values())) == 1
    assert needs(found.results["1"]) == (found.results["0"],)


def test_captions_of_different_lengths_are_different_work() -> None:
    found = planned(task("describe_image", max_length=10), task("describe_image", max_length=20))
    assert works(found) == ["decode", "describe", "describe"]


def test_crops_that_nobody_wants_are_not_made() -> None:
    found = planned(task("embed_dino_v2", target="prominent_person"), crops=False)
    assert "crop" not in works(found)
    assert found.crops == {}


def test_detections_show_no_crop() -> None:
    assert planned(task("detect_bounding_box")).crops == {}


TARGETS = some.sampled_from(["whole_image", "prominent_person", "prominent_face"])
ENTRIES = some.builds(
    lambda kind, target, within, number: task(kind, target=target, face_context=within, collection_id=number),
    some.sampled_from(list(OPERATIONS)),
    TARGETS,
    some.sampled_from(["prominent_person", "whole_image"]),
    some.integers(0, 2),
)


@given(some.lists(ENTRIES, max_size=12), some.booleans())
def test_every_job_stands_after_what_it_needs(entries: list[dict[str, Any]], crops: bool) -> None:  # noqa: FBT001
    found = planned(*entries, crops=crops)
    done: set[Job] = set()
    for job in found.jobs:
        assert done.issuperset(needs(job))
        done.add(job)
    assert done.issuperset([*found.results.values(), *found.crops.values()])
    assert works(found).count("person") <= 1
    assert works(found).count("face") <= 2
    assert works(found).count("decode") == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_planned(name: str) -> None:
    found = planned(task(name, collection_id=3))
    assert found.results["0"] in found.jobs
