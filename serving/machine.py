"""What the machine must offer before a server is started: platform, C library, free ports."""

import asyncio
import platform
import socket
import sys
from collections.abc import Mapping

import psutil

from serving.errors import PlatformError, PortTakenError

__all__ = ["listens", "require_libc", "require_platform", "require_ports"]

_LIBC = (2, 35)


def require_platform(system: str = sys.platform, processor: str = platform.machine()) -> None:
    """The wheel's server is built for Linux on x86-64 only.

    Raises:
        PlatformError
    """
    if system != "linux" or processor not in ("x86_64", "AMD64"):
        raise PlatformError(
            f"the wheel's Triton runs on x86-64 Linux only, this is {processor} {system}",
            "use NVIDIA's container (docker compose up), or a server elsewhere: "
            "SERVING_TRITON=external SERVING_EXTERNAL_URL=host:8001",
        )


def require_libc(library: str | None = None, version: str | None = None) -> None:
    """The wheel's server needs glibc 2.35 or newer; the running one is asked when none is given.

    Raises:
        PlatformError
    """
    name, number = platform.libc_ver()
    library, version = library or name, version or number
    if library != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < _LIBC:
        raise PlatformError(
            f"the wheel's Triton needs glibc {_LIBC[0]}.{_LIBC[1]} or newer, this system has {library or 'no glibc'} "
            f"{version}".rstrip(),
            "use Debian 12, Ubuntu 22.04 or newer, or NVIDIA's container (docker compose up)",
        )


def require_ports(host: str, ports: Mapping[str, int]) -> None:
    """Every port (by the name of the setting that moves it) can be bound on the host.

    Raises:
        PortTakenError: names the setting, and the process that listens where that can be seen.
    """
    for setting, port in ports.items():
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise PortTakenError(
                    f"port {port} on {host} ({setting}) cannot be used: {error.strerror}{_holder(port)}",
                    f"end that process, or choose another port: {setting}={_free_port(host)}",
                ) from error


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    pids = {one.pid for one in connections if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid}
    return "".join(f", {_described(pid)}" for pid in sorted(pids))


def _described(pid: int) -> str:
    try:
        return f"taken by pid {pid} ({' '.join(psutil.Process(pid).cmdline())[:80]})"
    except psutil.Error:
        return f"taken by pid {pid}"


async def listens(url: str) -> bool:
    """Whether something accepts connections at `host:port`."""
    host, _, port = url.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
