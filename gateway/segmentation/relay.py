"""Sources that operators name: each is opened and decoded once, however many watch, and only while somebody does."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from gateway.errors import InvalidOptionError
from gateway.settings import Settings
from gateway.video.camera import Camera
from gateway.video.facts import Limits
from gateway.video.shots import Shot

log = structlog.get_logger("gateway.relay")


@dataclass(frozen=True, slots=True)
class State:
    """`name` is connecting, playing or lost; `reason` says why it is lost, without its address."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Frame `number` of a source, counted since somebody began to watch."""

    number: int
    shot: Shot


class Watcher:
    """What one who watches has yet to see: every state, of the frames only the first since the last look."""

    def __init__(self) -> None:
        self._states: asyncio.Queue[State] = asyncio.Queue()
        self._frames: asyncio.Queue[Seen] = asyncio.Queue()

    async def state(self) -> State:
        return await self._states.get()

    async def frame(self) -> Seen:
        return await self._frames.get()

    def tell(self, state: State) -> None:
        self._states.put_nowait(state)

    def show(self, seen: Seen) -> None:
        if self._frames.empty():  # else the event loop is late, and this one would be old by its turn
            self._frames.put_nowait(seen)


class Relays:
    """All sources by name. For one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, _Relay] = {}

    def names(self) -> list[str]:
        return sorted(self._settings.stream_sources)

    @asynccontextmanager
    async def watched(self, name: str) -> AsyncIterator[Watcher]:
        """Raises InvalidOptionError for a name that no source has."""
        if name not in self._settings.stream_sources:
            there = ", ".join(self.names()) or "none"
            raise InvalidOptionError(f"no source has the name {name!r}; there are: {there}")
        relay = self._open.get(name) or self._begun(name)
        watcher = Watcher()
        relay.join(watcher)
        try:
            yield watcher
        finally:
            if not relay.leave(watcher):
                self._open.pop(name, None)
                relay.stop()

    def _begun(self, name: str) -> "_Relay":
        settings = self._settings
        camera = Camera(
            settings.stream_sources[name].get_secret_value(),
            Limits.of(settings),
            settings.video_threads,
            settings.stream_source_timeout_seconds,
            settings.stream_source_rest_seconds,
        )
        relay = self._open[name] = _Relay(name, camera)
        relay.start()
        return relay


class _Relay:
    """One source's thread. It hands over the newest frame alone, should the event loop be late."""

    def __init__(self, name: str, camera: Camera) -> None:
        self._name, self._camera = name, camera
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._watchers: list[Watcher] = []
        self._state = State("connecting")
        self._number = 0
        self._lock = threading.Lock()
        self._newest: Seen | None = None
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The thread ends on its own, at the latest when the source has been silent for its time-out."""
        self._stopped.set()

    def join(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)
        watcher.tell(self._state)

    def leave(self, watcher: Watcher) -> int:
        """How many still watch."""
        self._watchers.remove(watcher)
        return len(self._watchers)

    def _run(self) -> None:
        try:
            self._camera.play(self._show, self._tell, self._stopped.wait)
        except Exception as error:  # nobody else would hear of it
            log.exception("source", name=self._name, exc_info=error)
            self._tell("lost", "the source cannot be shown")

    def _show(self, shot: Shot) -> None:
        with self._lock:
            is_due, self._newest = self._newest is None, Seen(self._number, shot)
            self._number += 1
        if is_due:
            self._soon(self._share)

    def _tell(self, name: str, reason: str) -> None:
        self._soon(self._change, State(name, reason))

    def _soon(self, act: Callable[..., None], *given: State) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody watches
            self._loop.call_soon_threadsafe(act, *given)

    def _share(self) -> None:
        with self._lock:
            seen, self._newest = self._newest, None
        if seen is not None:
            for watcher in tuple(self._watchers):
                watcher.show(seen)

    def _change(self, state: State) -> None:
        if state != self._state:
            log.info("source", name=self._name, state=state.name, reason=state.reason or None)
        self._state = state
        for watcher in tuple(self._watchers):
            watcher.tell(state)
