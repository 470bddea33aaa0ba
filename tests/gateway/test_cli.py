"""The tools over a gateway that runs in this process: what lies in the folder afterwards, and what is said."""

import argparse
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from gateway.cli.__main__ import main
from gateway.cli.caption import caption
from gateway.cli.client import ToolError, pictures, post
from gateway.cli.search import INDEX, search
from gateway.errors import InferenceFailedError
from gateway.inference import Inventory, Tensors
from tests.gateway.fakes import WHOLE, FakeInference, client_of, picture

COLOURS = {"red.png": "red", "green.jpg": "green", "blue.webp": "blue"}
TOWARDS = {"red": (1.0, 0.0, 0.2), "green": (0.0, 1.0, 0.0), "blue": (0.2, 0.0, 1.0)}
PARAMS = {"max_length": 9, "num_beams": 2}


class Known(FakeInference):
    """Sees a picture's colour; says it, or points its way."""

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        await super().call(model, inputs, (), request_id)
        if "text" in inputs:
            return {outputs[0]: _vector(inputs["text"].decode()), "tokens": np.array([3], np.int32)}
        name = next(colour for colour in TOWARDS if inputs["image"] == files()[colour])
        if model != "analyze":
            return {outputs[0]: _vector(name)}
        (task,) = json.loads(inputs["options"])["tasks"]
        assert task["params"] == PARAMS
        entry = {"status": "success", "data": f"all {name}", "vector": None, "crop": None}
        entry |= {"cropped_image_bbox": None, "error_message": None}
        if name == "blue":
            entry |= {"status": "error", "data": None, "error_message": "captioner is not served"}
        document = {"results": {task["operation_id"]: entry}, "timings": {"total": 0.1}}
        return {
            "answer": np.array([json.dumps(document).encode()], np.object_),
            "vectors": np.zeros(1, np.float32),
            "crops": np.array([b""], np.object_),
        }


def files() -> dict[str, bytes]:
    kinds = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
    return {colour: picture(9, 9, kinds[Path(name).suffix], colour) for name, colour in COLOURS.items()}


def _vector(colour: str) -> np.ndarray:
    vector = np.array(TOWARDS[colour], np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def inference() -> FakeInference:
    more = dict.fromkeys(("embed_clip", "embed_clip_text"), ("decode", "embed"))
    return Known(inventory_now=Inventory(WHOLE.versions, WHOLE.networks, {**WHOLE.steps, **more}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for name, colour in COLOURS.items():
        (made / name).write_bytes(files()[colour])
    (made / "notes.md").write_text("no picture")
    return made


@pytest.fixture
async def gateway(app: FastAPI) -> AsyncIterator[FastAPI]:
    async with client_of(app):
        yield app


def connection(gateway: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")


def asked(folder: Path, text: str | None = None, image: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(folder=folder, text=text, image=image, model="embed_clip_vit_b_32", top=2, concurrency=2)


async def test_captions_lie_beside_their_pictures_and_a_failure_keeps_none_from_its_own(
    gateway: FastAPI, folder: Path
) -> None:
    failed = await caption(connection(gateway), pictures(folder), PARAMS, 2)
    assert failed == {folder / "blue.webp": "captioner is not served"}
    assert (folder / "red.txt").read_text() == "all red\n"
    assert (folder / "green.txt").read_text() == "all green\n"
    assert {path.suffix for path in folder.iterdir()} == {".png", ".jpg", ".webp", ".md", ".txt"}  # noqa: ASYNC240
    assert not (folder / "blue.txt").exists()


async def test_pictures_are_found_by_words_and_by_a_picture(gateway: FastAPI, folder: Path) -> None:
    by_words = await search(connection(gateway), asked(folder, text="red"))
    assert [name for name, _ in by_words] == ["red.png", "blue.webp"]
    assert by_words[0][1] == pytest.approx(1)
    by_picture = await search(connection(gateway), asked(folder, image=folder / "green.jpg"))
    assert by_picture[0][0] == "green.jpg"


async def test_only_what_is_new_or_changed_is_embedded_again(
    gateway: FastAPI, folder: Path, inference: FakeInference
) -> None:
    await search(connection(gateway), asked(folder))
    assert len(inference.calls) == 3
    await search(connection(gateway), asked(folder))
    assert len(inference.calls) == 3
    (folder / "red.png").write_bytes(files()["blue"])
    (folder / "green.jpg").unlink()
    found = await search(connection(gateway), asked(folder, text="blue"))
    assert len(inference.calls) == 5
    assert {name for name, _ in found} == {"red.png", "blue.webp"}
    (folder / INDEX).write_bytes(b"damaged")
    await search(connection(gateway), asked(folder))
    assert len(inference.calls) == 7


async def test_a_picture_that_cannot_be_embedded_keeps_none_from_the_index(gateway: FastAPI, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    found = await search(connection(gateway), asked(folder, text="green"))
    assert found[0][0] == "green.jpg"


async def test_what_the_gateway_says_is_said(gateway: FastAPI, inference: FakeInference, folder: Path) -> None:
    inference.failure = InferenceFailedError("the inference failed")
    failed = await caption(connection(gateway), pictures(folder), PARAMS, 2)
    assert set(failed.values()) == {"HTTP 502: the inference failed"}


async def test_a_busy_gateway_is_asked_again() -> None:
    answers = iter([httpx.Response(429, headers={"retry-after": "0"}), httpx.Response(200, json={"done": True})])
    transport = httpx.MockTransport(lambda _: next(answers))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert await post(client, "/x") == {"done": True}


async def test_something_that_is_no_gateway_is_named() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        with pytest.raises(ToolError, match="is this a Darkroom gateway"):
            await post(client, "/x")


def test_what_is_captioned_is_skipped_unless_forced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in COLOURS:
        (folder / name).with_suffix(".txt").write_text("mine")
    assert main(["caption", str(folder)]) == 0
    assert "3 of them captioned already" in capsys.readouterr().out
    assert (folder / "red.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["caption", "/nowhere"], "is no folder"),
        (["search", "{empty}"], "has no pictures"),
    ],
)
def test_a_folder_without_pictures_is_an_error(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(empty=tmp_path) for word in words]) == 1
    assert said in capsys.readouterr().err
