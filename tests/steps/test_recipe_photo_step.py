"""The step of recipe photos outside a server: contract, errors of a request, rules that change while it runs."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.steps import triton
from tests.steps.triton import REPOSITORY, Called, InferenceResponse, Logger, Request, TritonError

ROUTES = """\
version: 1
review_below: 0.5
routes:
  tray: {pipeline: step_cutout}
  dish: {pipeline: main_cutout}
  group: {pipeline: as_is}
  shop: {pipeline: product_photo, options: {template: {name: none}}}
default: {pipeline: as_is}
"""
WIDTHS = {"tray": 10, "dish": 11, "group": 12}
OUTPUTS = ["keyword", "confidence", "route", "picture", "report"]


def photo(keyword: str, confidence: float = 0.9, kind: str = "PNG") -> bytes:
    """A picture that the stand-in for the classifier knows by its size."""
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTHS.get(keyword, 9), round(100 * confidence)), "red").save(buffer, kind)
    return buffer.getvalue()


@dataclass
class Pipelines:
    """Triton's pipelines; `trouble` is what one of them says instead of an answer."""

    trouble: dict[str, str] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def __call__(self, model: str, version: int, inputs: dict[str, NDArray[Any]]) -> Called:
        self.called.append(model)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        assert version == -1
        if model in self.trouble:
            return Called({}, TritonError(self.trouble[model], TritonError.INTERNAL))
        data = inputs["image"][0, 0]
        return self._classified(data) if model == "classify_keywords" else _made(data)

    def _classified(self, data: bytes) -> Called:
        try:
            width, height = Image.open(io.BytesIO(data)).size
        except OSError:
            return Called({}, TritonError("in ensemble 'classify_keywords', the input is not an image"))
        keyword = {known: name for name, known in WIDTHS.items()}.get(width, "wok")
        confidences = np.array([[height / 100, 1 - height / 100]], np.float32)
        return Called({"keywords": np.array([[keyword.encode(), b"rest"]], np.object_), "confidences": confidences})


def _made(data: bytes) -> Called:
    return Called({"cutout": np.array([[data]], np.object_), "box": np.array([[0, 0, 5, 5]], np.int32)})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "recipe_photo", tmp_path / "recipe_photo")
    (tmp_path / "recipe_photo" / "routes.yaml").write_text(ROUTES)
    Logger.errors.clear()
    return tmp_path


@pytest.fixture
def pipelines() -> Pipelines:
    return Pipelines()


def request(*images: bytes, options: object = None, cancelled: bool = False) -> Request:
    text = options if isinstance(options, bytes) else json.dumps(options or {}).encode()
    columns = {"image": list(images), "options": [text] * len(images)}
    return Request({key: np.array(values, np.object_)[:, None] for key, values in columns.items()}, OUTPUTS, cancelled)


def answers(model: object, *requests: Request) -> list[InferenceResponse]:
    return cast("list[InferenceResponse]", asyncio.run(cast("Any", model).execute(list(requests))))


def start(repository: Path, pipelines: Pipelines) -> object:
    return triton.started("recipe_photo", repository=repository, calls=pipelines)


def test_an_answer_has_the_shapes_and_types_of_the_contract(repository: Path, pipelines: Pipelines) -> None:
    (answer,) = answers(start(repository, pipelines), request(photo("tray"), photo("dish")))
    found = answer.arrays()
    assert {name: (values.shape, values.dtype.name) for name, values in found.items()} == {
        "keyword": ((2, 1), "object"),
        "confidence": ((2, 1), "float32"),
        "route": ((2, 1), "object"),
        "picture": ((2, 1), "object"),
        "report": ((2, 1), "object"),
    }
    assert found["keyword"][:, 0].tolist() == [b"tray", b"dish"]
    assert found["route"][:, 0].tolist() == [b"step_cutout", b"main_cutout"]
    assert found["confidence"][:, 0] == pytest.approx([0.9, 0.9])
    assert json.loads(found["report"][1, 0])["pipeline"] == "cutout_main"


def test_the_requests_of_a_batch_work_at_the_same_time(repository: Path, pipelines: Pipelines) -> None:
    found = answers(start(repository, pipelines), *(request(photo("tray")) for _ in range(4)))
    assert [one.error for one in found] == [None] * 4
    assert pipelines.most_running == 4


def test_a_bad_request_fails_alone_and_in_words(repository: Path, pipelines: Pipelines) -> None:
    pipelines.trouble = {"cutout_main": "Request for unknown model: 'cutout_main' is not found"}
    good, broken = photo("tray"), photo("tray", kind="JPEG")[:200]
    found = answers(
        start(repository, pipelines),
        request(good),
        request(b""),
        request(b"no picture"),
        request(broken, options={"keyword": "group"}),
        request(good, options={"review": 1}),
        request(photo("dish")),
        request(good, cancelled=True),
        request(good, options=b"{"),
    )
    assert found[0].error is None
    refusals = [one.refusal() for one in found[1:]]
    invalid = TritonError.INVALID_ARG
    assert [one.code() for one in refusals] == [
        *[invalid] * 4,
        TritonError.UNAVAILABLE,
        TritonError.CANCELLED,
        invalid,
    ]
    words = (
        "is empty",
        "not an image",
        "truncated",
        "allowed: dry_run",
        "cutout_main is not served",
        "cancelled",
        "JSON",
    )
    assert [word in one.message() for word, one in zip(words, refusals, strict=True)] == [True] * 7
    assert all(one.message().startswith("recipe_photo: ") for one in refusals)


def test_the_picture_is_not_blamed_for_a_dead_classifier(repository: Path, pipelines: Pipelines) -> None:
    pipelines.trouble = {"classify_keywords": "Stub process 'decode_0_0' is not healthy."}
    model = start(repository, pipelines)
    dead, known = answers(model, request(photo("tray")), request(photo("tray"), options={"keyword": "tray"}))
    assert (dead.refusal().code(), dead.refusal().message()) == (
        TritonError.UNAVAILABLE,
        "recipe_photo: classify_keywords failed",
    )
    assert known.arrays()["route"][0, 0] == b"step_cutout"
    assert any("Stub process" in text for text in Logger.errors)


def test_what_a_pipeline_says_of_its_options_is_told(repository: Path, pipelines: Pipelines) -> None:
    said = "template.name: there is no template 'none'; there are: bar"
    pipelines.trouble = {"product_photo": f"in ensemble 'product_photo', {said}"}
    (answer,) = answers(start(repository, pipelines), request(photo("x"), options={"keyword": "shop"}))
    assert answer.refusal().code() == TritonError.INVALID_ARG
    assert answer.refusal().message() == f"recipe_photo: the keyword 'shop' goes to product_photo: {said}"


def test_a_busy_pipeline_is_unavailable(repository: Path, pipelines: Pipelines) -> None:
    pipelines.trouble = {"cutout_step": "in ensemble 'cutout_step', Exceeds maximum queue size"}
    (answer,) = answers(start(repository, pipelines), request(photo("tray")))
    assert answer.refusal().code() == TritonError.UNAVAILABLE
    assert "cutout_step has too much to do" in answer.refusal().message()


def test_rules_change_while_it_runs_and_bad_ones_are_told_and_logged_once(
    repository: Path, pipelines: Pipelines
) -> None:
    model, path = start(repository, pipelines), repository / "recipe_photo" / "routes.yaml"

    def route() -> tuple[bytes, Any]:
        found = answers(model, request(photo("tray")))[0].arrays()
        return found["route"][0, 0], json.loads(found["report"][0, 0])["rules"]["problem"]

    assert route() == (b"step_cutout", None)
    path.write_text(ROUTES.replace("step_cutout", "somewhere"))
    for _ in range(3):
        name, problem = route()
        assert name == b"step_cutout"
        assert problem.startswith("routes.yaml, line 4: routes.tray: pipeline must be one of")
    assert len(Logger.errors) == 1
    assert "stay in force" in Logger.errors[0]
    path.write_text(ROUTES.replace("step_cutout", "review"))
    assert route() == (b"review", None)


@pytest.mark.parametrize("text", ["version: 2", None])
def test_a_bad_file_at_the_start_refuses_the_model(repository: Path, pipelines: Pipelines, text: str | None) -> None:
    path = repository / "recipe_photo" / "routes.yaml"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(ValueError, match=r"recipe_photo: .*routes\.yaml"):
        start(repository, pipelines)
