import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network
from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.errors import InvalidOptionError, InvalidUrlError
from gateway.settings import Settings
from gateway.sources import picture_source
from tests.gateway.conftest import PHOTO_URL
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture
from tests.gateway.servers import answer, serving

QUOTED_URL = quote(PHOTO_URL, safe="")
CROP = "/api/v2/step/crop"
# Characters that a client's library leaves alone in a query string (RFC 3986, 3.4).
IN_URLS = st.text("abcXYZ019-._~:/?@!$'()*+,;=&%20", max_size=40).filter(lambda text: "%" not in text or "%20" in text)
WEB_URLS = st.builds(
    "{}://{}/{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(["h.example", "127.0.0.1:81"]),
    IN_URLS,
)


def read(query: str) -> tuple[str, dict[str, str]]:
    return picture_source(query, "/crop", ("output",))


@given(WEB_URLS)
def test_a_bare_url_is_taken_as_it_is(url: str) -> None:
    assert read(url) == (url, {})


@given(WEB_URLS, st.sampled_from(["", "/"]))
def test_a_quoted_url_is_unquoted_once(url: str, safe: str) -> None:
    assert read(quote(url, safe=safe)) == (url, {})


@given(WEB_URLS)
def test_a_quoted_url_may_end_in_the_sign_of_an_empty_value(url: str) -> None:
    assert read(quote(url, safe="") + "=") == (url, {})


@given(WEB_URLS, st.sampled_from(["image_url", "url"]), st.sampled_from([None, "alpha", "cutout"]))
def test_a_named_url_is_read_with_its_option(url: str, name: str, output: str | None) -> None:
    query = f"{name}={quote(url, safe='')}" + (f"&output={output}" if output else "")
    assert read(query) == (url, {"output": output} if output else {})


@pytest.mark.parametrize("query", ["", "image_url=", "output=alpha", "ftp://host/a.png", "photo.png"])
def test_a_query_without_a_url_is_refused(query: str) -> None:
    with pytest.raises(InvalidUrlError, match="image_url"):
        read(query)


def test_an_unknown_option_names_the_allowed_ones() -> None:
    with pytest.raises(InvalidOptionError, match="unknown option width; allowed: image_url, output"):
        read("image_url=https%3A%2F%2Fh%2Fa.png&width=3")


@pytest.mark.parametrize(
    "query",
    [PHOTO_URL, quote(PHOTO_URL, safe=""), f"image_url={QUOTED_URL}", f"{QUOTED_URL}="],
)
async def test_every_form_of_the_url_redirects_to_the_same_result(
    client: httpx.AsyncClient, inference: FakeInference, query: str
) -> None:
    answer = await client.get(f"{CROP}?{query}")
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["location"].startswith("http://gateway/files/cutout_step/")
    assert (await client.get(answer.headers["location"])).content == inference.cut.png


@pytest.mark.parametrize(
    "query", ["image_url=http://127.0.0.1:{port}/My%20Photo.jpg", "http%3A%2F%2F127.0.0.1%3A{port}%2FMy%20Photo.jpg"]
)
async def test_a_url_whose_spaces_were_decoded_with_the_query_is_fetched(
    settings: Settings, inference: FakeInference, store: MemoryStore, query: str
) -> None:
    asked: list[bytes] = []

    async def handle(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head.split()[1])
        writer.write(answer(picture()))

    local = settings.model_copy(update={"fetch_allowed_networks": (ip_network("127.0.0.0/8"),)})
    async with serving(handle) as port, client_of(create_app(local, inference, store)) as client:
        assert (await client.get(f"{CROP}?{query.format(port=port)}")).status_code == 302
    assert asked == [b"/My%20Photo.jpg"]


async def test_the_option_reaches_the_pipeline(client: httpx.AsyncClient, inference: FakeInference) -> None:
    answer = await client.get(f"{CROP}?image_url={QUOTED_URL}&output=alpha")
    assert "/files/alpha_step/" in answer.headers["location"]
    assert [name for name, _ in inference.calls] == ["alpha_step"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_url"),
        (f"image_url={QUOTED_URL}&output=mask", "invalid_option"),
        (f"image_url={PHOTO_URL}", "invalid_option"),
        ("https://pictures.example/none.png", "source_not_found"),
    ],
)
async def test_a_bad_request_is_answered_not_redirected(client: httpx.AsyncClient, query: str, code: str) -> None:
    answer = await client.get(f"{CROP}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_delivery_template_gets_the_quoted_result_url(
    settings: Settings, inference: FakeInference, store: MemoryStore, fetcher: FakeFetcher
) -> None:
    template = "https://res.example/demo/image/fetch/f_auto,q_auto/{url}"
    delivered = settings.model_copy(update={"delivery_template": template, "public_url": "https://cut.example"})
    async with client_of(create_app(delivered, inference, store, fetcher)) as client:
        answer = await client.get(f"{CROP}?{PHOTO_URL}")
    path = urlsplit(answer.headers["location"]).path
    assert answer.headers["location"].startswith(
        "https://res.example/demo/image/fetch/f_auto,q_auto/https%3A%2F%2Fcut.example%2F"
    )
    assert path.count("/") == 5


@pytest.mark.parametrize("host", ["[", "a b", "x" * 300, "evil.example/path"])
async def test_a_strange_host_header_does_no_harm(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.post("/api/v2/step/predict", json={"url": PHOTO_URL}, headers={"Host": host})
    assert answer.status_code == 200
    assert urlsplit(answer.json()["url"]).path.endswith(".png")


async def test_a_body_where_none_belongs_is_refused_and_not_taken_for_a_hang_up(
    client: httpx.AsyncClient, inference: FakeInference
) -> None:
    inference.delay_s = 0.5
    answer = await client.request("GET", f"{CROP}?{PHOTO_URL}", content=bytes(70_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_that_never_ends_is_not_taken_for_a_hang_up(
    settings: Settings, inference: FakeInference, store: MemoryStore, fetcher: FakeFetcher
) -> None:
    inference.delay_s = 30

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(30)

    short = settings.model_copy(update={"upload_timeout_seconds": 0.1})
    async with client_of(create_app(short, inference, store, fetcher)) as client:
        answer = await client.request("GET", f"{CROP}?{PHOTO_URL}", content=body())
    assert (answer.status_code, answer.json()["code"]) == (408, "upload_timeout")
