"""What the machine must offer before a server is started: platform, C library, free ports."""

import asyncio
import errno
import platform
import socket
import sys
from collections.abc import Mapping

import psutil

from serving.errors import CONTAINER, PlatformError, PortTakenError, ServingError, SettingsError

__all__ = ["free_port", "listens", "require_libc", "require_platform", "require_ports"]

_LIBC = (2, 35)
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def require_platform(system: str = sys.platform, processor: str = platform.machine()) -> None:
    """The wheel's server is built for Linux on x86-64 only.

    Raises:
        PlatformError
    """
    if system != "linux" or processor not in ("x86_64", "AMD64"):
        raise PlatformError(
            f"the wheel's Triton runs on x86-64 Linux only, this is {processor} {system}",
            f"{CONTAINER}; or a server elsewhere: SERVING_TRITON=external SERVING_EXTERNAL_URL=host:8001",
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
            f"use Debian 12, Ubuntu 22.04 or newer; or {CONTAINER}",
        )


def require_ports(host: str, ports: Mapping[str, int]) -> None:
    """Every port (by the variable that moves it) can be bound on the host; 0 is any free one.

    Raises:
        SettingsError: the host is no address of this machine, or two ports are the same.
        PortTakenError: names the variable, and the process that listens where that can be seen.
    """
    for setting, port in ports.items():
        twin = next((other for other, number in ports.items() if port and number == port and other != setting), "")
        if twin:
            cure = f"another port: {twin}={free_port(host)}"
            raise SettingsError(f"{setting} and {twin} are both {port}", cure)
        try:
            _bind(host, port)
        except (OSError, UnicodeError) as error:
            raise _refusal(error, host, setting, port) from error


def free_port(host: str) -> int:
    """A port that can be bound on the host now."""
    return _bind(host, 0)


def _bind(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])


def _refusal(error: OSError | UnicodeError, host: str, setting: str, port: int) -> ServingError:
    if isinstance(error, (UnicodeError, socket.gaierror)) or error.errno in _NO_SUCH_ADDRESS:
        variable = f"{setting.partition('_')[0]}_HOST"
        problem = f"{variable}={host} is no address of this machine: {error}"
        return SettingsError(
            problem, f"correct {variable}; 127.0.0.1 is for this machine alone, 0.0.0.0 for all others too"
        )
    return PortTakenError(
        f"port {port} on {host} ({setting}) cannot be used: {error.strerror}{_holder(port)}",
        f"end that process, or choose another port: {setting}={free_port(host)}",
    )


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
