"""The gateway as it runs in production, `python -m gateway`, before a real tritonserver."""

import io
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from serving.session import Session, free_ports
from tests.e2e.forwarder import forwarding
from tests.e2e.gateways import gateway, pictures_served, wait_until

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
UPLOAD = "/api/v2/step/predict_upload"
Start = Callable[..., httpx.Client]


def photo(seed: int = 0, size: tuple[int, int] = (160, 120), kind: str = "JPEG") -> bytes:
    """Noise, so that each seed is another picture and nothing is in the store yet."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def client(triton: Session, store: Path) -> Iterator[httpx.Client]:
    variables = {
        "GATEWAY_TRITON_URL": triton.grpc_url,
        "GATEWAY_STORE_URL": str(store),
        "GATEWAY_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with gateway(variables) as (client, _):
        assert client.get("/health").json()["status"] == "ok", "what listens knows its pipelines"
        yield client


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    """A host with pictures: `/<seed>.jpg`."""
    with pictures_served(lambda path: photo(int(Path(path).stem))) as address:
        yield address


@pytest.mark.parametrize(("role", "mode"), [("step", "RGBA"), ("main", "RGBA")])
def test_an_upload_becomes_a_cut_out_in_the_store(client: httpx.Client, store: Path, role: str, mode: str) -> None:
    answer = client.post(f"/api/v2/{role}/predict_upload", files={"file": photo()})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["pipeline"], body["model"], body["version"]) == (f"cutout_{role}", f"{role}_matte", 1)
    result = client.get(body["url"])
    with Image.open(io.BytesIO(result.content)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", mode, (160, 120))
    assert (body["width"], body["height"]) == (160, 120)
    stored = store / f"cutout_{role}" / body["id"][:2] / f"{body['id']}.png"
    assert stored.read_bytes() == result.content


def test_the_mask_alone_is_a_grey_png(client: httpx.Client) -> None:
    answer = client.post(f"{UPLOAD}?output=alpha", files={"file": photo(1)}, headers={"Accept": "image/png"})
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.mode, picture.size) == ("L", (160, 120))


def test_a_url_is_fetched_and_the_second_time_comes_from_the_store(client: httpx.Client, pictures: str) -> None:
    body = {"image_url": f"{pictures}/2.jpg?a=b&c=d"}
    first, second = (client.post("/api/v2/step/predict", json=body).json() for _ in range(2))
    assert first | {"cached": True} == second
    assert not first["cached"]


@pytest.mark.parametrize("query", ["{pictures}/3.jpg?w=1&h=2", "image_url={pictures}/3.jpg"])
def test_crop_redirects_to_the_stored_picture(client: httpx.Client, pictures: str, query: str) -> None:
    answer = client.get(f"/api/v2/main/crop?{query.format(pictures=pictures)}", follow_redirects=True)
    assert [step.status_code for step in (*answer.history, answer)] == [302, 200]
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (160, 120)


def test_a_broken_picture_gets_the_steps_own_words(client: httpx.Client) -> None:
    whole = photo(4, (400, 400))
    answer = client.post(UPLOAD, files={"file": whole[: len(whole) // 2]})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "unreadable_picture")
    assert "ensemble" not in body["detail"]


def test_many_clients_at_once_all_get_their_own_picture(client: httpx.Client) -> None:
    sizes = [(100 + 4 * number, 90 + 6 * number) for number in range(5)]

    def cut(number: int) -> tuple[int, int]:
        answer = client.post(UPLOAD, files={"file": photo(10 + number, sizes[number])})
        assert answer.status_code == 200, answer.text
        return answer.json()["width"], answer.json()["height"]

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(cut, range(5))) == sizes


def test_health_and_models_tell_what_is_served(client: httpx.Client) -> None:
    health = client.get("/api/v2/step/health").json()
    assert (health["status"], health["model"], health["version"]) == ("ok", "step_matte", 1)
    assert 0 <= health["canary_age_s"] < 60
    models = {model["role"]: model for model in client.get("/v1/models").json()["models"]}
    assert models["step_matte"]["served_version"] == 1
    assert set(models["step_matte"]["pipelines"]) == {"alpha_step", "cutout_step", "recipe_photo"}
    if not models["product_matte"]["served"]:
        assert models["product_matte"]["reason"]


def test_a_client_that_hangs_up_has_its_inference_cancelled(triton: Session, client: httpx.Client) -> None:
    def cancelled() -> float:
        return metric(httpx.get(triton.metrics_url).text, "nv_inference_request_failure{", 'reason="CANCELED"')

    before, gone = cancelled(), metric(client.get("/metrics").text, "gateway_requests_total{", 'status="499"')
    big = {"file": photo(5, (4000, 3000))}
    with pytest.raises(httpx.ReadTimeout):
        client.post("/api/v2/main/predict_upload", files=big, timeout=httpx.Timeout(60, read=0.2))
    wait_until(lambda: metric(client.get("/metrics").text, "gateway_requests_total{", 'status="499"') == gone + 1)
    assert metric(client.get("/metrics").text, "gateway_inference_running ") == 0
    wait_until(lambda: cancelled() > before)
    assert client.post(UPLOAD, files={"file": photo(6)}).status_code == 200


def metric(text: str, *parts: str) -> float:
    """Sum of the metrics whose line holds all of `parts`."""
    lines = [line for line in text.splitlines() if not line.startswith("#") and all(part in line for part in parts)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_the_gateway_starts_without_triton_and_recovers_by_itself(triton: Session, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    variables = {"GATEWAY_TRITON_URL": f"127.0.0.1:{port}", "GATEWAY_STORE_URL": str(tmp_path)}
    with gateway(variables) as (client, _):
        answer = client.post(UPLOAD, files={"file": photo()})
        assert (answer.status_code, answer.json()["code"]) == (503, "pipeline_down")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/health").status_code == 503
        with forwarding(port, triton.grpc_url):
            wait_until(lambda: client.get("/health").json()["status"] == "ok")
            assert client.post(UPLOAD, files={"file": photo()}).status_code == 200
        wait_until(lambda: client.get("/api/v2/step/health").status_code == 503)
        assert client.post(UPLOAD, files={"file": photo(7)}).json()["code"] == "pipeline_down"


def test_a_stop_signal_lets_an_open_request_finish(triton: Session, tmp_path: Path) -> None:
    variables = {"GATEWAY_TRITON_URL": triton.grpc_url, "GATEWAY_STORE_URL": str(tmp_path)}
    with gateway(variables) as (client, process), ThreadPoolExecutor(1) as pool:
        open_request = pool.submit(client.post, "/api/v2/main/predict_upload", files={"file": photo(8, (2000, 1500))})
        wait_until(lambda: metric(client.get("/metrics").text, "gateway_inference_running ") > 0)
        process.send_signal(signal.SIGTERM)
        assert open_request.result().status_code == 200
        assert process.wait(30) == -signal.SIGTERM, "uvicorn ends by the signal it got, once all is done"
