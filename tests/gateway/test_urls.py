import pytest

from gateway import errors
from gateway.fetch import parse_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photo.png",
        "//host/photo.png",
        "ftp://host/photo.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://",
        "http:///photo.png",
        "http://user@host/photo.png",
        "http://user:secret@host/photo.png",
        "http://@host/photo.png",
        "http://good.example\\@10.0.0.1/",
        "http://ho st/a.png",
        "http:// host/a.png",
        "http://host :80/a.png",
        "http ://host/a.png",
        "http://host/a\tb.png",
        "http://xn--zzzzzzzz.example/",
        "http://xn--/",
        "http://xn--a/",
        "http://host/\r\nX-Injected: 1",
        "http://host\x00.example/",
        "http://host:99999/",
        "http://host:0/",
        "http://host:port/",
        "http://[::1/",
        "http://" + "a" * 9000,
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidUrlError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://host.example/photo.png", b"host.example"),
        ("HTTP://HOST.example:8080/x", b"host.example"),
        ("https://bücher.example/straße.png", b"xn--bcher-kva.example"),
        ("https://[2606:4700::1111]/x", b"2606:4700::1111"),
    ],
)
def test_web_addresses_are_read(url: str, host: bytes) -> None:
    assert parse_url(url).raw_host == host


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/My Photo.jpg", b"/My%20Photo.jpg"),
        (" https://h/My%20Photo.jpg?a=b c ", b"/My%20Photo.jpg?a=b%20c"),
        ("https://h/100%25 sure.jpg", b"/100%25%20sure.jpg"),
    ],
)
def test_spaces_are_encoded_and_nothing_is_encoded_twice(url: str, path: bytes) -> None:
    assert parse_url(url).raw_path == path
