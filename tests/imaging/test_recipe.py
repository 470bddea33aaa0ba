"""A photo's way: who is asked what, and what the report says of it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imaging import recipe, routing
from imaging.analysis import CallError
from imaging.product_options import OptionsError
from imaging.rulebook import InForce

RULES = InForce(
    routing.read(
        b"""
version: 1
routes:
  tray: {pipeline: step_cutout}
  mask: {pipeline: main_cutout, options: {output: alpha}}
  dish: {pipeline: main_cutout}
  bare: {pipeline: product_cutout}
  shop: {pipeline: product_photo, options: {shadow: {kind: dual}, encode: {format: jpeg}}}
  group: {pipeline: as_is}
  odd: {pipeline: review}
"""
    ),
    "abc",
)


def file(kind: str = "PNG", width: int = 7, height: int = 5) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, kind)
    return buffer.getvalue()


@dataclass
class Models:
    """A classifier that is as sure of a keyword as it is told, and pipelines that answer with a small picture."""

    keyword: str = "tray"
    confidence: float = 0.9
    failing: str = ""
    asked: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    async def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        self.asked.append(model)
        if model == self.failing:
            raise CallError(f"{model} is not served")
        assert inputs["image"].shape == (1, 1)
        if "options" in inputs:
            self.options = json.loads(inputs["options"][0, 0])
        return {name: self._output(name) for name in outputs}

    def _output(self, name: str) -> NDArray[Any]:
        report = {"width": 7, "height": 5, "media_type": "image/jpeg", "extension": "jpg", "box": [1, 1, 3, 3]}
        told = json.dumps(report | {"uncertainty": 0.25, "needs_review": True}).encode()
        rest = (1 - self.confidence) / 3
        answers: dict[str, NDArray[Any]] = {
            "keywords": np.array([[self.keyword.encode(), b"b", b"c", b"d"]], np.object_),
            "confidences": np.array([[self.confidence, rest, rest, rest]], np.float32),
            "box": np.array([[1, 2, 3, 4]], np.int32),
            "report": np.array([[told]], np.object_),
        }
        return answers.get(name, np.array([[file()]], np.object_))


async def finished(
    models: Models, image: bytes | None = None, **wishes: object
) -> tuple[recipe.Finished, dict[str, Any]]:
    wish = routing.wishes(json.dumps(wishes).encode())
    found = await recipe.finish(file() if image is None else image, wish, RULES, models)
    return found, json.loads(found.report)


@pytest.mark.parametrize(
    ("keyword", "route", "asked"),
    [
        ("tray", "step_cutout", ["cutout_step"]),
        ("mask", "main_cutout", ["alpha_main"]),
        ("dish", "main_cutout", ["cutout_main"]),
        ("bare", "product_cutout", ["product_cutout"]),
        ("shop", "product_photo", ["product_photo"]),
        ("group", "as_is", []),
        ("odd", "review", []),
    ],
)
async def test_a_keyword_goes_its_way(keyword: str, route: str, asked: list[str]) -> None:
    models = Models(keyword)
    found, report = await finished(models)
    assert models.asked == ["classify_keywords", *asked]
    assert (found.seen.keyword, found.decision.route.pipeline) == (keyword, route)
    assert (report["route"], report["reason"], report["pipeline"]) == (route, "keyword", asked[0] if asked else None)
    assert bool(found.picture) == (route != "review")
    assert [one["keyword"] for one in report["keywords"]] == [keyword, "b", "c"]
    assert report["rules"] == {"sha256": "abc", "problem": None}


async def test_an_unsure_keyword_is_for_a_person() -> None:
    models = Models("tray", 0.4)
    found, report = await finished(models)
    assert (found.picture, report["route"], report["reason"]) == (b"", "review", "review_below")
    assert models.asked == ["classify_keywords"]
    _, report = await finished(models, review_below=0.3)
    assert (report["route"], report["review_below"]) == ("step_cutout", 0.3)


async def test_an_unknown_keyword_is_named_and_goes_to_the_default() -> None:
    _, report = await finished(Models("wok"))
    assert (report["keyword"], report["route"], report["reason"]) == ("wok", "review", "default")


async def test_a_given_keyword_asks_nobody() -> None:
    models = Models(failing="classify_keywords")
    found, report = await finished(models, keyword="dish", review_below=1.0)
    assert models.asked == ["cutout_main"]
    assert (found.seen.confidence, report["classified"], report["keywords"]) == (1.0, False, [])
    assert recipe.was_seen(routing.Wishes(keyword="dish"), found)
    found, _ = await finished(models, keyword="group")
    assert not recipe.was_seen(routing.Wishes(keyword="group"), found)


async def test_a_dry_run_makes_nothing() -> None:
    models = Models("shop")
    found, report = await finished(models, dry_run=True)
    assert models.asked == ["classify_keywords"]
    assert (found.picture, report["route"], report["dry_run"], report["pipeline"]) == (b"", "product_photo", True, None)


async def test_facts_of_the_file_are_told() -> None:
    _, cut = await finished(Models("tray"))
    assert (cut["media_type"], cut["extension"], cut["width"], cut["height"]) == ("image/png", "png", 7, 5)
    assert (cut["box"], cut["uncertainty"], cut["needs_review"]) == ([1, 2, 3, 4], None, None)
    _, shop = await finished(Models("shop"))
    assert (shop["extension"], shop["uncertainty"], shop["needs_review"]) == ("jpg", 0.25, True)
    for kind, extension in (("JPEG", "jpg"), ("GIF", "gif"), ("TIFF", "tif"), ("WEBP", "webp"), ("BMP", "bmp")):
        found, report = await finished(Models("group"), file(kind))
        assert (found.picture, report["extension"]) == (file(kind), extension)


async def test_a_wish_for_another_file_goes_to_product_photos_and_is_noted_elsewhere() -> None:
    models = Models("shop")
    _, report = await finished(models, encode={"format": "webp", "quality": 50})
    assert (models.options["encode"]["format"], models.options["shadow"]["kind"]) == ("webp", "dual")
    assert report["notes"] == []
    _, report = await finished(Models("tray"), encode={"format": "webp"})
    assert report["notes"] == ["encode is for product photos: step_cutout has one kind of file"]
    with pytest.raises(OptionsError, match="jpeg has no alpha"):
        await finished(Models("bare"), encode={"format": "jpeg"})


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("cutout_main", "the keyword 'dish' goes to main_cutout: cutout_main is not served"),
        ("classify_keywords", "classify_keywords is not served"),
    ],
)
async def test_who_does_not_answer_is_named(failing: str, said: str) -> None:
    with pytest.raises(CallError) as caught:
        await finished(Models("dish", failing=failing))
    assert str(caught.value) == said


async def test_a_missing_pipeline_costs_only_those_who_need_it() -> None:
    found, _ = await finished(Models("tray", failing="cutout_main"))
    assert found.picture


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("in ensemble 'product_photo', template.name: there is no template 'x'; there are: bar", True),
        ("in ensemble 'product_photo', template bar, elements.2 (title): too long", True),
        ("jpeg has no transparency: choose a ground for the picture", True),
        ("there is no subject to place: nothing was found in the picture", True),
        ("in ensemble 'product_photo', the product's picture could not be made", False),
        ("Stub process 'product_0_1' is not healthy.", False),
        ("onnx runtime error 6: placeholder", False),
    ],
)
def test_a_refusal_is_told_from_a_failure(text: str, refused: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert (recipe.refusal(text) is not None) is refused
