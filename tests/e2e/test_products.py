"""The pipelines of product photos on the real server."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from perf.corpus import photo
from tests.imaging import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.session import Session

pytestmark = pytest.mark.e2e

FINISHED = {
    "place": {"size": [320, 240], "padding": "10%"},
    "ground": {"color": "FF8800"},
    "shadow": {"kind": "dual"},
    "template": {"name": "bar", "fields": {"title": "Lens 50 mm"}},
    "encode": {"format": "jpeg"},
}


@pytest.fixture
def client(triton: Session) -> Iterator[grpc.InferenceServerClient]:
    with grpc.InferenceServerClient(triton.grpc_url) as made:
        yield made


def tensor(name: str, values: list[bytes]) -> grpc.InferInput:
    made = grpc.InferInput(name, [len(values), 1], "BYTES")
    made.set_data_from_numpy(np.array(values, np.object_)[:, None])
    return made


def asked(
    client: grpc.InferenceServerClient, pipeline: str, pairs: list[tuple[bytes, dict[str, Any]]]
) -> dict[str, Any]:
    images, options = zip(*pairs, strict=True)
    texts = [json.dumps(one).encode() for one in options]
    answer = client.infer(pipeline, [tensor("image", list(images)), tensor("options", texts)])
    return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def test_a_product_is_cut_out_at_its_own_size(client: grpc.InferenceServerClient) -> None:
    found = asked(client, "product_cutout", [(photo(300, 200, 1), {})])
    assert set(found) == {"picture", "uncertainty", "needs_review", "report"}
    picture, report = opened(found["picture"][0, 0]), json.loads(found["report"][0, 0])
    assert (picture.format, picture.size, report["width"], report["height"]) == ("PNG", (300, 200), 300, 200)
    assert report["media_type"] == "image/png"
    assert 0 <= found["uncertainty"][0, 0] <= 1
    assert found["needs_review"][0, 0] == (found["uncertainty"][0, 0] >= 0.5) == report["needs_review"]


def test_a_photo_becomes_a_shop_picture(client: grpc.InferenceServerClient) -> None:
    found = asked(client, "product_photo", [(photo(300, 200, 1), FINISHED)])
    picture, report = opened(found["picture"][0, 0]), json.loads(found["report"][0, 0])
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (320, 240))
    assert np.abs(np.asarray(picture)[2, 2].astype(int) - (0xFF, 0x88, 0)).max() < 12
    left, top, right, bottom = report["box"]
    assert 31 <= left < right <= 289
    assert 23 <= top < bottom <= 217


def test_a_template_needs_no_network(client: grpc.InferenceServerClient) -> None:
    data = photo(300, 200, 1)
    options = {"template": {"name": "bar", "fields": {"title": "Objektiv für 50 €"}}}
    found = asked(client, "render_template", [(data, options)])
    assert set(found) == {"picture", "report"}
    changed = np.asarray(opened(found["picture"][0, 0]).convert("RGB")) != np.asarray(opened(data).convert("RGB"))
    rows = np.flatnonzero(changed.any(axis=(1, 2)))
    assert len(rows)
    assert rows.min() > 100  # the bar lies at the bottom


def test_pictures_of_one_request_have_options_of_their_own(client: grpc.InferenceServerClient) -> None:
    pairs: list[tuple[bytes, dict[str, Any]]] = [
        (photo(300, 200, 1), {"encode": {"format": "webp"}}),
        (photo(120, 160, 2), {"ground": {"color": None}}),
    ]
    found = asked(client, "product_photo", pairs)
    first, second = (opened(one) for one in found["picture"][:, 0])
    assert (first.format, first.size) == ("WEBP", (300, 200))
    assert (second.format, second.size) == ("PNG", (120, 160))


def test_the_mirrored_photo_is_asked_about_on_request(client: grpc.InferenceServerClient) -> None:
    data = photo(300, 200, 3)
    plain, flipped = (
        asked(client, "product_cutout", [(data, {"review": {"flip": flip, "above": 0.0}})]) for flip in (False, True)
    )
    assert flipped["picture"][0, 0] == plain["picture"][0, 0]
    assert flipped["uncertainty"][0, 0] != plain["uncertainty"][0, 0]
    assert flipped["needs_review"][0, 0]


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown field": ("product_photo", {"place": {"sice": "original"}}, "place.sice"),
    "out of range": ("product_cutout", {"encode": {"quality": 101}}, "encode.quality"),
    "no colour": ("product_photo", {"ground": {"color": "nothing"}}, "ground.color"),
    "JPEG without a ground": ("product_cutout", {"encode": {"format": "jpeg"}}, "jpeg has no transparency"),
    "unknown template": ("render_template", {"template": {"name": "nowhere"}}, "nowhere"),
    "part of another pipeline": ("product_cutout", {"shadow": {"kind": "dual"}}, "shadow"),
}


@pytest.mark.parametrize(("pipeline", "options", "words"), WRONG.values(), ids=WRONG)
def test_wrong_options_are_named(
    client: grpc.InferenceServerClient, pipeline: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InferenceServerException, match=words) as caught:
        asked(client, pipeline, [(photo(120, 90, 1), options)])
    assert "INVALID_ARGUMENT" in str(caught.value.status())


@pytest.mark.parametrize("bad", ["empty", "text", "truncated"])
def test_a_bad_photo_or_option_fails_alone(triton: Session, bad: str) -> None:
    data = pictures.sample("jpeg")
    wrong = {"empty": b"", "text": b"no picture", "truncated": data[:200]}[bad]
    sent = [(data, {}), (wrong, {}), (data, {"x": 1}), (data, {"encode": {"format": "avif"}})]

    def ask(one: tuple[bytes, dict[str, Any]]) -> dict[str, Any] | InferenceServerException:
        with grpc.InferenceServerClient(triton.grpc_url) as own:
            try:
                return asked(own, "product_photo", [one])
            except InferenceServerException as error:
                return error

    with ThreadPoolExecutor(len(sent)) as pool:
        good, broken, unknown, avif = pool.map(ask, sent)
    assert isinstance(broken, InferenceServerException)
    assert isinstance(unknown, InferenceServerException)
    assert "x: " in str(unknown.message())
    assert not isinstance(good, InferenceServerException)
    assert not isinstance(avif, InferenceServerException)
    assert opened(good["picture"][0, 0]).format == "PNG"
    assert opened(avif["picture"][0, 0]).format == "AVIF"
