from pathlib import Path

import httpx
import pytest
from obstore.store import LocalStore

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.fakes import FakeInference, client_of, picture

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


async def test_head_answers_without_the_picture(client: httpx.AsyncClient, inference: FakeInference) -> None:
    answer = await client.head(await made(client))
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(inference.cut.png)))


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
