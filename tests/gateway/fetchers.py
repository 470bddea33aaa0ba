"""Fetchers that may reach this machine, with names resolved as a test says."""

from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network

import pytest

from gateway.fetch import Fetcher
from gateway.settings import Settings
from tests.gateway.fakes import picture

LOOPBACK = ip_network("127.0.0.0/8")
PHOTO = picture(64, 48)
Make = Callable[..., Fetcher]


def ignore(bytes_read: int, seconds: float) -> None:
    assert bytes_read > 0
    assert seconds > 0


def local(**changes: object) -> Settings:
    return Settings().model_copy(update={"fetch_allowed_networks": (LOOPBACK,), **changes})


@pytest.fixture
async def make_fetcher() -> AsyncIterator[Make]:
    made: list[Fetcher] = []

    def make(names: dict[str, list[str]] | None = None, **changes: object) -> Fetcher:
        async def resolve(host: str, _port: int) -> list[str]:
            assert names is not None
            return names[host].copy() if host in names else [host]

        made.append(Fetcher(local(**changes), ignore, resolve if names is not None else None))
        return made[-1]

    yield make
    for fetcher in made:
        await fetcher.aclose()
