"""Training data over a real HTTP server, and what may go wrong on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.training.collection_data import NOON, entries, train, write_source
from training.heads.errors import HeadsError
from training.heads.run import Plan, run
from training.heads.source import Limits, open_source


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_training_over_http_is_training_from_the_folder(tmp_path: Path) -> None:
    source, plan = write_source(tmp_path / "source", {7: entries()}), Plan(tmp_path / "output")
    train(source, plan)
    with serving(partial(Quiet, directory=str(source))) as address:
        over_http = Plan(tmp_path / "http")
        train(f"{address}/collections.json", over_http)
    name = "collection_7_classifier_20260131T120000000000Z.safetensors"
    assert (over_http.output / name).read_bytes() == (plan.output / name).read_bytes()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None: ...


class Bad(BaseHTTPRequestHandler):
    """Lists five collections, each of whose training data goes wrong in another way; 5 is well."""

    released = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/collections.json":
            self._answer(f"<html><pre>{json.dumps([{'id': number} for number in range(1, 6)])}</pre></html>".encode())
        elif self.path.startswith("/collections/1/"):
            self.send_error(403, "Not for you")
        elif self.path.startswith("/collections/2/"):
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
        elif self.path.startswith("/collections/3/"):
            self.released.wait(30)
        elif self.path.startswith("/collections/4/"):
            self._answer(b"[" + b" " * 200_000 + b"]")
        else:
            self._answer(json.dumps(entries()).encode())

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None: ...


def test_what_goes_wrong_on_the_way_is_bounded_and_named(tmp_path: Path) -> None:
    with serving(Bad) as address:
        limits = Limits(max_bytes=100_000, wait_s=0.5)
        outcomes = run(open_source(address, limits), Plan(tmp_path), address, NOON)
        Bad.released.set()
    reasons = [outcome.skipped for outcome in outcomes]
    assert "the server answers 403 Not for you" in reasons[0]
    assert "TooManyRedirects" in reasons[1]
    assert "ReadTimeout" in reasons[2]
    assert "more than 0.1 MB" in reasons[3]
    assert reasons[4] == ""


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(Quiet) as address:
        pass
    with pytest.raises(HeadsError, match=r"/collections\.json: ConnectError"):
        open_source(address, Limits()).collections()


@pytest.mark.parametrize("address", ["ftp://host/x", "file:///etc", "http://", "http://a:b/"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(HeadsError, match="begin with http"):
        open_source(address, Limits())
