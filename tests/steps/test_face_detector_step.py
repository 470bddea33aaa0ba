"""The step around the search, with networks that see a face wherever it is bright."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.steps.triton import Called, InferenceResponse, Logger, Request, TritonError, started

OUTPUTS = ["boxes", "scores", "landmarks", "count"]
LANDMARKS = [0.3, 0.7, 0.5, 0.35, 0.65, 0.4, 0.4, 0.6, 0.8, 0.8]


@dataclass
class Bright:
    """P-Net finds what is bright in the whole of its field, the others what is bright on the whole of the crop."""

    batches: list[tuple[str, int]] = field(default_factory=list)
    failure: TritonError | None = None

    async def __call__(self, model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called:
        assert version == -1
        pixels = inputs["pixels"]
        assert pixels.dtype == np.float32
        self.batches.append((model, len(pixels)))
        if self.failure is not None:
            return Called({}, self.failure)
        if model == "face_pnet":
            windows: Any = np.lib.stride_tricks.sliding_window_view
            fields = windows(pixels[..., 0], (12, 12), axis=(1, 2))[:, ::2, ::2]
            score = (fields.min(axis=(3, 4)) > 200).astype(np.float32)
            return Called({"probability": score, "regression": np.zeros((*score.shape, 4), np.float32)})
        score = (pixels.min(axis=(1, 2, 3)) > 200).astype(np.float32)[:, None]
        answer = {"probability": score, "regression": np.zeros((len(pixels), 4), np.float32)}
        return Called(answer | {"landmarks": np.tile(np.array(LANDMARKS, np.float32), (len(pixels), 1))})


def picture(*squares: tuple[int, int, int], height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    """Dark, with bright squares (x, y, side), a little larger than the smallest face: nothing else fits into them."""
    pixels = np.full((height, width, 3), 10, np.uint8)
    for x, y, side in squares:
        pixels[y : y + side, x : x + side] = 255
    return pixels


def request(*pictures: NDArray[np.uint8], **more: list[list[int]]) -> Request:
    height, width = (max(one.shape[axis] for one in pictures) for axis in (0, 1))
    full = np.zeros((len(pictures), height, width, 3), np.uint8)
    for whole, one in zip(full, pictures, strict=True):
        whole[: one.shape[0], : one.shape[1]] = one
    size = np.array([one.shape[:2] for one in pictures], np.int32)
    return Request(
        {"full": full, "size": size, **{name: np.array(value, np.int32) for name, value in more.items()}}, OUTPUTS
    )


def detect(*requests: Request, networks: Bright | None = None) -> list[InferenceResponse]:
    model: Any = started("face_detector", calls=networks or Bright())
    found: list[InferenceResponse] = asyncio.run(model.execute(list(requests)))
    return found


def test_the_outputs_have_the_shapes_and_types_of_the_contract() -> None:
    (found,) = (answer.arrays() for answer in detect(request(picture((40, 30, 24)))))
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "boxes": ((1, 1, 4), "float32"),
        "scores": ((1, 1), "float32"),
        "landmarks": ((1, 1, 5, 2), "float32"),
        "count": ((1, 1), "int32"),
    }
    left, top, right, bottom = found["boxes"][0, 0]
    assert 38 <= left < right <= 66
    assert 28 <= top < bottom <= 56


def test_pictures_with_fewer_faces_than_others_end_in_zeros() -> None:
    pictures = (picture((10, 10, 24), (90, 60, 24)), picture(), picture((5, 5, 24), height=60, width=50))
    (found,) = (answer.arrays() for answer in detect(request(*pictures)))
    assert found["count"].tolist() == [[2], [0], [1]]
    assert not found["boxes"][1].any()
    assert not found["scores"][2, 1:].any()


def test_a_picture_without_a_face_has_empty_outputs() -> None:
    (found,) = (answer.arrays() for answer in detect(request(picture())))
    assert [found[name].shape for name in OUTPUTS] == [(1, 0, 4), (1, 0), (1, 0, 5, 2), (1, 1)]


def test_a_region_answers_in_the_coordinates_of_the_picture_and_zeros_are_the_whole() -> None:
    both = picture((10, 10, 24), (90, 60, 24))
    regions = [[80, 50, 150, 120], [0, 0, 0, 0]]
    (found,) = (answer.arrays() for answer in detect(request(both, both, region=regions)))
    assert found["count"].tolist() == [[1], [2]]
    assert np.abs(found["boxes"][1] - found["boxes"][0, 0]).max(axis=1).min() < 6


def test_unsound_requests_fail_alone() -> None:
    good = picture((40, 30, 24))
    wrong_size = request(good)
    wrong_size.inputs["size"] = np.array([[121, 160]], np.int32)
    wrong_region, gone = request(good, region=[[50, 50, 161, 60]]), request(good)
    gone.cancelled = True
    answers = detect(request(good), wrong_size, wrong_region, gone, Request({}, OUTPUTS), request(good))
    assert [answer.error and answer.error.code() for answer in answers] == [
        None,
        TritonError.INVALID_ARG,
        TritonError.INVALID_ARG,
        TritonError.CANCELLED,
        TritonError.INTERNAL,
        None,
    ]
    assert "does not lie within" in answers[1].refusal().message()
    assert "region 50, 50, 161, 60" in answers[2].refusal().message()
    assert answers[5].arrays()["count"].tolist() == [[1]]


def test_the_scales_and_crops_of_all_requests_share_batches() -> None:
    networks = Bright()
    detect(*[request(picture((40, 30, 24))) for _ in range(4)], networks=networks)
    assert sorted({name for name, _ in networks.batches}) == ["face_onet", "face_pnet", "face_rnet"]
    assert len(networks.batches) == 3


def test_a_network_that_fails_is_named_to_those_who_asked_for_it() -> None:
    failing = Bright(failure=TritonError("no such model", TritonError.NOT_FOUND))
    wrong = request(picture(), region=[[9, 9, 9, 9]])
    answers = detect(request(picture()), wrong, networks=failing)
    assert answers[0].refusal().code() == TritonError.UNAVAILABLE
    assert answers[0].refusal().message() == "face_pnet does not answer: no such model"
    assert answers[1].refusal().code() == TritonError.INVALID_ARG


def test_what_nobody_foresaw_is_an_internal_error_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError("of 3 GB")

    monkeypatch.setattr("imaging.pyramid.packed", full)
    Logger.errors.clear()
    (answer,) = detect(request(picture()))
    assert answer.refusal().code() == TritonError.INTERNAL
    assert answer.refusal().message() == "the faces could not be searched for"
    assert "Traceback" in Logger.errors[0]


def test_a_setting_that_makes_no_sense_keeps_the_step_from_loading() -> None:
    with pytest.raises(ValueError, match="min_face_size must be an integer from 12"):
        started("face_detector", {"min_face_size": "4"})
