"""The gateway's store on a real S3 endpoint: rclone serves a folder with signatures checked."""

import asyncio
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import obstore
import pytest
from pydantic import SecretStr

from gateway.app import create_app
from gateway.cli.__main__ import main
from gateway.errors import ResultNotFoundError, StoreFailedError
from gateway.settings import Settings
from gateway.store import Shelf, open_existing, open_store
from gateway.telemetry import Telemetry
from gateway.templates import Templates
from imaging import shelf as template_shelf
from tests.e2e.buckets import KEY_ID, REGION, SECRET, s3
from tests.gateway.fakes import FakeInference, client_of, picture

pytestmark = pytest.mark.e2e
TEMPLATES = "s3://results/templates"
UPLOAD = "/api/v2/step/predict_upload"


@dataclass(frozen=True)
class Bucket:
    """A bucket, the folder behind it, and the settings that reach it."""

    folder: Path
    settings: Settings


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("s3")
    (folder / "results").mkdir()
    with s3(folder) as endpoint:
        settings = Settings.model_validate(
            {
                "store_url": "s3://results/cuts",
                "s3_endpoint": endpoint,
                "s3_region": REGION,
                "s3_access_key_id": KEY_ID,
                "s3_secret_access_key": SECRET,
                "model_repository": folder / "none",
            }
        )
        yield Bucket(folder / "results", settings)


def shelf(settings: Settings) -> Shelf:
    return Shelf(open_store(settings), settings, Telemetry())


async def test_objects_are_put_and_found_under_the_prefix(bucket: Bucket) -> None:
    await shelf(bucket.settings).put("a/b.png", b"bytes", "image/png")
    assert (bucket.folder / "cuts" / "a" / "b.png").read_bytes() == b"bytes"
    assert await shelf(bucket.settings).get("a/b.png") == b"bytes"
    assert await shelf(bucket.settings).size("a/b.png") == 5
    with pytest.raises(ResultNotFoundError):
        await shelf(bucket.settings).get("a/none.png")


async def test_large_objects_are_read_in_pieces(bucket: Bucket) -> None:
    data = bytes(range(251)) * 10_000
    await shelf(bucket.settings).put("a/large.png", data, "image/png")
    content = await shelf(bucket.settings).open("a/large.png")
    pieces = [piece async for piece in content.pieces]
    assert (content.size_bytes, b"".join(pieces)) == (len(data), data)
    assert len(pieces) > 1


async def test_a_wrong_secret_is_a_store_failure(bucket: Bucket) -> None:
    settings = bucket.settings.model_copy(update={"s3_secret_access_key": SecretStr("wrong" * 8)})
    with pytest.raises(StoreFailedError) as caught:
        await shelf(settings).put("a/c.png", b"bytes", "image/png")
    assert "wrong" not in caught.value.private


async def test_a_presigned_url_opens_to_anyone_for_its_time_and_no_longer(bucket: Bucket) -> None:
    signing = shelf(bucket.settings.model_copy(update={"store_presign_seconds": 3}))
    await signing.put("a/signed.png", picture(), "image/png")
    url = await signing.url("a/signed.png", "http://gateway")
    async with httpx.AsyncClient() as anyone:
        unsigned, _, _ = url.partition("?")
        for broken in (unsigned, re.sub("Signature=.", "Signature=", url)):
            assert (await anyone.get(broken)).is_client_error
        opened = await anyone.get(url)
        assert (opened.status_code, opened.content) == (200, picture())
        time.sleep(4.1)  # noqa: ASYNC251 - the URL's own clock runs
        assert (await anyone.get(url)).is_client_error


async def test_a_cut_out_goes_to_the_bucket_and_is_found_again(bucket: Bucket) -> None:
    settings = bucket.settings.model_copy(update={"store_presign_seconds": 60})
    for cached in (False, True):
        inference = FakeInference()
        async with client_of(create_app(settings, inference, open_store(settings))) as client:
            answer = await client.post(UPLOAD, files={"file": picture()})
            assert answer.json()["cached"] is cached
            assert len(inference.calls) == (not cached)
            async with httpx.AsyncClient() as anyone:
                found = await anyone.get(answer.json()["url"])
            assert (found.status_code, found.content) == (200, inference.cut.png)
            png = await client.post(UPLOAD, files={"file": picture()}, headers={"Accept": "image/png"})
            assert png.content == inference.cut.png


@pytest.fixture
def templates(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one template, and an environment in which the command finds it and the bucket."""
    known = bucket.settings
    assert known.s3_endpoint
    assert known.s3_region
    environment = {
        "S3_ENDPOINT": known.s3_endpoint,
        "S3_REGION": known.s3_region,
        "S3_ACCESS_KEY_ID": KEY_ID,
        "S3_SECRET_ACCESS_KEY": SECRET,
        "TEMPLATES_URL": TEMPLATES,
        "TEMPLATES": str(tmp_path / "authors"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    shutil.copytree(Path(__file__).parents[2] / "templates" / "bar", tmp_path / "authors" / "bar")
    return tmp_path / "authors"


async def test_templates_that_are_pushed_are_where_the_steps_read_them(
    bucket: Bucket, templates: Path, tmp_path: Path
) -> None:
    folder, telemetry = tmp_path / "templates", Telemetry()
    store = open_existing(bucket.settings, TEMPLATES)
    kept = Templates(folder, Shelf(store, bucket.settings, telemetry), telemetry)
    assert await asyncio.to_thread(main, ["templates", "push", "bar"]) == 0
    assert await asyncio.to_thread(main, ["templates", "push", "bar"]) == 2
    assert (bucket.folder / "templates" / "bar" / "1" / "template.yaml").is_file()
    await kept.look()
    steps = template_shelf.Shelf(folder)
    first = await asyncio.to_thread(steps.load, "bar")
    assert (first.version, list(first.faces)) == (1, list(template_shelf.Shelf(templates).load("bar").faces))

    sheet = templates / "bar" / "1" / "template.yaml"
    sheet.write_text("elements: [{kind: bar, color: red}]")
    assert await asyncio.to_thread(main, ["templates", "push", "bar", "--replace"]) == 0
    assert await kept.look()
    assert (await asyncio.to_thread(steps.load, "bar")) is first
    await kept.look()
    assert not (await asyncio.to_thread(steps.load, "bar")).faces

    pulled = tmp_path / "pulled"
    assert await asyncio.to_thread(main, ["templates", "pull", "bar", "--folder", str(pulled)]) == 0
    assert (pulled / "bar" / "1" / "template.yaml").read_text() == sheet.read_text()
    for meta in await obstore.list(store).collect_async():
        await obstore.delete_async(store, meta["path"])
    await kept.look()
    await kept.look()
    assert steps.names() == []


async def test_a_wrong_secret_leaves_the_templates_as_they_are(bucket: Bucket, tmp_path: Path) -> None:
    settings = bucket.settings.model_copy(update={"s3_secret_access_key": SecretStr("wrong" * 8)})
    telemetry = Telemetry()
    store = open_existing(settings, TEMPLATES)
    await Templates(tmp_path, Shelf(store, settings, telemetry), telemetry).look()
    assert b'gateway_templates_sync_total{outcome="failed"} 1.0' in telemetry.exposition()


async def test_the_gateway_itself_serves_what_lies_in_a_private_bucket(bucket: Bucket) -> None:
    async with client_of(create_app(bucket.settings, FakeInference(), open_store(bucket.settings))) as client:
        body = (await client.post(UPLOAD, files={"file": picture(colour="blue")})).json()
        assert body["url"].startswith("http://gateway/files/cutout_step/")
        assert (await client.get(body["url"])).headers["content-type"] == "image/png"
