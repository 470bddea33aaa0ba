from __future__ import annotations

import numpy as np
import pytest

from tests.steps.triton import InferenceResponse, Model, Request, TritonError, started

ALL = ["boxes", "scores", "count"]
SHARES = np.array([[0.0, 0.0, 0.5, 1.0], [0.25, 0.5, 1.1, 0.75]], np.float32)


def inputs(scores: list[list[float]], *sizes: tuple[int, int]) -> dict[str, np.ndarray]:
    return {
        "boxes": np.stack([SHARES] * len(scores)),
        "scores": np.array(scores, np.float32),
        "size": np.array(sizes, np.int32),
    }


def answer(model: Model, arrays: dict[str, np.ndarray], wanted: list[str] | None = None) -> InferenceResponse:
    return model.execute([Request(arrays, wanted or ALL)])[0]


def test_boxes_have_the_shapes_and_types_of_the_contract() -> None:
    found = answer(started("person_boxes"), inputs([[0.9, 0.5]], (100, 40))).arrays()
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "boxes": ((1, 2, 4), "float32"),
        "scores": ((1, 2), "float32"),
        "count": ((1, 1), "int32"),
    }
    assert found["boxes"][0].tolist() == [[0, 0, 20, 100], [10, 50, 40, 75]]


def test_pictures_of_one_request_are_counted_apart() -> None:
    arrays = inputs([[0.9, 0.1], [0.2, 0.1], [0.4, 0.8]], (100, 40), (10, 10), (20, 200))
    found = answer(started("person_boxes"), arrays).arrays()
    assert found["count"].tolist() == [[1], [0], [2]]
    assert found["scores"].tolist() == pytest.approx(np.array([[0.9, 0], [0, 0], [0.8, 0.4]]))
    assert found["boxes"][2].tolist() == [[50, 10, 200, 15], [0, 0, 100, 20]]
    assert not found["boxes"][1].any()


def test_nobody_is_no_box() -> None:
    found = answer(started("person_boxes"), inputs([[0.1, 0.0]], (10, 10))).arrays()
    assert (found["boxes"].shape, found["scores"].shape, found["count"].tolist()) == ((1, 0, 4), (1, 0), [[0]])


@pytest.mark.parametrize(("threshold", "count"), [("0", 2), ("0.05", 2), ("0.6", 1), ("1", 0)])
def test_the_threshold_is_a_parameter(threshold: str, count: int) -> None:
    model = started("person_boxes", {"threshold": threshold})
    assert answer(model, inputs([[0.9, 0.1]], (10, 10))).arrays()["count"].tolist() == [[count]]


@pytest.mark.parametrize("threshold", ["high", "", "-0.1", "1.5", "nan"])
def test_a_threshold_that_is_no_probability_stops_the_model(threshold: str) -> None:
    with pytest.raises(ValueError, match="threshold must be a number from 0 to 1"):
        started("person_boxes", {"threshold": threshold})


def test_only_what_is_asked_for_is_sent() -> None:
    found = answer(started("person_boxes"), inputs([[0.9, 0.1]], (10, 10)), ["count"])
    assert list(found.arrays()) == ["count"]


def test_a_size_that_no_picture_has_fails_its_request_alone() -> None:
    model = started("person_boxes")
    wrong, right = inputs([[0.9, 0.1]] * 2, (10, 10), (0, 10)), inputs([[0.9, 0.1]], (10, 10))
    refused, answered = model.execute([Request(wrong, ALL), Request(right, ALL)])
    assert refused.refusal().code() == TritonError.INVALID_ARG
    assert refused.refusal().message() == "picture 2 of 2: size 0 x 10 is no size of a picture"
    assert answered.arrays()["count"].tolist() == [[1]]


def test_a_cancelled_request_is_not_answered() -> None:
    (refused,) = started("person_boxes").execute([Request(inputs([[0.9, 0.1]], (10, 10)), ALL, cancelled=True)])
    assert refused.refusal().code() == TritonError.CANCELLED
