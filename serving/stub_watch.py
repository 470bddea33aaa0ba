"""Notices within milliseconds that a Python stub of the server died, through the kernel's pidfd."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping

from serving.launch import Launch

__all__ = ["StubWatch"]

_SETTLE_SECONDS = 0.05


class StubWatch:
    """Waits for the end of any stub that lives now. A kernel without pidfd leaves the noticing to the canaries."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._stubs = launch.stubs()
        self._expected = dict(self._stubs)
        self._files: list[int] = []
        self._died = asyncio.Event()

    def lost(self) -> list[str]:
        """Names of the instances that have fewer stubs now than they should."""
        return lacking(self._expected, self._launch.stubs())

    def adopt(self) -> None:
        """Watch over the stubs of models that were loaded since, too."""
        known = set(self._expected.values())
        self._expected |= {pid: name for pid, name in self._launch.stubs().items() if name not in known}
        self._died.set()  # nobody did: the one who waits looks at all of them again

    async def death(self) -> str:
        """Wait until instances have fewer stubs than they should, and name them.

        A model that is loaded again has twice as many for a moment; their number at the start is what counts.
        """
        while True:
            self._open()
            try:
                await self._died.wait()
            finally:
                self._close()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._stubs = self._launch.stubs()
            lost = lacking(self._expected, self._stubs)
            if lost:
                return f"the Python stub of {', '.join(lost)} died"

    def _open(self) -> None:
        self._died.clear()
        loop = asyncio.get_running_loop()
        for pid in self._stubs:
            try:
                file = os.pidfd_open(pid)
            except ProcessLookupError:
                self._died.set()
                continue
            except OSError:
                continue
            self._files.append(file)
            loop.add_reader(file, self._died.set)

    def _close(self) -> None:
        loop = asyncio.get_running_loop()
        for file in self._files:
            loop.remove_reader(file)
            os.close(file)
        self._files.clear()


def lacking(before: Mapping[int, str], now: Mapping[int, str]) -> list[str]:
    """Names of the instances that have fewer stubs now than before."""
    return sorted((Counter(before.values()) - Counter(now.values())).elements())
