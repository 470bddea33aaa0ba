"""The four cut-out pipelines on the real server, by every door that Triton has."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc
from tritonclient.grpc import aio
from tritonclient.utils import InferenceServerException

from perf.corpus import photo
from tests.imaging import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving.session import Session

pytestmark = pytest.mark.e2e

PIPELINES = {
    "cutout_step": {"cutout", "alpha", "box"},
    "cutout_main": {"cutout", "alpha", "box"},
    "alpha_step": {"alpha"},
    "alpha_main": {"alpha"},
}


@pytest.fixture
def client(triton: Session) -> Iterator[grpc.InferenceServerClient]:
    with grpc.InferenceServerClient(triton.grpc_url) as made:
        yield made


def image_input(files: list[bytes]) -> grpc.InferInput:
    made = grpc.InferInput("image", [len(files), 1], "BYTES")
    made.set_data_from_numpy(np.array(files, np.object_)[:, None])
    return made


def infer(client: grpc.InferenceServerClient, pipeline: str, *files: bytes) -> dict[str, np.ndarray]:
    answer = client.infer(pipeline, [image_input(list(files))])
    return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}


def binary_outputs(body: bytes, at: int) -> dict[str, np.ndarray]:
    """Read the outputs of one picture behind the JSON header, which is `at` bytes long."""
    outputs = {}
    for output in json.loads(body[:at])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        part, at = body[at : at + size], at + size
        is_file = output["datatype"] == "BYTES"  # four bytes of length, then the file
        outputs[output["name"]] = np.array([[part[4:]]], np.object_) if is_file else np.frombuffer(part, np.int32)[None]
    return outputs


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def assert_sound(outputs: dict[str, np.ndarray], sizes: list[tuple[int, int]]) -> None:
    """Every output has the picture's size, the cut-out's alpha is `alpha`, and the box lies inside."""
    for number, size in enumerate(sizes):
        alpha = opened(outputs["alpha"][number, 0])
        assert (alpha.mode, alpha.size) == ("L", size)
        if "cutout" in outputs:
            cutout = opened(outputs["cutout"][number, 0])
            assert (cutout.mode, cutout.size) == ("RGBA", size)
            assert (np.asarray(cutout)[..., 3] == np.asarray(alpha)).all()
            left, top, right, bottom = outputs["box"][number]
            assert 0 <= left <= right <= size[0]
            assert 0 <= top <= bottom <= size[1]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_pipeline_answers_over_grpc(client: grpc.InferenceServerClient, pipeline: str) -> None:
    outputs = infer(client, pipeline, photo(300, 200, 1))
    assert set(outputs) == PIPELINES[pipeline]
    assert_sound(outputs, [(300, 200)])


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_pipeline_answers_over_http(triton: Session, pipeline: str) -> None:
    data = photo(200, 300, 2)
    binary = {"binary_data_size": len(data) + 4}
    image = {"name": "image", "shape": [1, 1], "datatype": "BYTES", "parameters": binary}
    head = json.dumps({"inputs": [image], "parameters": {"binary_data_output": True}}).encode()
    answer = httpx.post(
        f"{triton.http_url}/v2/models/{pipeline}/infer",
        content=head + struct.pack("<I", len(data)) + data,
        headers={"Inference-Header-Content-Length": str(len(head))},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    outputs = binary_outputs(answer.content, int(answer.headers["inference-header-content-length"]))
    assert set(outputs) == PIPELINES[pipeline]
    assert_sound(outputs, [(200, 300)])


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_every_format_goes_through(client: grpc.InferenceServerClient, kind: str) -> None:
    assert_sound(infer(client, "cutout_step", pictures.sample(kind)), [(pictures.WIDTH, pictures.HEIGHT)])


def test_exif_is_applied_and_the_subjects_colours_arrive(client: grpc.InferenceServerClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = pictures.image().transpose(Image.Transpose.ROTATE_90)
    outputs = infer(client, "cutout_step", pictures.encoded(stored, "PNG", {"exif": exif.tobytes()}))
    assert_sound(outputs, [(pictures.WIDTH, pictures.HEIGHT)])
    cutout = np.asarray(opened(outputs["cutout"][0, 0]))
    opaque = cutout[..., 3] == 255
    assert (cutout[opaque][:, :3] == pictures.blocks()[opaque]).all()


def test_an_existing_cut_out_stays_one(client: grpc.InferenceServerClient) -> None:
    picture = pictures.image()
    own = np.tile(np.linspace(0, 255, pictures.WIDTH).astype(np.uint8), (pictures.HEIGHT, 1))
    picture.putalpha(Image.fromarray(own))
    for pipeline in ("cutout_step", "alpha_step"):
        outputs = infer(client, pipeline, pictures.encoded(picture, "PNG"))
        assert (np.asarray(opened(outputs["alpha"][0, 0])) <= own).all()


def test_one_request_may_hold_pictures_of_mixed_sizes(client: grpc.InferenceServerClient) -> None:
    sizes = [(300, 200), (64, 48), (120, 400)]
    files = [photo(300, 200, 1), pictures.sample("WEBP"), photo(120, 400, 3)]
    for pipeline in ("cutout_step", "alpha_step"):
        outputs = infer(client, pipeline, *files)
        assert_sound(outputs, sizes)
        alone = infer(client, pipeline, files[1])
        assert outputs["alpha"][1, 0] == alone["alpha"][0, 0], "company must not change a picture"


@pytest.mark.parametrize("pipeline", ["cutout_step", "alpha_step"])
def test_among_concurrent_requests_a_broken_picture_fails_alone(triton: Session, pipeline: str) -> None:
    good, broken = photo(200, 200, 4), photo(200, 200, 4)[:2000]

    def send(file: bytes) -> str:
        with grpc.InferenceServerClient(triton.grpc_url) as client:
            try:
                assert_sound(infer(client, pipeline, file), [(200, 200)])
            except InferenceServerException as error:
                return f"{error.status()} {error.message()}"
            return "answered"

    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(send, [good, good, broken, good, good, b"no picture", good, good]))
    assert found.count("answered") == 6
    assert "INVALID_ARGUMENT" in found[2]
    assert "the JPEG file is truncated" in found[2]
    assert "the input is not an image" in found[5]
    assert "Traceback" not in found[2] + found[5]


def test_too_many_pixels_are_an_invalid_argument(client: grpc.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="8000 x 7000, at most 50000000") as caught:
        infer(client, "alpha_step", pictures.png_that_claims(8000, 7000))
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_alpha_pipelines_never_move_the_full_picture(client: grpc.InferenceServerClient) -> None:
    """Seen in the time that decode takes to hand its outputs on: 27 MB of pixels against less than one."""
    picture = photo(3000, 3000, 8)

    def handing_on(pipeline: str) -> int:
        before = _output_time(client)
        for _ in range(3):
            infer(client, pipeline, picture)
        return _output_time(client) - before

    assert handing_on("alpha_step") < handing_on("cutout_step") / 2


def _output_time(client: grpc.InferenceServerClient) -> int:
    return int(client.get_inference_statistics("decode").model_stats[0].inference_stats.compute_output.ns)


def curl(triton: Session, pipeline: str, file: Path, folder: Path) -> tuple[int, dict[str, str], bytes]:
    """POST the bare file as README shows it; return status, headers and body."""
    head, body = folder / "head", folder / "body"
    command = ["curl", "--silent", "--show-error", "--data-binary", f"@{file}", "--dump-header", str(head)]
    command += ["--header", "Inference-Header-Content-Length: 0", "--output", str(body), "--write-out", "%{http_code}"]
    command.append(f"{triton.http_url}/v2/models/{pipeline}/infer")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split(": ", 1) for line in head.read_text().splitlines() if ": " in line]
    return int(done.stdout), {name.lower(): value for name, value in lines}, body.read_bytes()


def test_curl_posts_a_bare_photo_and_gets_the_cut_out(triton: Session, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(photo(240, 160, 5))
    status, headers, body = curl(triton, "cutout_step", file, tmp_path)
    assert status == 200
    assert_sound(binary_outputs(body, int(headers["inference-header-content-length"])), [(240, 160)])


def test_curl_is_told_what_is_wrong_with_a_file(triton: Session, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a picture")
    status, _, body = curl(triton, "alpha_step", file, tmp_path)
    assert status == 400
    assert "the input is not an image" in json.loads(body)["error"]


async def test_clients_that_cancel_save_the_work_and_harm_nobody(triton: Session) -> None:
    big = photo(3000, 3000, 6)
    async with aio.InferenceServerClient(triton.grpc_url) as client:
        before = await _answered(client, "step_matte")
        tasks = [asyncio.create_task(client.infer("cutout_step", [image_input([big])])) for _ in range(10)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, (asyncio.CancelledError, InferenceServerException)) for end in ended)
        answer = await client.infer("cutout_step", [image_input([photo(200, 200, 7)])], client_timeout=60)
        assert answer.as_numpy("box").shape == (1, 4)
        assert await _answered(client, "step_matte") - before < len(tasks)


async def _answered(client: aio.InferenceServerClient, model: str) -> int:
    statistics = await client.get_inference_statistics(model)
    return int(statistics.model_stats[0].inference_stats.success.count)
