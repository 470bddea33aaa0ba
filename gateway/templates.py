"""Keeps the folder of templates in step with a store: what is there appears, changes and goes in the folder, too.

What changed is taken once two looks in a row saw the same, so that a version on its way up is not taken in half.
"""

import asyncio
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

import structlog

from gateway.errors import ResultNotFoundError, StoreFailedError
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from gateway.template_folder import TemplateFolder
from gateway.template_versions import MOST_OBJECTS, Key, Version, bounded, offered

SETTLING_S = 5.0

State: TypeAlias = Literal["kept", "taken", "removed", "waiting", "refused"]
log = structlog.get_logger("gateway.templates")


class _MovingError(Exception):
    """A version changed while it was read."""


class Templates:
    """One per process; of several processes with the same folder one works at a time."""

    def __init__(self, folder: Path, shelf: Shelf, telemetry: Telemetry) -> None:
        self._folder = TemplateFolder(folder)
        self._shelf = shelf
        self._telemetry = telemetry
        self._seen: dict[Key, str] | None = None
        self._refused: dict[Key, str] = {}
        self._failing = False

    async def keep(self, interval_s: float) -> None:
        """Looks now, and again and again."""
        while True:
            waits = False
            try:
                waits = await self.look()
            except Exception as error:
                # Nobody waits for this work: if it ended here, no template that comes later would ever be seen.
                log.exception("the store of templates cannot be looked at", exc_info=error)
            await asyncio.sleep(min(SETTLING_S, interval_s) if waits else interval_s)

    async def look(self) -> bool:
        """Brings the folder into step; true where something has to be seen once more first."""
        outcome, states = "elsewhere", Counter[State]()
        try:
            with self._folder.held() as mine:
                if mine:
                    states = await self._round()
                    outcome = "changed" if states["taken"] + states["removed"] else "same"
        except (StoreFailedError, OSError) as error:
            outcome = "failed"
            if not self._failing:
                private = error.private if isinstance(error, StoreFailedError) else repr(error)
                log.warning("the templates stay as they are", reason=str(error), private=private)
        if self._failing and outcome != "failed":
            log.info("the templates are kept in step again")
        self._failing = outcome == "failed"
        self._telemetry.template_looks.labels(outcome).inc()
        return states["waiting"] > 0

    async def _round(self) -> Counter[State]:
        """Raises StoreFailedError or OSError."""
        listing = await self._shelf.listed("", MOST_OBJECTS)
        if len(listing) > MOST_OBJECTS:
            raise StoreFailedError(f"the store of templates has more than {MOST_OBJECTS} objects")
        there = await asyncio.to_thread(self._folder.linked)
        offer = bounded(offered(listing), there)
        before, self._seen = self._seen, offer.marks()
        states, refused = Counter[State](), dict(offer.refused)
        for key, version in offer.versions.items():
            # The first look of all takes what is missing: nobody shall wait for templates after a start.
            settled = key not in there if before is None else before.get(key) == version.digest
            states[await self._step(version, there.get(key), refused, settled=settled)] += 1
        for key in sorted(there.keys() - self._seen.keys()):
            states[await self._remove(key, settled=before is not None and key not in before)] += 1
        await asyncio.to_thread(self._folder.sweep)
        self._tell(states, refused)
        return states

    async def _step(self, version: Version, linked: str | None, refused: dict[Key, str], *, settled: bool) -> State:
        """What becomes of a version; whatever goes wrong with it concerns no other one."""
        try:
            return await self._take(version, linked, settled=settled)
        except (_MovingError, ResultNotFoundError):
            return "waiting"
        except StoreFailedError as error:
            refused[version.key] = str(error)
        except OSError as error:
            refused[version.key] = error.strerror or repr(error)
        return "refused"

    async def _take(self, version: Version, linked: str | None, *, settled: bool) -> State:
        if not await asyncio.to_thread(self._folder.is_free, version.key):
            raise FileExistsError(0, "a version that was put into the folder by hand has its number")
        whole = await asyncio.to_thread(self._folder.is_whole, version)
        if whole and linked == version.digest:
            return "kept"
        if not settled and linked != version.digest:
            return "waiting"
        if not whole:
            await self._fetch(version)
        await asyncio.to_thread(self._folder.link, version)
        log.info("a template was taken", template=version.key.path, size_bytes=version.size_bytes)
        return "taken"

    async def _fetch(self, version: Version) -> None:
        """Raises _MovingError, ResultNotFoundError, StoreFailedError or OSError."""
        staged = await asyncio.to_thread(self._folder.new)
        try:
            for path in version.files:
                await self._download(version, path, staged / version.key.path / path)
            again = offered(await self._shelf.listed(version.key.path, MOST_OBJECTS)).versions.get(version.key)
            if again is None or again.digest != version.digest:
                raise _MovingError
            await asyncio.to_thread(self._folder.admit, staged, version)
        finally:
            await asyncio.to_thread(shutil.rmtree, staged, ignore_errors=True)

    async def _download(self, version: Version, path: str, target: Path) -> None:
        content, size_bytes = await self._shelf.open(f"{version.key.path}/{path}"), 0
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        with target.open("xb") as file:
            async for piece in content.pieces:
                size_bytes += len(piece)
                if size_bytes > version.files[path].size:
                    raise _MovingError
                await asyncio.to_thread(file.write, piece)
        if size_bytes != version.files[path].size:
            raise _MovingError

    async def _remove(self, key: Key, *, settled: bool) -> State:
        if not settled:
            return "waiting"
        with suppress(FileNotFoundError):
            await asyncio.to_thread(self._folder.unlink, key)
        log.info("a template was removed", template=key.path)
        return "removed"

    def _tell(self, states: Counter[State], refused: dict[Key, str]) -> None:
        """Says what is not taken, once."""
        for key, reason in refused.items():
            if self._refused.get(key) != reason:
                log.warning("a template is not taken", template=key.path, reason=reason)
        self._refused = refused
        gauge = self._telemetry.template_versions
        gauge.labels("taken").set(states["kept"] + states["taken"])
        gauge.labels("waiting").set(states["waiting"])
        gauge.labels("refused").set(len(refused))
