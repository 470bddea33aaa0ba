"""A live stream that goes on beside a test, in a thread: ten frames a second, and what is answered."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from tests.e2e.gateways import wait_until
from tests.e2e.shelf_place import COLOURS
from tests.gateway.viewers import file_of, shown

REST_S = 0.1


class Watching:
    """`heard` are its messages; leaving the `with` ends the stream in good order."""

    def __init__(self, port: int) -> None:
        self.heard: list[dict[str, Any]] = []
        self._stack = ExitStack()
        self._connecting = connect(f"ws://127.0.0.1:{port}/api/stream", compression=None)
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._send, self._hear)]

    def __enter__(self) -> Self:
        self._socket = self._stack.enter_context(self._connecting)
        self._socket.send(json.dumps({"input": "frames", "output": "json", "network": COLOURS}))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)
        self._stack.close()
        if error is None:
            assert (self.heard[-1]["type"], self.heard[-1]["code"]) == ("closing", 1000), self.heard[-1]

    def until_answered(self) -> None:
        """Returns once a frame that is sent from now on has its answer."""
        before = len(self.heard)
        wait_until(lambda: sum(one["type"] == "frame" for one in self.heard[before:]) > 2)  # two may be older

    def _send(self) -> None:
        picture = file_of(shown(60))
        while not self._ending.is_set():
            self._socket.send(picture)
            time.sleep(REST_S)
        self._socket.send('{"end": true}')

    def _hear(self) -> None:
        try:
            while True:
                self.heard.append(json.loads(self._socket.recv()))
        except ConnectionClosedOK:
            return
