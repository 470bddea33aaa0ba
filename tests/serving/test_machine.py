"""Checks of the machine: each failure is typed, says what it saw, and names its cure."""

import os
import socket

import pytest

from serving import machine
from serving.errors import PlatformError, PortTakenError, SettingsError


@pytest.mark.parametrize(("system", "processor"), [("darwin", "arm64"), ("linux", "aarch64"), ("win32", "AMD64")])
def test_another_platform_is_sent_to_the_container(system: str, processor: str) -> None:
    with pytest.raises(PlatformError, match=f"this is {processor} {system}") as caught:
        machine.require_platform(system, processor)
    assert "TRITON_IMAGE=IMAGE docker compose up" in caught.value.cure
    assert "24.10-py3" in caught.value.cure


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


def test_a_taken_ipv6_port_is_told_in_the_same_way() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} on ::1 ") as caught:
            machine.require_ports("::1", {"SERVING_HTTP_PORT": port})
    assert "SERVING_HTTP_PORT=" in caught.value.cure


@pytest.mark.parametrize("host", ["nosuchhost.invalid", "192.0.2.1", "a..b"])
def test_a_host_that_is_not_this_machine_is_a_wrong_setting(host: str) -> None:
    with pytest.raises(SettingsError, match=f"GATEWAY_HOST={host} is no address of this machine") as caught:
        machine.require_ports(host, {"GATEWAY_PORT": 0})
    assert "correct GATEWAY_HOST" in caught.value.cure


def test_two_ports_that_are_the_same_are_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="SERVING_HTTP_PORT and SERVING_GRPC_PORT are both 8001") as caught:
        machine.require_ports("127.0.0.1", {"SERVING_HTTP_PORT": 8001, "SERVING_GRPC_PORT": 8001})
    assert "SERVING_GRPC_PORT=" in caught.value.cure


async def test_a_port_listens_only_while_somebody_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"127.0.0.1:{server.getsockname()[1]}"
        assert await machine.listens(url)
    assert not await machine.listens(url)
