"""From a host's name to its addresses, in threads that nothing else needs."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.errors import SourceNotFoundError

Found = Sequence[tuple[object, object, object, object, tuple[object, ...]]]
LookUp = Callable[[str, int, int, int], Found]


class Resolver:
    """The system's resolver. It cannot be interrupted: a look-up whose request has given up keeps its thread until it
    ends, and must not keep one that other work waits for, as it would in the event loop's own executor.
    """

    def __init__(self, threads: int, look_up: LookUp = socket.getaddrinfo) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")  # starts them one by one, on demand
        self._look_up = look_up

    async def __call__(self, host: str, port: int) -> list[str]:
        """All addresses of `host` in the system's order. Raises SourceNotFoundError when there are none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, self._look_up, host, port, socket.AF_UNSPEC, socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError) as error:
            raise SourceNotFoundError("the URL's host does not exist", private=repr(error)) from error
        return [str(address[0]) for *_, address in found]

    def close(self) -> None:
        """Waits for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
