from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.steps.triton import InferenceResponse, Logger, Model, Request, TritonError, started
from training.heads.head import Card, Head
from training.heads.publish import publish

ANSWERS = ["probability", "member", "version"]


def head(number: int, *, width: int = 8, version: str = "first", seed: int = 0, **card: Any) -> Head:  # noqa: ANN401
    random = np.random.default_rng(number + 1000 * seed)
    said = Card(
        number, f"name of {number}", version, "2026-01-01T00:00:00+00:00", width, "embedder", "embedding", "whole_image"
    )
    return Head(replace(said, **card), random.normal(size=width), float(random.normal()))


def vectors(count: int, width: int = 8) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(count, width)).astype(np.float32)


def request(embedding: np.ndarray, *collections: int, wanted: list[str] = ANSWERS, cancelled: bool = False) -> Request:
    numbers = np.array(collections, np.int32)[:, None]
    return Request({"embedding": embedding, "collection": numbers}, wanted, cancelled)


def serving(heads: Path, check_seconds: str = "0") -> Model:
    Logger.errors.clear()
    return started("collections", {"heads": str(heads), "check_seconds": check_seconds})


def answered(model: Model, *requests: Request) -> list[InferenceResponse]:
    return model.execute(list(requests))


def version_of(model: Model, number: int) -> str:
    (found,) = answered(model, request(vectors(1), number))
    return str(found.arrays()["version"][0, 0].decode())


def test_requests_of_several_heads_and_widths_get_each_their_own_answer(tmp_path: Path) -> None:
    small, wide = head(3), head(4, width=12, threshold=0.3)
    for one in (small, wide):
        publish(one, tmp_path)
    requests = [request(vectors(2), 3, 3), request(vectors(1, 12), 4), request(vectors(3)[2:], 3)]
    found = [one.arrays() for one in answered(serving(tmp_path), *requests)]
    wanted = [small.probabilities(vectors(2)), wide.probabilities(vectors(1, 12)), small.probabilities(vectors(3)[2:])]
    for arrays, probabilities, threshold in zip(found, wanted, (0.5, 0.3, 0.5), strict=True):
        assert arrays["probability"].dtype == np.float32
        assert arrays["probability"][:, 0] == pytest.approx(probabilities, abs=1e-6)
        assert arrays["member"].tolist() == [[bool(one)] for one in probabilities >= threshold]
        assert arrays["version"].tolist() == [[b"first"]] * len(probabilities)


def test_a_request_may_mix_collections(tmp_path: Path) -> None:
    heads = [head(number) for number in (1, 2)]
    for one in heads:
        publish(one, tmp_path)
    (found,) = answered(serving(tmp_path), request(vectors(3), 2, 1, 2))
    wanted = [heads[number - 1].probabilities(vectors(3))[row] for row, number in enumerate((2, 1, 2))]
    assert found.arrays()["probability"][:, 0] == pytest.approx(wanted, abs=1e-6)


def test_a_head_on_vectors_of_length_one_takes_raw_ones_too(tmp_path: Path) -> None:
    publish(head(1, vector="normalized"), tmp_path)
    raw = vectors(2)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    found = [
        one.arrays()["probability"] for one in answered(serving(tmp_path), request(raw, 1, 1), request(unit, 1, 1))
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0][:, 0] == pytest.approx(replace_vector(head(1)).probabilities(unit), abs=1e-6)


def replace_vector(one: Head) -> Head:
    return replace(one, card=replace(one.card, vector="embedding"))


def test_bad_requests_fail_alone(tmp_path: Path) -> None:
    publish(head(1), tmp_path)
    infinite = np.full((1, 8), np.inf, np.float32)
    found = answered(
        serving(tmp_path),
        request(vectors(1), 1),
        request(vectors(1), 99),
        request(vectors(1, 5), 1),
        request(infinite, 1),
        request(vectors(1), 1, cancelled=True),
        request(vectors(1), 1),
    )
    assert [one.error is None for one in found] == [True, False, False, False, False, True]
    codes = [one.refusal().code() for one in found[1:5]]
    assert codes == [TritonError.NOT_FOUND, *[TritonError.INVALID_ARG] * 2, TritonError.CANCELLED]
    assert found[1].refusal().message() == "Classifier not found for collection_id 99: there are 1"
    assert "has 5 numbers, but the classifier of collection_id 1 takes 8" in found[2].refusal().message()
    assert "not finite" in found[3].refusal().message()
    assert Logger.errors == []


def test_an_unknown_collection_says_what_is_there_in_bounds(tmp_path: Path) -> None:
    (found,) = answered(serving(tmp_path / "none"), request(vectors(1), -1))
    assert found.refusal().message() == "Classifier not found for collection_id -1: there is none yet"
    for number in range(30):
        publish(head(number), tmp_path)
    (found,) = answered(serving(tmp_path), request(vectors(1), 50))
    assert found.refusal().message().endswith("17, 18, 19 and 10 more")


def test_what_is_available_needs_no_head_and_no_vector(tmp_path: Path) -> None:
    for number in (12, 7):
        publish(head(number, threshold=0.25), tmp_path)
    asked = request(np.zeros((1, 1), np.float32), 0, wanted=["available"])
    (found,) = answered(serving(tmp_path), asked)
    assert set(found.arrays()) == {"available"}
    cards = json.loads(found.arrays()["available"][0, 0])
    assert [(card["collection"], card["threshold"], card["embedder"]) for card in cards] == [
        (7, 0.25, "embedder"),
        (12, 0.25, "embedder"),
    ]


def test_a_new_version_is_served_and_a_deleted_head_goes(tmp_path: Path) -> None:
    publish(head(1), tmp_path)
    model = serving(tmp_path)
    assert version_of(model, 1) == "first"
    publish(head(1, version="second"), tmp_path)
    publish(head(2, version="other"), tmp_path)
    assert (version_of(model, 1), version_of(model, 2)) == ("second", "other")
    (tmp_path / "1" / "head.json").unlink()
    (gone,) = answered(model, request(vectors(1), 1))
    assert gone.refusal().code() == TritonError.NOT_FOUND
    assert version_of(model, 2) == "other"


def test_the_folder_is_not_looked_at_more_often_than_asked(tmp_path: Path) -> None:
    publish(head(1), tmp_path)
    model = serving(tmp_path, check_seconds="3600")
    assert version_of(model, 1) == "first"
    publish(head(1, version="second"), tmp_path)
    assert version_of(model, 1) == "first"


def test_every_answer_under_a_busy_publisher_is_one_whole_head(tmp_path: Path) -> None:
    heads = {f"version-{seed}": head(1, seed=seed, version=f"version-{seed}") for seed in range(60)}
    publish(heads["version-0"], tmp_path)
    model = serving(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(lambda: [publish(one, tmp_path) for one in heads.values()])
        seen = set()
        while not publishing.done():
            found = answered(model, request(vectors(1), 1))[0].arrays()
            seen.add(version := found["version"][0, 0].decode())
            assert found["probability"][:, 0] == pytest.approx(heads[version].probabilities(vectors(1)), abs=1e-6)
        publishing.result()
    assert len(seen) > 3
    assert version_of(model, 1) == "version-59"
    assert Logger.errors == []


def damaged(card: dict[str, Any], folder: Path, how: str) -> str:
    if how == "no JSON":
        return "{"
    if how == "weights missing":
        return json.dumps(card | {"weights": "elsewhere.safetensors"})
    if how == "wrong width":
        return json.dumps(card | {"width": 9})
    if how == "other collection":
        return json.dumps(card | {"collection": 2})
    if how == "other bytes":
        (folder / card["weights"]).write_bytes(b"other")
        return json.dumps(card | {"threshold": 0.4})
    save_file({"weight": np.full(8, np.nan), "bias": np.zeros(1)}, folder / "bad.safetensors")
    return json.dumps(card | {"weights": "bad.safetensors"})


@pytest.mark.parametrize(
    "how", ["no JSON", "weights missing", "wrong width", "other collection", "other bytes", "not finite"]
)
def test_a_broken_head_leaves_the_one_before_it_in_place_and_is_logged_once(tmp_path: Path, how: str) -> None:
    path = publish(head(1), tmp_path)
    model = serving(tmp_path)
    assert version_of(model, 1) == "first"
    path.write_text(damaged(json.loads(path.read_text()), path.parent, how))
    assert [version_of(model, 1) for _ in range(3)] == ["first"] * 3
    assert len(Logger.errors) == 1
    assert "collection 1" in Logger.errors[0]
    assert "first is still served" in Logger.errors[0]
    publish(head(1, version="mended"), tmp_path)
    assert version_of(model, 1) == "mended"
    assert len(Logger.errors) == 1


def test_a_head_that_was_never_readable_is_unavailable_until_its_weights_come(tmp_path: Path) -> None:
    path = publish(head(1), tmp_path)
    weights = next(path.parent.glob("*.safetensors"))
    aside = weights.rename(tmp_path / "aside")
    model = serving(tmp_path)
    (found,) = answered(model, request(vectors(1), 1))
    assert found.refusal().code() == TritonError.UNAVAILABLE
    assert "collection_id 1" in found.refusal().message()
    aside.rename(weights)
    assert version_of(model, 1) == "first"


@pytest.mark.parametrize("name", ["01", "x", "-1", "²"])
def test_folders_that_are_no_number_are_no_collection(tmp_path: Path, name: str) -> None:
    publish(head(1), tmp_path).parent.rename(tmp_path / name)
    (found,) = answered(serving(tmp_path), request(vectors(1), 1))
    assert found.refusal().code() == TritonError.NOT_FOUND


def test_a_pickle_in_the_folder_is_no_head(tmp_path: Path) -> None:
    path = publish(head(1), tmp_path)
    (path.parent / "head.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": "head.pkl"}))
    (found,) = answered(serving(tmp_path), request(vectors(1), 1))
    assert found.refusal().code() == TritonError.UNAVAILABLE


def test_a_wrong_parameter_is_an_error_at_load() -> None:
    with pytest.raises(ValueError, match="check_seconds"):
        started("collections", {"check_seconds": "-1"})
