import asyncio
import socket
import threading
import time

import pytest
from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.errors import SourceNotFoundError
from gateway.fetch import Fetcher
from gateway.resolver import Found, Resolver
from gateway.settings import Settings
from tests.gateway.fakes import FakeInference, client_of, picture

# The event loop's own executor never has more threads.
MANY = 32


class Stuck:
    """A name server that does not answer until it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str, _port: int, _family: int, _kind: int) -> Found:
        self.asked.append(host)
        self.released.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")


async def test_names_that_do_not_resolve_keep_no_upload_waiting(
    settings: Settings, inference: FakeInference, store: MemoryStore
) -> None:
    names = Stuck()
    resolver = Resolver(2 * MANY, names)
    app = create_app(settings, inference, store, Fetcher(settings, lambda *_: None, resolver))
    async with client_of(app) as client:
        urls = [f"http://slow{number}.example/a.jpg" for number in range(MANY)]
        crops = [asyncio.create_task(client.get(f"/api/v2/step/crop?{url}")) for url in urls]
        async with asyncio.timeout(20):
            while len(names.asked) < MANY:  # noqa: ASYNC110 - threads have no event of this loop
                await asyncio.sleep(0.01)
            answer = await client.post("/api/v2/step/predict_upload", files={"file": picture()})
        assert answer.status_code == 200
        names.released.set()
        assert {(await crop).json()["code"] for crop in crops} <= {"source_not_found", "source_timeout"}
    resolver.close()


async def test_closing_waits_for_no_name() -> None:
    names = Stuck()
    resolver = Resolver(1, names)
    waiting = [asyncio.create_task(resolver(host, 80)) for host in ("a", "b")]
    await asyncio.sleep(0.05)
    started = time.monotonic()
    resolver.close()
    assert time.monotonic() - started < 1
    names.released.set()
    with pytest.raises(SourceNotFoundError):
        await waiting[0]
    with pytest.raises(asyncio.CancelledError):
        await waiting[1]
    assert names.asked == ["a"]


async def test_the_systems_names_are_found() -> None:
    resolver = Resolver(1)
    assert await resolver("127.0.0.1", 80) == ["127.0.0.1"]
    with pytest.raises(SourceNotFoundError):
        await resolver("no-such-host.invalid", 80)
    resolver.close()
