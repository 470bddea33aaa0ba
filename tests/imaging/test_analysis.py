"""An analysis with models that are functions: what is called, how often, at the same time, and what comes back."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from imaging.analysis import CallError
from imaging.answers import Answer, answer
from imaging.frame import FRAMES
from imaging.tasks import read

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT, WIDTH = 60, 80
PERSON, FACE = (10, 20, 50, 58), (12, 22, 30, 40)
WIDTHS = {"embed_clip_vit_b_32": 4, "embed_dino_v2_vit_b_14": 3, "embed_dino_v3_vit_l_16": 5}
Tensors = dict[str, "NDArray[Any]"]


class Models:
    """Answers in the models' place; a vector is the mean colour of what its network saw."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.persons: list[tuple[float, ...]] = [PERSON, (0, 0, 5, 5)]
        self.faces: list[tuple[float, ...]] = [FACE]
        self.failing: dict[str, CallError] = {}
        self.asked: dict[str, Sequence[str]] = {}
        self.regions: list[list[int]] = []
        self.most_at_once = self.at_once = 0
        self.picture = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)

    async def __call__(self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> Tensors:
        self.calls[model] += 1
        self.asked[model] = outputs
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if model in self.failing:
            raise self.failing[model]
        return getattr(self, f"_{model.partition('_')[0]}")(model, inputs, outputs)  # type: ignore[no-any-return]

    def _decode(self, _: str, __: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> Tensors:
        made: Tensors = {"size": np.array([[HEIGHT, WIDTH]], np.int32), "full": self.picture[None]}
        made["coverage"] = np.full((1, 1, 1), 255, np.uint8)
        sides = {name: frame.side for name, frame in FRAMES.items()}
        made |= {name: np.full((1, side, side, 3), 9, np.uint8) for name, side in sides.items()}
        return {name: made[name] for name in outputs}

    def _person(self, model: str, inputs: Mapping[str, NDArray[Any]], _: Sequence[str]) -> Tensors:
        if model == "person_boxes":
            assert inputs["size"].tolist() == [[HEIGHT, WIDTH]]
            return _found(self.persons)
        return {"boxes": np.zeros((1, 2, 4), np.float32), "scores": np.zeros((1, 2), np.float32)}

    def _face(self, _: str, inputs: Mapping[str, NDArray[Any]], __: Sequence[str]) -> Tensors:
        assert inputs["full"].shape == (1, HEIGHT, WIDTH, 3)
        self.regions += inputs["region"].tolist()
        return _found(self.faces)

    def _embed(self, model: str, inputs: Mapping[str, NDArray[Any]], _: Sequence[str]) -> Tensors:
        mean = inputs["pixels"].astype(np.float32).mean()
        return {"embedding": np.arange(1, WIDTHS[model] + 1, dtype=np.float32)[None] * mean}

    def _collections(self, _: str, inputs: Mapping[str, NDArray[Any]], __: Sequence[str]) -> Tensors:
        assert inputs["embedding"].shape == (1, 4)
        probability = inputs["collection"].astype(np.float32) / 10
        return {"probability": probability, "member": probability >= 0.5}

    def _captioner(self, _: str, inputs: Mapping[str, NDArray[Any]], __: Sequence[str]) -> Tensors:
        options = json.loads(inputs["options"][0, 0])
        return {"caption": np.array([[f"{options['max_length']} words".encode()]], np.object_)}


def _found(boxes: list[tuple[float, ...]]) -> Tensors:
    """The best score stands last, as that of a small face may."""
    count = len(boxes)
    padded = np.zeros((1, max(1, count), 4), np.float32)
    padded[0, :count] = np.array(boxes[::-1], np.float32).reshape(count, 4)
    scores = np.linspace(0.5, 0.9, max(1, count), dtype=np.float32)[None]
    return {"boxes": padded, "scores": scores, "count": np.array([[count]], np.int32)}


def task(name: str, kind: str, **params: object) -> dict[str, Any]:
    return {"operation_id": name, "type": kind, "params": params}


def analysed(models: Models, *tasks: dict[str, Any], crops: bool = True) -> Answer:
    wishes = read(json.dumps({"tasks": tasks, "crops": crops}).encode())
    return asyncio.run(answer(b"picture", wishes, models, "person_detector"))


def results(found: Answer) -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, dict[str, Any]]] = json.loads(found.document)
    return document["results"]


def vector(found: Answer, name: str) -> list[float]:
    start, length = results(found)[name]["vector"]
    return list(map(float, found.vectors[start : start + length]))


def test_the_answer_has_the_fields_that_clients_know_and_where_the_rest_lies() -> None:
    found = analysed(
        Models(),
        task("whole", "embed_clip_vit_b_32"),
        task("person", "detect_bounding_box"),
        task("face", "embed_dino_v2", target="prominent_face"),
        task("words", "describe_image", max_length=7),
        task("member", "classify", collection_id=6),
    )
    given = results(found)
    empty = {"data": None, "vector": None, "cropped_image_bbox": None, "crop": None, "error_message": None}
    assert given["whole"] == {**empty, "status": "success", "vector": [0, 4]}
    assert given["person"] == {**empty, "status": "success", "data": list(PERSON)}
    assert given["face"] == {
        **empty,
        "status": "success",
        "vector": [4, 3],
        "cropped_image_bbox": list(FACE),
        "crop": 0,
    }
    assert given["words"]["data"] == "7 words"
    assert given["member"]["data"] == {"is_in_collection": True, "probability": pytest.approx(0.6)}
    assert vector(found, "whole") == [9, 18, 27, 36]
    assert len(found.vectors) == 7


def test_a_crop_is_shown_as_it_is() -> None:
    models = Models()
    found = analysed(models, task("face", "embed_dino_v2", target="prominent_face"))
    with Image.open(io.BytesIO(found.crops[0])) as crop:
        assert np.array_equal(np.asarray(crop), models.picture[22:40, 12:30])


def test_a_picture_is_decoded_and_searched_once_whatever_is_asked() -> None:
    models = Models()
    kinds = ("embed_clip_vit_b_32", "embed_dino_v2", "embed_dino_v3")
    targets = ("whole_image", "prominent_person", "prominent_face")
    asked = [
        task(f"{kind} {target} {turn}", kind, target=target) for kind in kinds for target in targets for turn in "ab"
    ]
    found = analysed(models, *asked, task("c", "classify", collection_id=1, target="prominent_face"))
    once = ("decode", "person_detector", "person_boxes", "face_detector", "collections")
    assert {name: models.calls[name] for name in once} == dict.fromkeys(once, 1)
    assert {models.calls[name] for name in WIDTHS} == {3}
    assert len(found.crops) == 2
    assert all(entry["status"] == "success" for entry in results(found).values())


def test_what_does_not_wait_for_one_another_runs_at_the_same_time() -> None:
    models = Models()
    analysed(models, *(task(kind, kind) for kind in ("embed_clip_vit_b_32", "embed_dino_v2", "embed_dino_v3")))
    assert models.most_at_once == 3


def test_without_a_person_the_whole_picture_stands_in() -> None:
    models = Models()
    models.persons = []
    found = analysed(
        models,
        task("there", "detect_bounding_box"),
        task("part", "embed_clip_vit_b_32", target="prominent_person"),
        task("whole", "embed_clip_vit_b_32"),
        task("face", "detect_bounding_box", target="prominent_face"),
    )
    given = results(found)
    assert (given["there"]["status"], given["there"]["data"]) == ("success", None)
    assert (given["part"]["cropped_image_bbox"], given["part"]["crop"], found.crops) == (None, None, [])
    assert vector(found, "part") == vector(found, "whole")
    assert models.calls["embed_clip_vit_b_32"] == 1
    assert given["face"]["data"] == list(FACE)
    assert models.regions == [[0, 0, 0, 0]]


def test_a_face_is_looked_for_where_the_task_says() -> None:
    models = Models()
    analysed(models, task("in person", "detect_bounding_box", target="prominent_face"))
    analysed(models, task("anywhere", "detect_bounding_box", target="prominent_face", face_context="whole_image"))
    assert models.regions == [list(PERSON), [0, 0, 0, 0]]
    assert models.calls["person_detector"] == 1


def test_a_face_is_required_where_it_is_the_target_and_the_others_go_on() -> None:
    models = Models()
    models.faces = []
    found = analysed(
        models,
        task("box", "detect_bounding_box", target="prominent_face"),
        task("vector", "embed_clip_vit_b_32", target="prominent_face"),
        task("words", "describe_image", target="prominent_face"),
        task("member", "classify", target="prominent_face", collection_id=1),
        task("whole", "embed_clip_vit_b_32"),
    )
    given = results(found)
    assert (given["box"]["status"], given["box"]["data"]) == ("success", None)
    for name in ("vector", "words", "member"):
        assert given[name]["status"] == "skipped"
        assert given[name]["error_message"] == f"No prominent face found for operation '{name}'."
    assert given["whole"]["status"] == "success"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CallError("embed_dino_v2_vit_b_14 is not served"), "error"),
        (CallError("Classifier not found for collection_id 9", refused=True), "skipped"),
    ],
)
def test_a_model_that_fails_costs_its_own_tasks_only(error: CallError, status: str) -> None:
    models = Models()
    models.failing = {"embed_dino_v2_vit_b_14": error}
    given = results(analysed(models, task("bad", "embed_dino_v2"), task("good", "embed_dino_v3")))
    assert (given["bad"]["status"], given["bad"]["error_message"]) == (status, str(error))
    assert given["good"]["status"] == "success"


def test_a_picture_that_cannot_be_decoded_is_the_requests_error() -> None:
    models = Models()
    models.failing = {"decode": CallError("broken")}
    with pytest.raises(CallError, match="broken"):
        analysed(models, task("a", "embed_dino_v2"))


def test_boxes_end_within_the_picture_and_are_whole_pixels() -> None:
    models = Models()
    models.persons = [(-3.7, -1, 79.9, 300.0)]
    assert results(analysed(models, task("p", "detect_bounding_box")))["p"]["data"] == [0, 0, 79, 60]
    models.persons = [(90, 10, 95, 20)]
    assert results(analysed(models, task("p", "detect_bounding_box")))["p"]["data"] is None


def test_a_vector_is_of_length_one_where_that_is_asked() -> None:
    found = analysed(Models(), task("one", "embed_dino_v2", normalized=True), task("raw", "embed_dino_v2"))
    assert np.linalg.norm(vector(found, "one")) == pytest.approx(1)
    assert np.linalg.norm(vector(found, "raw")) > 1


def test_the_stages_are_timed() -> None:
    document = json.loads(analysed(Models(), task("p", "embed_dino_v2", target="prominent_person")).document)
    assert set(document["timings"]) == {"decoding", "detection", "cropping", "embedding", "total"}
    assert all(seconds >= 0 for seconds in document["timings"].values())
    assert document["timings"]["total"] >= 0.03


def test_nothing_works_on_after_the_answer() -> None:
    async def leftover() -> int:
        models = Models()
        models.faces = []
        wishes = read(json.dumps([task("f", "embed_dino_v2", target="prominent_face")]).encode())
        await answer(b"picture", wishes, models, "person_detector")
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(leftover()) == 0
