from __future__ import annotations

import numpy as np
import pytest

from imaging.frame import FRAMES
from tests.imaging import pictures
from tests.imaging.comparison import assert_alike
from tests.steps.triton import InferenceResponse, Logger, Model, Request, TritonError, started

EVERYTHING = ["pixels_512", "pixels_1024", "full", "coverage", "size"]


def files(*data: bytes) -> dict[str, np.ndarray]:
    return {"image": np.array(data, np.object_)[:, None]}


def answer(model: Model, *data: bytes, wanted: list[str] = EVERYTHING) -> InferenceResponse:
    found = model.execute([Request(files(*data), wanted)])
    return found[0]


def test_all_outputs_have_the_shapes_and_types_of_the_contract() -> None:
    found = answer(started("decode"), pictures.sample("PNG")).arrays()
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "pixels_512": ((1, 512, 512, 3), "uint8"),
        "pixels_1024": ((1, 1024, 1024, 3), "uint8"),
        "full": ((1, pictures.HEIGHT, pictures.WIDTH, 3), "uint8"),
        "coverage": ((1, 1, 1), "uint8"),
        "size": ((1, 2), "int32"),
    }
    assert found["size"].tolist() == [[pictures.HEIGHT, pictures.WIDTH]]


def test_only_what_is_asked_for_is_computed() -> None:
    found = answer(started("decode"), pictures.sample("JPEG"), wanted=["pixels_512", "size"]).arrays()
    assert set(found) == {"pixels_512", "size"}


def test_without_the_full_picture_a_jpeg_is_reduced_and_looks_the_same() -> None:
    big = pictures.encoded(pictures.image().resize((2400, 1800)), "JPEG")
    model = started("decode")
    reduced, full = (answer(model, big, wanted=wanted).arrays() for wanted in (["pixels_512", "size"], EVERYTHING))
    assert reduced["size"].tolist() == full["size"].tolist() == [[1800, 2400]]
    assert_alike(reduced["pixels_512"][0], full["pixels_512"][0], 1.5, "step-reduced")


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_of_a_reduced_jpeg_looks_like_that_of_the_whole_picture(name: str) -> None:
    big = pictures.encoded(pictures.image().resize((6000, 2800)), "JPEG")
    model, side = started("decode"), FRAMES[name].side
    reduced, whole = (answer(model, big, wanted=wanted).arrays()[name] for wanted in ([name], [name, "full"]))
    assert reduced.shape == (1, side, side, 3)
    assert_alike(reduced[0], whole[0], 1.5, f"step-{name}")


def test_a_request_of_several_pictures_pads_the_full_ones() -> None:
    small = pictures.encoded(pictures.image().resize((20, 30)), "PNG")
    found = answer(started("decode"), pictures.sample("PNG"), small, wanted=["full", "size"]).arrays()
    assert found["full"].shape == (2, pictures.HEIGHT, pictures.WIDTH, 3)
    assert found["size"].tolist() == [[48, 64], [30, 20]]
    assert not found["full"][1, 30:].any()
    assert not found["full"][1, :, 20:].any()


def test_pictures_that_pad_to_more_than_the_limit_are_refused_and_nothing_else_is() -> None:
    wide, tall = (pictures.encoded(pictures.image().resize(size), "PNG") for size in ((100, 10), (10, 100)))
    requests = [Request(files(*data), ["full", "size"]) for data in ((wide, tall), (wide,), (tall, tall))]
    found = started("decode", {"max_pixels": "4000"}).execute(requests)
    assert found[0].refusal().code() == TritonError.INVALID_ARG
    assert "send these pictures in separate requests" in found[0].refusal().message()
    assert found[1].arrays()["full"].shape == (1, 10, 100, 3)
    assert found[2].arrays()["full"].shape == (2, 100, 10, 3)


def test_a_broken_picture_fails_alone() -> None:
    good, broken = pictures.sample("JPEG"), pictures.sample("PNG")[:90]
    found = started("decode").execute([Request(files(data), EVERYTHING) for data in (good, broken, good)])
    assert [response.error is None for response in found] == [True, False, True]
    assert found[1].refusal().code() == TritonError.INVALID_ARG
    assert "truncated" in found[1].refusal().message()


def test_a_broken_picture_among_several_of_one_request_is_named_by_number() -> None:
    found = answer(started("decode"), pictures.sample("PNG"), b"not a picture")
    assert found.refusal().code() == TritonError.INVALID_ARG
    assert found.refusal().message().startswith("picture 2 of 2: the input is not an image")


def test_cancelled_requests_are_not_decoded() -> None:
    gone = Request(files(b"never read"), EVERYTHING, cancelled=True)
    found = started("decode").execute([gone, Request(files(pictures.sample("PNG")), ["size"])])
    assert found[0].refusal().code() == TritonError.CANCELLED
    assert found[1].error is None


def test_what_is_not_the_pictures_fault_is_an_internal_error_without_details() -> None:
    Logger.errors.clear()
    found = started("decode").execute([Request({}, EVERYTHING)])[0]
    assert found.refusal().code() == TritonError.INTERNAL
    assert found.refusal().message() == "the picture could not be decoded"
    assert "Traceback" in Logger.errors[0]


def test_a_lack_of_memory_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("imaging.decode._decode", full)
    found = answer(started("decode"), pictures.sample("PNG"))
    assert found.refusal().code() == TritonError.INTERNAL


def test_the_limit_on_pixels_is_a_parameter() -> None:
    found = answer(started("decode", {"max_pixels": "3071"}), pictures.sample("PNG"))
    assert "64 x 48, at most 3071" in found.refusal().message()


@pytest.mark.parametrize("value", ["", "0", "-5", "many", "1e6", "178956971"])
def test_a_limit_that_makes_no_sense_keeps_the_step_from_loading(value: str) -> None:
    with pytest.raises(ValueError, match="max_pixels must be an integer from 1 to 178956970"):
        started("decode", {"max_pixels": value})
