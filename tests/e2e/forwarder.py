"""A port that leads to another one, so that a server can come and go for one client alone."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarding(port: int, target: str) -> Iterator[None]:
    """Carries connections to 127.0.0.1:`port` on to `target` (host:port) for as long as the `with`."""
    ends: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=_accept, args=(listener, target, ends), daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: str, ends: list[socket.socket]) -> None:
    host, _, number = target.rpartition(":")
    with suppress(OSError):
        while True:
            near, far = listener.accept()[0], socket.create_connection((host, int(number)))
            ends.extend((near, far))
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            threading.Thread(target=_pump, args=(far, near), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
