"""The steps of product photos outside a server: contract, options, who asks the network a second time."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.steps.triton import Called, Request, TritonError, started

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUTS = ["uncertainty", "needs_review", "report"]
HEIGHT, WIDTH = 90, 120


def inputs(*options: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """A grey disc on light ground, for every set of options once."""
    count = len(options)
    y, x = np.mgrid[:HEIGHT, :WIDTH] - np.array([HEIGHT, WIDTH])[:, None, None] / 2
    disc = np.hypot(x, y) < 30
    full = np.where(disc[..., None], 90, 230).astype(np.uint8).repeat(3, axis=2)
    small = np.asarray(Image.fromarray(np.where(disc, 255, 0).astype(np.uint8)).resize((64, 64)))
    return {
        "pixels": np.zeros((count, 1024, 1024, 3), np.uint8),
        "matte": np.stack([small] * count),
        "full": np.stack([full] * count),
        "coverage": np.full((count, 1, 1), 255, np.uint8),
        "size": np.array([(HEIGHT, WIDTH)] * count, np.int32),
        "options": np.array([[json.dumps(one).encode()] for one in options], np.object_),
    }


def opened(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))


@pytest.mark.parametrize("name", ["cutout", "picture"])
def test_a_result_has_the_shapes_and_types_of_the_contract(name: str) -> None:
    (answer,) = started("product").execute([Request(inputs({}, {}), [name, *OUTPUTS])])
    found = answer.arrays()
    assert {key: (values.shape, values.dtype.name) for key, values in found.items()} == {
        name: ((2, 1), "object"),
        "uncertainty": ((2, 1), "float32"),
        "needs_review": ((2, 1), "bool"),
        "report": ((2, 1), "object"),
    }
    report = json.loads(found["report"][0, 0])
    assert (report["width"], report["height"], report["media_type"]) == (WIDTH, HEIGHT, "image/png")


def test_a_cut_out_is_on_nothing_and_a_photo_on_its_ground() -> None:
    step = started("product")
    cut, photo = (step.execute([Request(inputs({}), [name])])[0].arrays()[name][0, 0] for name in ("cutout", "picture"))
    assert opened(cut)[0, 0].tolist() == [0, 0, 0, 0]
    assert opened(photo)[0, 0].tolist() == [255, 255, 255, 255]


def test_review_begins_at_the_threshold_that_the_request_names() -> None:
    options = [{"review": {"above": above}} for above in (0.0, 1.0)]
    (answer,) = started("product").execute([Request(inputs(*options), ["cutout", *OUTPUTS])])
    found = answer.arrays()
    score = float(found["uncertainty"][0, 0])
    assert 0 < score < 1
    assert found["needs_review"][:, 0].tolist() == [True, False]
    assert json.loads(found["report"][0, 0])["uncertainty"] == pytest.approx(score, abs=1e-3)


def test_an_unknown_option_fails_alone_and_is_named() -> None:
    wrong, right = Request(inputs({"shade": {}}), ["picture"]), Request(inputs({}), ["picture"])
    refused, answered = started("product").execute([wrong, right])
    assert refused.refusal().code() == TritonError.INVALID_ARG
    assert "shade" in refused.refusal().message()
    assert answered.error is None


def test_a_cancelled_request_is_not_worked_on() -> None:
    (answer,) = started("product").execute([Request(inputs({}), ["picture"], cancelled=True)])
    assert answer.refusal().code() == TritonError.CANCELLED


async def grey(model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called:
    assert (model, version) == ("product_matte", -1)
    assert inputs["pixels"].shape == (1, 1024, 1024, 3)
    return Called({"alpha": np.full((1, 1024, 1024), 128, np.uint8)})


async def broken(model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called:
    return Called({}, TritonError(f"{model}, {version}: {len(inputs)} inputs, out of memory at 0x1234"))


def test_the_network_is_asked_about_the_mirrored_photo_only_on_request() -> None:
    step = started("product", {"uncertainty_mirrored": "0,0,0,0,0,0,0,1"}, calls=grey)
    plain, flipped = (inputs({"review": {"flip": flip}}) for flip in (False, True))
    first, second = (
        step.execute([Request(one, ["cutout", *OUTPUTS])])[0].arrays()["uncertainty"] for one in (plain, flipped)
    )
    assert second[0, 0] != first[0, 0]


def test_a_network_that_fails_costs_the_request_and_tells_no_secrets() -> None:
    (answer,) = started("product", calls=broken).execute(
        [Request(inputs({"review": {"flip": True}}), ["cutout", *OUTPUTS])]
    )
    assert answer.refusal().code() == TritonError.INTERNAL
    assert "0x1234" not in answer.refusal().message()


def test_a_template_is_drawn_over_the_picture_as_it_is() -> None:
    given = inputs({"template": {"name": "bar", "fields": {"title": "Lens"}}})
    (answer,) = started("template").execute([Request(given, ["picture", "report"])])
    found = answer.arrays()
    picture = opened(found["picture"][0, 0])
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert (picture[:40, :, :3] == given["full"][0, :40]).all()
    assert (picture[70:, :, :3] != given["full"][0, 70:]).any()
    assert json.loads(found["report"][0, 0])["box"] is None


@pytest.mark.parametrize(
    ("template", "words"), [({"name": "nowhere"}, "there is no template"), ({"name": "bar"}, "title")]
)
def test_a_template_that_cannot_be_drawn_says_why(template: dict[str, Any], words: str) -> None:
    (answer,) = started("template").execute([Request(inputs({"template": template}), ["picture"])])
    assert answer.refusal().code() == TritonError.INVALID_ARG
    assert words in answer.refusal().message()
