"""The steps of shelves outside a server: contract, options, and what is remembered of videos."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.shelf_walks import Seen, walk
from tests.steps.triton import Model, Request, TritonError, started

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILES = ["answer", "mask", "overlay"]
RESULTS = ["smoothed", "flicker", "mean_confidence", "shares", "motion"]
REMEMBERED = {"most_videos": "2", "idle_seconds": "30"}
HEIGHT, WIDTH = 90, 120


def picture(options: dict[str, Any], *, instances: bool = False) -> dict[str, NDArray[Any]]:
    """The left half products, the right one empty; as instances two products of which the second is the lower half."""
    mask = np.full((1, 64, 64), 4, np.uint8)
    mask[:, :, :32] = 1
    things = np.zeros((1, 64, 64), np.int32)
    things[:, :32, :32], things[:, 32:, :32] = 1, 2
    boxes = np.zeros((1, 3, 4), np.float32)
    boxes[0, :2] = [[0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1]]
    lists: dict[str, NDArray[Any]] = {
        "instances": things,
        "boxes": boxes,
        "scores": np.array([[0.9, 0.5, 0]], np.float32),
        "classes": np.array([[1, 1, 0]], np.int32),
    }
    given: dict[str, NDArray[Any]] = {
        "classes_mask": mask,
        "confidence": np.full((1, 16, 16), 204, np.uint8),
        "full": np.full((1, HEIGHT, WIDTH, 3), 128, np.uint8),
        "size": np.array([[HEIGHT, WIDTH]], np.int32),
        "options": np.array([[json.dumps(options).encode()]], np.object_),
    }
    return given | lists if instances else given


def opened(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)))


def test_a_picture_gets_its_figures_its_mask_and_its_overlay() -> None:
    (answer,) = started("shelf").execute([Request(picture({"format": "png", "opacity": 1.0}), FILES)])
    found = {name: values[0, 0] for name, values in answer.arrays().items()}
    figures = json.loads(found["answer"])
    assert (figures["width"], figures["height"], figures["instances"]) == (WIDTH, HEIGHT, None)
    assert figures["counts"] == {"product": 1, "tag": 0, "board": 0, "empty": 1}
    assert (figures["coverage"], figures["confidence"], figures["shares"]["empty"]) == (0.5, 0.8, 0.5)
    mask = opened(found["mask"])
    assert mask.shape == (HEIGHT, WIDTH)
    assert (mask[:, : WIDTH // 2] == 1).all()
    assert (mask[:, WIDTH // 2 :] == 4).all()
    assert opened(found["overlay"])[0, 0].tolist() == [0, 158, 115]


def test_instances_are_told_in_pixels_of_the_picture_with_their_rle_on_request() -> None:
    given = picture({"rle": True, "mask": "palette"}, instances=True)
    (answer,) = started("shelf").execute([Request(given, ["answer", "mask"])])
    found = answer.arrays()
    figures = json.loads(found["answer"][0, 0])
    first, second = figures["instances"]
    assert figures["counts"]["product"] == 2
    assert (first["class"], first["score"], first["box"], first["area"]) == ("product", 0.9, [0, 0, 60, 45], 2700)
    assert second["box"] == [0, 45, 60, 90]
    assert first["rle"]["size"] == figures["rle"]["product"]["size"] == [HEIGHT, WIDTH]
    assert (opened(found["mask"][0, 0])[:, : WIDTH // 2] == 1).all(), "the indices are the classes"


def test_only_what_is_asked_for_is_made() -> None:
    (answer,) = started("shelf").execute([Request(picture({}), ["mask"])])
    assert answer.arrays().keys() == {"mask"}


@pytest.mark.parametrize("options", [{"opacity": 2}, {"format": "gif"}, {"colour": "red"}])
def test_a_wrong_option_fails_alone_and_is_named(options: dict[str, Any]) -> None:
    wrong, right = Request(picture(options), FILES), Request(picture({}), FILES)
    refused, answered = started("shelf").execute([wrong, right])
    assert refused.refusal().code() == TritonError.INVALID_ARG
    assert next(iter(options)) in refused.refusal().message()
    assert answered.error is None


def frame(seen: Seen, video: int, *, start: int = 0, end: int = 0, smoothing: float = 0.5) -> Request:
    inputs: dict[str, NDArray[Any]] = {
        "pixels": seen.pixels[None],
        "mask": seen.mask[None],
        "confidence": seen.confidence[None],
        "smoothing": np.array([[smoothing]], np.float32),
        "START": np.array([start], np.int32),
        "END": np.array([end], np.int32),
        "CORRID": np.array([video], np.uint64),
    }
    return Request(inputs, RESULTS)


def flicker(step: Model, request: Request) -> float:
    (answer,) = step.execute([request])
    return float(answer.arrays()["flicker"][0, 0])


def test_videos_are_told_apart_and_each_is_compared_with_its_own_frame_before() -> None:
    step, frames = started("shelf_smooth", REMEMBERED), list(walk(3))
    first = step.execute([frame(frames[0], 1, start=1), frame(frames[0], 2, start=1)])
    assert [answer.arrays()["flicker"][0, 0] for answer in first] == [-1, -1]
    found = step.execute([frame(frames[1], 2), frame(frames[1], 1)])[0].arrays()
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "smoothed": ((1, 256, 256), "uint8"),
        "flicker": ((1, 1), "float32"),
        "mean_confidence": ((1, 1), "float32"),
        "shares": ((1, 5), "float32"),
        "motion": ((1, 2), "float32"),
    }
    assert 0 < found["flicker"][0, 0] < 0.2
    assert found["shares"].sum() == pytest.approx(1)
    assert found["motion"][0].tolist() == pytest.approx([-5, -2], abs=0.5)


@pytest.mark.parametrize("then", ["end", "error", "start", "crowd"])
def test_what_is_remembered_goes_with_the_videos_end_an_error_a_new_start_and_too_many_others(then: str) -> None:
    step, (one, two) = started("shelf_smooth", REMEMBERED), walk(2)
    flicker(step, frame(one, 1, start=1))
    if then == "end":
        assert flicker(step, frame(two, 1, end=1)) >= 0
    if then == "error":
        assert step.execute([frame(two, 1, smoothing=1.5)])[0].error
    if then == "crowd":
        assert [flicker(step, frame(one, video, start=1)) for video in (2, 3)] == [-1, -1]
    assert flicker(step, frame(two, 1, start=int(then == "start"))) == -1


def test_a_wrong_strength_says_what_is_allowed_and_leaves_the_others_of_the_batch_alone() -> None:
    step, (one, _) = started("shelf_smooth", REMEMBERED), walk(2)
    refused, answered = step.execute([frame(one, 1, start=1, smoothing=1.0), frame(one, 2, start=1)])
    assert refused.refusal().code() == TritonError.INVALID_ARG
    assert "from 0 (none) to below 1" in refused.refusal().message()
    assert answered.error is None


def test_a_cancelled_frame_is_not_worked_on_and_its_video_begins_anew() -> None:
    step, (one, two) = started("shelf_smooth", REMEMBERED), walk(2)
    flicker(step, frame(one, 1, start=1))
    gone = frame(two, 1)
    gone.cancelled = True
    assert step.execute([gone])[0].refusal().code() == TritonError.CANCELLED
    assert flicker(step, frame(two, 1)) == -1
