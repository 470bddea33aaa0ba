"""Checks of the machine: each failure is typed, says what it saw, and names its cure."""

import os
import socket

import pytest

from serving import machine
from serving.errors import PlatformError, PortTakenError


@pytest.mark.parametrize(("system", "processor"), [("darwin", "arm64"), ("linux", "aarch64"), ("win32", "AMD64")])
def test_another_platform_is_sent_to_the_container(system: str, processor: str) -> None:
    with pytest.raises(PlatformError, match=f"this is {processor} {system}") as caught:
        machine.require_platform(system, processor)
    assert "docker compose up" in caught.value.cure


def test_this_platform_is_accepted() -> None:
    machine.require_platform("linux", "x86_64")
    machine.require_libc("glibc", "2.36")


@pytest.mark.parametrize(("library", "version"), [("glibc", "2.31"), ("glibc", "2.34"), ("musl", "1.2")])
def test_an_old_c_library_is_refused(library: str, version: str) -> None:
    with pytest.raises(PlatformError, match=f"this system has {library} {version}") as caught:
        machine.require_libc(library, version)
    assert "Debian 12" in caught.value.cure


def test_a_taken_port_names_its_setting_its_holder_and_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            machine.require_ports("127.0.0.1", {"SERVING_GRPC_PORT": port})
    assert f"port {port} on 127.0.0.1 (SERVING_GRPC_PORT)" in caught.value.problem
    assert f"taken by pid {os.getpid()}" in caught.value.problem
    suggested = int(caught.value.cure.rpartition("SERVING_GRPC_PORT=")[2])
    machine.require_ports("127.0.0.1", {"SERVING_GRPC_PORT": suggested})


async def test_a_port_listens_only_while_somebody_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"127.0.0.1:{server.getsockname()[1]}"
        assert await machine.listens(url)
    assert not await machine.listens(url)
