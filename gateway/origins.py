"""Whose pages may open a WebSocket: browsers let any page try, and send the visitor's network along."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_allowed(headers: Headers, others: Collection[str], public_url: str | None) -> bool:
    """Whether a request comes from no page, from a page of this host, or from one of `others` (scheme://host:port)."""
    origin = headers.get("origin")
    if origin is None:
        return True
    if origin.lower() in others:
        return True
    page = urlsplit(origin)
    if page.scheme not in {"http", "https"} or not page.hostname:
        return False
    own = {f"{page.scheme}://{headers.get('host', '')}", public_url or ""}
    return _place(origin) in {_place(address) for address in own if address}


def _place(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:  # a port that is none
        return address, None, None
