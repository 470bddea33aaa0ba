from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.imaging import pictures
from tests.imaging.comparison import assert_alike
from tests.steps.triton import InferenceResponse, Model, Request, TritonError, started

CUTOUT = ["cutout", "alpha", "box"]
OPAQUE = np.full((1, 1, 1), 255, np.uint8)


def disc(side: int = 64) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side / 2
    return np.where(np.hypot(x, y) < side / 4, 255, 0).astype(np.uint8)


def inputs(height: int = 90, width: int = 120, count: int = 1) -> dict[str, np.ndarray]:
    return {
        "matte": np.stack([disc()] * count),
        "full": np.full((count, height, width, 3), 100, np.uint8),
        "coverage": np.repeat(OPAQUE, count, axis=0),
        "size": np.array([(height, width)] * count, np.int32),
    }


def answer(model: Model, arrays: dict[str, np.ndarray], wanted: list[str]) -> InferenceResponse:
    found = model.execute([Request(arrays, wanted)])
    return found[0]


def opened(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


def test_a_cut_out_has_the_shapes_and_types_of_the_contract() -> None:
    found = answer(started("cutout"), inputs(), CUTOUT).arrays()
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "cutout": ((1, 1), "object"),
        "alpha": ((1, 1), "object"),
        "box": ((1, 4), "int32"),
    }
    pixels, alpha = opened(found["cutout"][0, 0]), opened(found["alpha"][0, 0])
    assert pixels.shape == (90, 120, 4)
    assert (pixels[..., 3] == alpha).all()


@pytest.mark.parametrize("wanted", [["box"], ["alpha"], ["cutout", "box"]])
def test_the_cut_out_step_makes_only_what_is_asked_for(wanted: list[str]) -> None:
    assert list(answer(started("cutout"), inputs(), wanted).arrays()) == wanted


def test_padding_is_cut_off() -> None:
    arrays = inputs(90, 120, count=2)
    arrays["size"] = np.array([(90, 120), (40, 30)], np.int32)
    found = answer(started("cutout"), arrays, CUTOUT).arrays()
    assert [opened(file).shape for file in found["cutout"][:, 0]] == [(90, 120, 4), (40, 30, 4)]
    assert (found["box"][1] <= [30, 40, 30, 40]).all()


@pytest.mark.parametrize("step", ["cutout", "alpha_png"])
def test_a_pictures_own_alpha_limits_the_result(step: str) -> None:
    arrays = inputs()
    arrays["coverage"] = np.full((1, 90, 120), 60, np.uint8)
    found = answer(started(step), arrays, ["alpha"]).arrays()
    assert opened(found["alpha"][0, 0]).max() == 60


def test_a_size_beyond_the_picture_fails_alone() -> None:
    wrong = inputs() | {"size": np.array([(91, 120)], np.int32)}
    found = started("cutout").execute([Request(wrong, CUTOUT), Request(inputs(), CUTOUT)])
    assert found[0].refusal().code() == TritonError.INVALID_ARG
    assert "does not lie within" in found[0].refusal().message()
    assert found[1].error is None


def test_alpha_alone_has_the_size_of_the_picture() -> None:
    found = answer(started("alpha_png"), inputs(count=2), ["alpha"]).arrays()["alpha"]
    assert found.shape == (2, 1)
    alpha = opened(found[1, 0])
    assert_alike(alpha, np.asarray(Image.fromarray(disc()).resize((120, 90), Image.Resampling.BILINEAR)), 2, "alpha")


@pytest.mark.parametrize("size", [(0, 5), (-3, 5), (2**31 - 1, 2**31 - 1)])
def test_an_impossible_size_is_refused(size: tuple[int, int]) -> None:
    found = answer(started("alpha_png"), inputs() | {"size": np.array([size], np.int32)}, ["alpha"])
    assert found.refusal().code() == TritonError.INVALID_ARG


@pytest.mark.parametrize("step", ["cutout", "alpha_png"])
@pytest.mark.parametrize("shape", [(1, 0, 5), (1, 5, 0), (1, 0, 0)])
def test_a_matte_without_a_pixel_is_refused(step: str, shape: tuple[int, ...]) -> None:
    found = answer(started(step), inputs() | {"matte": np.zeros(shape, np.uint8)}, ["alpha"])
    assert found.refusal().code() == TritonError.INVALID_ARG
    assert "at least one pixel" in found.refusal().message()


@pytest.mark.parametrize("step", ["cutout", "alpha_png"])
def test_cancelled_and_faulty_requests_fail_alone(step: str) -> None:
    requests = [Request({}, ["alpha"], cancelled=True), Request({}, ["alpha"]), Request(inputs(), ["alpha"])]
    found = started(step).execute(requests)
    assert [response.error and response.error.code() for response in found] == [
        TritonError.CANCELLED,
        TritonError.INTERNAL,
        None,
    ]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_steps_fit_together(kind: str) -> None:
    outputs = ["pixels_512", "full", "coverage", "size"]
    decoded = answer(started("decode"), {"image": np.array([[pictures.sample(kind)]], np.object_)}, outputs).arrays()
    decoded["matte"] = np.full((1, 512, 512), 255, np.uint8)
    found = answer(started("cutout"), decoded, CUTOUT).arrays()
    assert_alike(opened(found["cutout"][0, 0])[..., :3], pictures.blocks(), 3, f"steps-{kind}")
    assert found["box"].tolist() == [[0, 0, pictures.WIDTH, pictures.HEIGHT]]
