"""OpenAI's embeddings API over an inference server that a test decides on."""

import asyncio
import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import numpy as np
import pytest

from gateway.errors import UnreadablePictureError
from gateway.inference import Inventory, Tensors
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import WHOLE, FakeFetcher, FakeInference, picture

MODEL = "embed_clip_vit_b_32"
INLINE = base64.b64encode(picture(2, 2)).decode()


class Vectors(FakeInference):
    """A vector tells how long what it stands for is, and which output was asked for."""

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        await super().call(model, inputs, (), request_id)
        (data,) = inputs.values()
        vector = np.array([len(data), outputs[0] == "normalized"], np.float32)
        return {outputs[0]: vector, "tokens": np.array([len(data.split()) + 2], np.int32)}


@pytest.fixture
def inference() -> FakeInference:
    more = dict.fromkeys(("embed_clip", "embed_clip_text", "embed_dino_v2"), ("decode", "embed"))
    return Vectors(inventory_now=Inventory(WHOLE.versions, WHOLE.networks, {**WHOLE.steps, **more}))


async def embed(client: httpx.AsyncClient, given: object, accept: str = "*/*", **more: Any) -> httpx.Response:  # noqa: ANN401
    body = {"model": MODEL, "input": given, **more}
    return await client.post("/v1/embeddings", json=body, headers={"Accept": accept})


async def test_a_text_has_the_shape_that_openai_clients_read(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    answer = await embed(client, "two words", user="me")
    assert answer.json() == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [9.0, 1.0]}],
        "model": MODEL,
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
    assert inference.calls == [("embed_clip_text", b"")]


@pytest.mark.parametrize(
    ("one", "length"),
    [
        ({"image": PHOTO_URL}, len(picture())),
        ({"image_url": PHOTO_URL}, len(picture())),
        ({"type": "image_url", "image_url": {"url": PHOTO_URL}}, len(picture())),
        ({"image": INLINE}, len(picture(2, 2))),
        ({"image": f"data:image/png;base64,{INLINE}"}, len(picture(2, 2))),
        (f"data:image/png;base64,{INLINE}", len(picture(2, 2))),
    ],
)
async def test_a_picture_may_come_in_any_of_the_usual_ways(client: httpx.AsyncClient, one: object, length: int) -> None:
    answer = await embed(client, [one])
    assert answer.json()["data"][0]["embedding"] == [length, 1.0]
    assert answer.json()["usage"]["total_tokens"] == 0


async def test_several_things_answer_in_their_order(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.delay_s = 0.01
    given = ["a", {"text": "bcd"}, {"image": PHOTO_URL}, *("x" * length for length in range(1, 30))]
    data = (await embed(client, given)).json()["data"]
    assert [one["index"] for one in data] == list(range(len(given)))
    assert [one["embedding"][0] for one in data] == [1, 3, len(picture()), *range(1, 30)]
    assert 1 < inference.most_running <= 8


async def test_vectors_come_as_base64_or_as_one_array(client: httpx.AsyncClient) -> None:
    text = (await embed(client, ["a", "bc"], encoding_format="base64")).json()["data"][1]["embedding"]
    assert np.frombuffer(base64.b64decode(text), "<f4").tolist() == [2, 1]
    answer = await embed(client, ["a", "bc"], accept="application/x-npy", normalized=False)
    assert answer.headers["content-type"] == "application/x-npy"
    assert np.load(io.BytesIO(answer.content)).tolist() == [[1, 0], [2, 0]]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "ada", "input": "x"}, 404, "there is no model 'ada'; there are embed_clip_vit_b_32"),
        ({"model": "embed_dino_v2", "input": "x"}, 422, "embeds pictures only"),
        ({"model": "embed_dino_v3", "input": [{"image": INLINE}]}, 503, "embed_dino_v3 is not served"),
        ({"model": MODEL}, 422, "input"),
        ({"model": MODEL, "input": []}, 422, "input"),
        ({"model": MODEL, "input": ["x"] * 257}, 422, "input"),
        ({"model": MODEL, "input": [3]}, 422, "input"),
        ({"model": MODEL, "input": [{}]}, 422, "exactly one of text, image and image_url"),
        ({"model": MODEL, "input": [{"text": "a", "image": INLINE}]}, 422, "exactly one"),
        ({"model": MODEL, "input": "x", "dimensions": 8}, 422, "dimensions"),
        ({"model": MODEL, "input": "x", "encoding_format": "hex"}, 422, "encoding_format"),
        ({"model": MODEL, "input": ["a", {"image": "&"}]}, 422, "input[1]: image is neither"),
        ({"model": MODEL, "input": "data:image/png,abc"}, 422, "input[0]: a data URI must be"),
        ({"model": MODEL, "input": [{"image": "aGVsbG8="}]}, 415, "input[0]: this is not a picture"),
        ({"model": MODEL, "input": [{"image": "https://pictures.example/none"}]}, 422, "input[0]: "),
    ],
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, body: object, status: int, said: str) -> None:
    answer = await client.post("/v1/embeddings", json=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


async def test_what_a_step_says_of_one_of_several_texts_names_it(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.failure = UnreadablePictureError("the text is empty")
    answer = await embed(client, " ")
    assert (answer.status_code, answer.json()["detail"]) == (422, "input[0]: the text is empty")


async def test_a_picture_in_the_body_may_be_as_large_as_an_upload(
    client: httpx.AsyncClient, fetcher: FakeFetcher
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    assert len(buffer.getvalue()) > 200_000
    answer = await embed(client, [{"image": base64.b64encode(buffer.getvalue()).decode()}])
    assert answer.json()["data"][0]["embedding"][0] == len(buffer.getvalue())
    assert fetcher.asked == []


async def test_pictures_of_one_request_are_fetched_a_few_at_a_time(
    client: httpx.AsyncClient, inference: FakeInference, fetcher: FakeFetcher
) -> None:
    inference.delay_s = 0.05
    urls = [f"https://pictures.example/{number}.png" for number in range(30)]
    fetcher.pictures |= dict.fromkeys(urls, picture())
    asking = asyncio.create_task(embed(client, [{"image": url} for url in urls]))
    most_held = 0
    while not asking.done():
        await asyncio.sleep(0)
        most_held = max(most_held, len(fetcher.asked) - len(inference.inputs) + inference.running)
    assert len((await asking).json()["data"]) == 30
    assert 0 < most_held <= 8


async def test_a_pipeline_that_is_down_is_a_503(client: httpx.AsyncClient, inference: FakeInference) -> None:
    inference.down = {"embed_clip_text": "it failed"}
    answer = await embed(client, "words")
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (503, "pipeline_down", True)


async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/embeddings", content=b"{")).status_code == 422
