import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from obstore.store import LocalStore

from gateway.app import create_app
from gateway.inference import Cut
from gateway.settings import Settings
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.servers import connected, listening

UPLOAD = "/api/v2/step/predict_upload"
ADDRESS = "ab" * 32


async def made(client: httpx.AsyncClient) -> str:
    body = (await client.post(UPLOAD, files={"file": picture()})).json()
    return str(body["url"])


async def test_a_result_may_be_kept_for_ever_and_is_nothing_but_a_picture(client: httpx.AsyncClient) -> None:
    answer = await client.get(await made(client))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_client_that_has_the_result_is_told_so(client: httpx.AsyncClient) -> None:
    url = await made(client)
    etag = (await client.get(url)).headers["etag"]
    again = await client.get(url, headers={"If-None-Match": f'W/"x", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"x" , W/"y",{etag}', 304),
        ("*", 304),
        (" * ", 304),
        ("", 200),
        ('"x"', 200),
        ('"*"', 200),
        ('"x{id}"', 200),
        ("{id}", 200),
    ],
)
async def test_the_list_of_what_a_client_has_is_read(client: httpx.AsyncClient, header: str, status: int) -> None:
    url = await made(client)
    etag = (await client.head(url)).headers["etag"]
    given = header.format(etag=etag, id=etag.strip('"'))
    assert (await client.get(url, headers={"If-None-Match": given})).status_code == status


async def test_what_a_client_has_is_read_from_every_header(client: httpx.AsyncClient) -> None:
    url = await made(client)
    etag = (await client.head(url)).headers["etag"]
    headers = [("If-None-Match", '"x"'), ("If-None-Match", etag)]
    assert (await client.get(url, headers=headers)).status_code == 304


@pytest.mark.parametrize("header", [f'"{ADDRESS}"', "*"])
async def test_nobody_has_what_does_not_exist(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get(f"/files/cutout_step/ab/{ADDRESS}.png", headers={"If-None-Match": header})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_head_answers_without_the_picture_and_reads_none(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    url = await made(client)
    before = await reads(client)
    answer = await client.head(url)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(inference.cut.png)))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["etag"] == (await client.get(url)).headers["etag"]
    assert await reads(client) == before + 1


async def reads(client: httpx.AsyncClient) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith('gateway_store_seconds_count{operation="get"}')]
    return float(found[0].split()[-1]) if found else 0.0


LARGE = picture() + np.random.default_rng(0).bytes(40_000_000)


WANTS_PNG = {"Accept": "image/png"}
BODY = json.dumps({"url": PHOTO_URL})


@pytest.mark.parametrize(
    "request_head",
    ["GET {path} HTTP/1.1", f"POST /api/v2/step/predict HTTP/1.1\r\nAccept: image/png\r\nContent-Length: {len(BODY)}"],
    ids=["file", "answer"],
)
async def test_clients_that_do_not_read_cost_a_piece_each_not_a_picture(
    settings: Settings, inference: FakeInference, fetcher: FakeFetcher, tmp_path: Path, request_head: str
) -> None:
    inference.cut = Cut(LARGE, None)
    app = create_app(settings, inference, LocalStore(tmp_path), fetcher)
    process, count = psutil.Process(), 8
    async with listening(app, settings) as port, AsyncExitStack() as idle:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            path = httpx.URL((await client.get(f"/api/v2/step/crop?{PHOTO_URL}")).headers["location"]).path
            assert (await client.get(path)).content == LARGE
            assert (await client.post("/api/v2/step/predict", content=BODY, headers=WANTS_PNG)).content == LARGE
        before = process.memory_info().rss
        for _ in range(count):
            _, writer = await idle.enter_async_context(connected(port))
            writer.write(f"{request_head.format(path=path)}\r\nHost: x\r\n\r\n".encode())
            if request_head.startswith("POST"):
                writer.write(BODY.encode())
        await asyncio.sleep(1)
        assert process.memory_info().rss - before < count * len(LARGE) / 4


@pytest.mark.parametrize(
    "path",
    [
        "",
        "cutout_step",
        f"cutout_step/ab/{ADDRESS}.json",
        f"cutout_step/cd/{ADDRESS}.png",
        f"other/ab/{ADDRESS}.png",
        f"cutout_step/ab/{ADDRESS}.png/",
        f"cutout_step/ab/{ADDRESS}.png%0a",
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "cutout_step/../../secret.txt",
        "cutout_step%2f..%2f..%2fsecret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "secret.txt",
        "link",
    ],
)
async def test_nothing_but_results_is_served(
    settings: Settings, inference: FakeInference, tmp_path: Path, path: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "store"
    (folder / "cutout_step" / "ab").mkdir(parents=True)
    (folder / "secret.txt").write_text("secret")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "cutout_step" / "ab" / f"{ADDRESS}.json").write_text("{}")
    async with client_of(create_app(settings, inference, LocalStore(folder))) as client:
        answer = await client.get(httpx.URL(f"http://gateway/files/{path}"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_local_folder_keeps_picture_and_card(
    settings: Settings, inference: FakeInference, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    async with client_of(create_app(settings, inference, LocalStore(folder, mkdir=True))) as client:
        url = await made(client)
        assert (await client.get(url)).content == inference.cut.png
    assert sorted(path.suffix for path in folder.rglob("*.*")) == [".json", ".png"]
