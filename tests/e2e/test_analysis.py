"""The image_embed API as its clients call it: its own curl lines, on a gateway as it runs in production, before a real
tritonserver with every network; each answer is what the checkpoints' own libraries say of the same picture.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from perf.corpus import photo
from serving.session import Session
from tests.e2e.gateways import gateway, pictures_served
from tests.e2e.networks import CAPTIONER, CLIP, COLLECTION, DINO, PERSON, TEXT, Networks
from tests.export import captioning, people, sentences, towers
from tests.faces import photographs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

# What facenet-pytorch's own MTCNN finds in the same file.
ANSWERS = Path(__file__).resolve().parents[1] / "faces" / "answers.json"
SEED_TASKS = (
    '[{"operation_id": "whole_image_embedding", "type": "embed_clip_vit_b_32", "params": {"target": "whole_image"}}, '
    '{"operation_id": "person_bbox", "type": "detect_bounding_box", "params": {"target": "prominent_person"}}, '
    '{"operation_id": "face_bbox_from_person", "type": "detect_bounding_box", "params": {"target": "prominent_face", '
    '"face_context": "prominent_person"}}, {"operation_id": "face_embedding", "type": "embed_clip_vit_b_32", '
    '"params": {"target": "prominent_face", "face_context": "prominent_person"}}]'
)


@pytest.fixture(scope="module")
def client(analysing: Session) -> Iterator[httpx.Client]:
    variables = {"GATEWAY_TRITON_URL": analysing.grpc_url, "GATEWAY_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with gateway(variables) as (client, _):
        yield client


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return photographs.jpeg()


@pytest.fixture(scope="module")
def url(jpeg: bytes) -> Iterator[str]:
    with pictures_served({"/face.jpg": jpeg, "/room.jpg": photo(320, 240, 1)}.get) as address:
        yield address


def curl(*words: str) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(["curl", "-sS", *words], capture_output=True, timeout=120, check=True)
    return json.loads(done.stdout)


def analysed(client: httpx.Client, data: bytes, *tasks: dict[str, Any], **params: str) -> dict[str, Any]:
    numbered = [{"operation_id": str(number), **task} for number, task in enumerate(tasks)]
    files, form = {"image_file": ("some_person.jpg", data)}, {"tasks_json": json.dumps(numbered)}
    answer = client.post("/analyze_image_upload/", files=files, data=form, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def task(kind: str, **params: object) -> dict[str, Any]:
    return {"type": kind, "params": params}


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def cosine(one: object, other: object) -> float:
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_old_services_curl_line_by_url_runs_unchanged(client: httpx.Client, url: str) -> None:
    body = f'{{"image_url": "{url}/face.jpg", "tasks": {SEED_TASKS}}}'
    address = f"{client.base_url}/analyze_image/"
    found = curl("-X", "POST", address, "-H", "Content-Type: application/json", "-d", body)
    assert found["image_url"] == f"{url}/face.jpg"
    assert list(found["results"]) == [one["operation_id"] for one in json.loads(SEED_TASKS)]
    for result in found["results"].values():
        assert set(result) == {
            "status",
            "data",
            "cropped_image_bbox",
            "cropped_image_base64",
            "error_message",
        }
    assert len(found["results"]["whole_image_embedding"]["data"]) == 512
    assert found["results"]["person_bbox"]["status"] == "success"


def test_the_old_services_curl_line_by_upload_runs_unchanged(client: httpx.Client, jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "some_person.jpg").write_bytes(jpeg)
    tasks = (
        '[{"operation_id": "face_from_file", "type": "detect_bounding_box", "params": {"target": "prominent_face"}}]'
    )
    found = curl(
        "-X",
        "POST",
        f"{client.base_url}/analyze_image_upload/",
        "-H",
        "Content-Type: multipart/form-data",
        "-F",
        f"image_file=@{tmp_path}/some_person.jpg",
        "-F",
        f"tasks_json={tasks}",
    )
    assert found["image_url"] == "uploaded:some_person.jpg"
    assert found["results"]["face_from_file"]["status"] == "success"


def test_a_face_is_found_and_what_is_said_of_it_is_of_its_pixels(
    client: httpx.Client, jpeg: bytes, networks: Networks
) -> None:
    asked = {"target": "prominent_face", "face_context": "whole_image"}
    found = analysed(
        client,
        jpeg,
        task("detect_bounding_box", **asked),
        task("embed_clip_vit_b_32", **asked),
        task("embed_dino_v2", **asked),
        task("describe_image", max_length=12, **asked),
        task("classify", collection_id=COLLECTION, **asked),
    )["results"]
    box = found["0"]["data"]
    known = json.loads(ANSWERS.read_text())["pictures"]["jpeg"]
    surest = known["boxes"][int(np.argmax(known["scores"]))]
    assert np.abs(np.array(box) - surest).max() <= 2
    face = opened(jpeg).crop(box)
    for number, name in (("1", CLIP), ("2", DINO)):
        assert cosine(found[number]["data"], towers.by_transformers(networks.checkpoints[name], face)) > 0.999
    blip = networks.checkpoints[CAPTIONER]
    (tokens,) = captioning.by_transformers(blip, [face], max_length=12)
    assert found["3"]["data"] == captioning.written(blip, tokens)
    said = networks.head.probabilities(np.array([found["1"]["data"]]))[0]
    assert found["4"]["data"] == {"is_in_collection": bool(said >= 0.5), "probability": pytest.approx(said, abs=1e-5)}
    for number in "1234":
        assert found[number]["cropped_image_bbox"] == box
        crop = Image.open(io.BytesIO(base64.b64decode(found[number]["cropped_image_base64"])))
        assert np.abs(np.asarray(crop, np.int16) - np.asarray(face, np.int16)).max() <= 2


def test_a_person_is_the_one_that_transformers_is_surest_of(client: httpx.Client, networks: Networks) -> None:
    data = photo(320, 240, 1)
    found = analysed(client, data, task("detect_bounding_box"), task("embed_dino_v2", target="prominent_person"))[
        "results"
    ]
    boxes, scores = people.by_transformers(networks.checkpoints[PERSON], opened(data), 0.3)
    assert len(scores)
    box = found["0"]["data"]
    near = [index for index, one in enumerate(boxes) if np.abs(np.asarray(one) - box).max() <= 3]
    assert near
    assert max(scores) - max(scores[index] for index in near) < 1e-3
    wanted = towers.by_transformers(networks.checkpoints[DINO], opened(data).crop(box))
    assert cosine(found["1"]["data"], wanted) > 0.999


def test_one_task_that_cannot_be_done_leaves_the_others_alone(client: httpx.Client, networks: Networks) -> None:
    data = photo(320, 240, 1)
    found = analysed(
        client,
        data,
        task("classify", collection_id=99),
        task("classify"),
        task("read_thoughts"),
        task("embed_clip_vit_l_14"),
        task("embed_clip_vit_b_32", target="prominent_face", face_context="whole_image"),
        task("embed_clip_vit_b_32"),
        timings="true",
    )
    results = found["results"]
    assert [results[str(number)]["status"] for number in range(6)] == [
        *("skipped", "skipped", "skipped", "error", "skipped", "success")
    ]
    assert results["0"]["error_message"].startswith("Classifier not found for collection_id 99")
    assert results["3"]["error_message"] == "embed_clip_vit_l_14 is not served"
    assert results["4"]["error_message"] == "No prominent face found for operation '4'."
    assert cosine(results["5"]["data"], towers.by_transformers(networks.checkpoints[CLIP], opened(data))) > 0.999
    assert {"decoding", "detection", "embedding", "total"} <= set(found["timings"])


def test_the_operations_are_those_that_are_served(client: httpx.Client) -> None:
    found = curl(f"{client.base_url}/available_operations/")["operations"]
    embeddings = {"embed_clip_vit_b_32", "embed_dino_v2", "embed_dino_v3"}
    assert set(found) == {"detect_bounding_box", "classify", "describe_image", *embeddings}
    assert found["detect_bounding_box"] == {
        "description": "Detects a bounding box for a specified target.",
        "allowed_targets": ["prominent_person", "prominent_face"],
        "default_target": "prominent_person",
    }


def test_many_urls_are_answered_as_they_are_ready(client: httpx.Client, url: str) -> None:
    urls = [f"{url}/face.jpg", f"{url}/none.jpg", f"{url}/room.jpg"]
    body = {"image_urls": urls, "tasks": [{"operation_id": "v", "type": "embed_clip_vit_b_32"}]}
    with client.stream("POST", "/analyze_images/", json=body) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    by_index = {line["index"]: line for line in lines}
    assert (by_index[1]["status"], by_index[1]["code"]) == (400, "download_failed")
    assert {len(by_index[number]["results"]["v"]["data"]) for number in (0, 2)} == {512}


def test_broken_pictures_and_requests_are_a_400_while_others_are_answered(client: httpx.Client, jpeg: bytes) -> None:
    def bad(data: bytes) -> httpx.Response:
        tasks = json.dumps([{"operation_id": "v", "type": "embed_clip_vit_b_32"}])
        return client.post("/analyze_image_upload/", files={"image_file": ("a.jpg", data)}, data={"tasks_json": tasks})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(bad, [jpeg[:3000], jpeg, b"no picture", jpeg, jpeg[:20000], jpeg]))
    assert [answer.status_code for answer in answers] == [400, 200, 400, 200, 400, 200]
    assert "truncated" in answers[0].json()["detail"]


def test_vectors_of_texts_and_pictures(client: httpx.Client, jpeg: bytes, networks: Networks) -> None:
    body = {"model": CLIP, "input": ["a bowl of soup", {"image": base64.b64encode(jpeg).decode()}], "normalized": False}
    found = client.post("/v1/embeddings", json=body).json()
    text, image = (one["embedding"] for one in found["data"])
    (wanted,) = sentences.by_transformers(networks.checkpoints[TEXT], ["a bowl of soup"])
    assert text == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    assert cosine(image, towers.by_transformers(networks.checkpoints[CLIP], opened(jpeg))) > 0.999
    assert found["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    long = client.post("/v1/embeddings", json={"model": CLIP, "input": "soup " * 90})
    assert (long.status_code, "at most 77" in long.json()["detail"]) == (422, True)


def test_a_triton_client_gets_the_same_with_several_pictures_in_one_request(analysing: Session, jpeg: bytes) -> None:
    options: list[dict[str, Any]] = [
        {"tasks": [{"operation_id": "v", **task("embed_clip_vit_b_32")}], "crops": False},
        {"tasks": [{"operation_id": "b", **task("detect_bounding_box")}]},
    ]
    with grpc.InferenceServerClient(analysing.grpc_url) as client:
        answer = client.infer("analyze", inputs([jpeg, photo(320, 240, 1)], options))
        first, second = (json.loads(text) for text in answer.as_numpy("answer")[:, 0])
        assert first["results"]["v"]["vector"] == [0, 512]
        assert answer.as_numpy("vectors").shape == (2, 512)
        assert not answer.as_numpy("vectors")[1].any()
        assert second["results"]["b"]["data"]
        with pytest.raises(InferenceServerException, match="is there 2 times") as caught:
            client.infer("analyze", inputs([jpeg], [{"tasks": [{"operation_id": "v", "type": "x"}] * 2}]))
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def inputs(files: list[bytes], options: list[dict[str, Any]]) -> list[grpc.InferInput]:
    made = []
    for name, contents in (("image", files), ("options", [json.dumps(one).encode() for one in options])):
        tensor = grpc.InferInput(name, [len(contents), 1], "BYTES")
        tensor.set_data_from_numpy(np.array(contents, np.object_)[:, None])
        made.append(tensor)
    return made
