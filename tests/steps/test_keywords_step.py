from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import ShapeError
from imaging.ranking import labels_of, ranked
from tests.steps.triton import InferenceResponse, Logger, Model, Request, TritonError, started

ALL = ["keywords", "confidences"]
LABELS = b"oven-tray\nfinalstep\ncr\xc3\xa8me br\xc3\xbbl\xc3\xa9e\n"


def inputs(*rows: list[float], labels: bytes = LABELS) -> dict[str, np.ndarray]:
    return {
        "scores": np.array(rows, np.float32),
        "labels": np.stack([np.frombuffer(labels, np.uint8)] * len(rows)),
    }


def answer(model: Model, arrays: dict[str, np.ndarray], wanted: list[str] | None = None) -> InferenceResponse:
    return model.execute([Request(arrays, wanted or ALL)])[0]


def test_keywords_come_the_most_probable_first() -> None:
    found = answer(started("keywords"), inputs([0.2, 0.1, 0.7], [0.5, 0.3, 0.2])).arrays()
    assert found["confidences"].dtype == np.float32
    assert found["confidences"].tolist() == pytest.approx(np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]))
    assert [[one.decode() for one in row] for row in found["keywords"]] == [
        ["crème brûlée", "oven-tray", "finalstep"],
        ["oven-tray", "finalstep", "crème brûlée"],
    ]


def test_only_what_is_asked_for_is_sent() -> None:
    assert list(answer(started("keywords"), inputs([0.2, 0.1, 0.7]), ["confidences"]).arrays()) == ["confidences"]


def test_labels_that_do_not_belong_to_the_probabilities_fail_their_request_alone() -> None:
    wrong, right = inputs([0.5, 0.5]), inputs([0.2, 0.1, 0.7])
    refused, answered = started("keywords").execute([Request(wrong, ALL), Request(right, ALL)])
    assert refused.refusal().code() == TritonError.INVALID_ARG
    assert refused.refusal().message() == "2 probabilities do not belong to 3 labels"
    assert answered.arrays()["keywords"][0, 0] == "crème brûlée".encode()


def test_probabilities_that_are_no_numbers_are_nobody_elses_fault() -> None:
    refused = answer(started("keywords"), inputs([0.2, float("nan"), 0.7])).refusal()
    assert (refused.code(), refused.message()) == (TritonError.INTERNAL, "the keywords could not be named")
    assert "no finite numbers" in Logger.errors[-1]


def test_a_cancelled_request_is_not_answered() -> None:
    (refused,) = started("keywords").execute([Request(inputs([0.2, 0.1, 0.7]), ALL, cancelled=True)])
    assert refused.refusal().code() == TritonError.CANCELLED


def test_a_label_file_need_not_end_its_last_line() -> None:
    assert labels_of(np.frombuffer(b"a\nb c", np.uint8)) == ["a", "b c"]
    with pytest.raises(ShapeError, match="not UTF-8"):
        labels_of(np.frombuffer(b"\xff\n", np.uint8))


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_every_label_keeps_its_probability(values: list[float]) -> None:
    labels = [f"label {number}" for number in range(len(values))]
    keywords, confidences = ranked(np.array(values, np.float32), labels)
    assert sorted(keywords) == sorted(labels)
    assert [values[labels.index(keyword)] for keyword in keywords] == confidences.tolist()
    assert (np.diff(confidences) <= 0).all()
    equal = [(a, b) for a, b, c, d in zip(keywords, keywords[1:], confidences, confidences[1:], strict=False) if c == d]
    assert all(labels.index(a) < labels.index(b) for a, b in equal), "equal ones stay in the labels' order"
