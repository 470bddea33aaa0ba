"""A port that leads to another one, so that a server can come and go for one client alone."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarding(port: int, target: str) -> Iterator[None]:
    """Carries connections to 127.0.0.1:`port` on to `target` (host:port) for as long as the `with`."""
    host, _, number = target.rpartition(":")
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                pair = listener.accept()[0], socket.create_connection((host, int(number)))
                ends.extend(pair)
                threads.extend((_pumping(*pair), _pumping(*reversed(pair))))

    with socket.create_server(("127.0.0.1", port)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for end in ends:
        _shut(end, socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()


def _pumping(source: socket.socket, sink: socket.socket) -> threading.Thread:
    thread = threading.Thread(target=_pump, args=(source, sink))
    thread.start()
    return thread


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _shut(sink, socket.SHUT_WR)


def _shut(end: socket.socket, how: int) -> None:
    with suppress(OSError):
        end.shutdown(how)
