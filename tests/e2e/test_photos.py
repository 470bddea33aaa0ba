"""The photo service's routes and its command, before a real tritonserver; its fallback, when that is gone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from perf.corpus import photo
from serving.session import free_ports
from tests.e2e.forwarder import forwarding
from tests.e2e.gateways import gateway, pictures_served, wait_until
from tests.gateway.photoroom import KEY, photoroom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.session import Session

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
SHOT = photo(240, 180, 7)


@pytest.fixture(scope="module")
def client(triton: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    variables = {
        "GATEWAY_TRITON_URL": triton.grpc_url,
        "GATEWAY_STORE_URL": str(tmp_path_factory.mktemp("store")),
        "GATEWAY_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with gateway(variables) as (client, _):
        wait_until(lambda: client.get("/health").json()["status"] == "ok")
        yield client


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


ROUTES: dict[str, tuple[str, dict[str, str], str, str, tuple[int, int]]] = {
    "cut-out": ("/remove-background", {}, "PNG", "RGBA", (240, 180)),
    "photo": ("/process", {"background": "FFFFFF", "shadow": "true", "format": "jpeg"}, "JPEG", "RGB", (240, 180)),
    "canvas": ("/process", {"width": "300", "height": "200", "format": "webp"}, "WEBP", "RGB", (300, 200)),
    "template": ("/render-template", {"title": "Used", "format": "jpeg"}, "JPEG", "RGB", (240, 180)),
    "everything": ("/process-full", {"title": "Used", "price": "12", "format": "jpeg"}, "JPEG", "RGB", (240, 180)),
}


@pytest.mark.parametrize(("path", "fields", "kind", "mode", "size"), ROUTES.values(), ids=ROUTES)
def test_every_route_answers_with_the_picture(
    client: httpx.Client, path: str, fields: dict[str, str], kind: str, mode: str, size: tuple[int, int]
) -> None:
    answer = client.post(path, files={"image": ("shot.jpg", SHOT)}, data=fields)
    assert answer.status_code == 200, answer.text
    picture = opened(answer.content)
    assert (picture.format, picture.mode, picture.size) == (kind, mode, size)
    assert answer.headers["x-processed-by"] == "darkroom"
    assert ("x-uncertainty-score" in answer.headers) == (path != "/render-template")


def test_a_photo_by_url_lies_in_the_store_and_is_made_once(client: httpx.Client) -> None:
    with pictures_served(lambda _: SHOT) as host:
        body = {"image_url": f"{host}/shot.jpg", "options": {"place": {"size": [200, 200], "padding": "10%"}}}
        first, second = (client.post("/process?response=json", json=body).json() for _ in range(2))
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["url"] == second["url"]
    stored = opened(httpx.get(first["url"].replace("localhost", "127.0.0.1")).content)
    assert stored.size == (200, 200)
    left, top, right, bottom = first["box"]
    assert 19 <= min(left, top) < max(right, bottom) <= 181


def test_a_wrong_photo_costs_no_other(client: httpx.Client) -> None:
    sent = [photo(200, 150, 30), b"", SHOT[:300], b"no picture", photo(150, 200, 31)]

    def ask(data: bytes) -> httpx.Response:
        return client.post("/process", files={"image": ("shot.jpg", data)}, data={"shadow": "true"})

    with ThreadPoolExecutor(len(sent)) as pool:
        answers = list(pool.map(ask, sent))
    assert [answer.status_code for answer in answers] == [200, 422, 422, 415, 200], [one.text[:80] for one in answers]


def test_a_text_that_does_not_fit_is_told_to_the_client(client: httpx.Client) -> None:
    answer = client.post("/render-template", files={"image": ("shot.jpg", SHOT)}, data={"title": "long " * 60})
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_refused")
    assert "title" in answer.json()["detail"]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "gateway.cli", "process", *words]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_makes_a_folder_of_photos_and_goes_on_where_it_was(client: httpx.Client, tmp_path: Path) -> None:
    shots, shop = tmp_path / "photos", tmp_path / "shop"
    shots.mkdir()
    for number in range(3):
        (shots / f"{number}.jpg").write_bytes(photo(160, 120, 40 + number))
    (shots / "broken.jpg").write_bytes(SHOT[:200])
    words = [str(shots), "--shadow", "--out", str(shop), "--url", str(client.base_url)]
    ran = command(*words)
    assert ran.returncode == 1, ran.stderr
    assert sorted(path.name for path in shop.glob("*.png")) == ["0.png", "1.png", "2.png"]
    assert "broken.jpg" in ran.stderr
    (shots / "broken.jpg").unlink()
    (shop / "1.png").unlink()
    made = (shop / "0.png").stat().st_mtime_ns
    again = command(*words)
    assert again.returncode == 0, again.stderr
    assert (shop / "0.png").stat().st_mtime_ns == made
    assert opened((shop / "1.png").read_bytes()).size == (160, 120)
    summary: dict[str, Any] = json.loads((shop / "summary.json").read_text())
    assert summary


def test_another_service_steps_in_while_triton_is_gone(triton: Session, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with photoroom() as other:
        variables = {
            "GATEWAY_TRITON_URL": f"127.0.0.1:{port}",
            "GATEWAY_STORE_URL": str(tmp_path),
            "GATEWAY_FALLBACK_URL": other.url,
            "GATEWAY_FALLBACK_API_KEY": KEY,
        }

        def ask(client: httpx.Client, seed: int) -> httpx.Response:
            return client.post("/remove-background", files={"image": ("shot.jpg", photo(120, 90, seed))})

        with gateway(variables) as (client, _):
            with forwarding(port, triton.grpc_url):
                wait_until(lambda: client.get("/health").json()["status"] == "ok")
                assert ask(client, 50).headers["x-processed-by"] == "darkroom"
            wait_until(lambda: ask(client, 51).headers.get("x-processed-by") == "fallback")
            assert other.asked[-1][0] == "/v1/segment"
            stored = ask(client, 50)
            assert (stored.headers["x-processed-by"], stored.headers["x-cached"]) == ("darkroom", "true")
            refused = client.post("/process-full", files={"image": ("s.jpg", SHOT)}, data={"title": "Used"})
            assert refused.status_code == 503
            with forwarding(port, triton.grpc_url):
                wait_until(lambda: ask(client, 52).headers.get("x-processed-by") == "darkroom")
