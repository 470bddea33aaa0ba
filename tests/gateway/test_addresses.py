from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import embedded_ipv4, is_allowed, parse

PRIVATE_V4 = st.one_of(
    *(
        st.ip_addresses(v=4, network=network)
        for network in (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        )
    )
)
GLOBAL_V4 = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "151.101.1.140", "223.255.255.1"]


@pytest.mark.parametrize("text", [*GLOBAL_V4, "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
def test_global_addresses_are_allowed(text: str) -> None:
    assert is_allowed(parse(text), ())


@given(PRIVATE_V4)
def test_no_special_ipv4_address_is_allowed(address: IPv4Address) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "::10.0.0.1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:0:53aa:64c::1",
        "2001:10::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
    ],
)
def test_no_special_ipv6_address_is_allowed(text: str) -> None:
    assert not is_allowed(parse(text), ())


def disguises(address: IPv4Address) -> list[IPv6Address]:
    bits = int(address)
    return [
        IPv6Address((0xFFFF << 32) | bits),
        IPv6Address((0x0064FF9B << 96) | bits),
        IPv6Address((0x2002 << 112) | (bits << 80) | 1),
        IPv6Address((0x2600 << 112) | (0x00005EFE << 32) | bits),
        IPv6Address((0x2600 << 112) | (0x02005EFE << 32) | bits),
    ]


@given(PRIVATE_V4)
def test_no_special_ipv4_address_is_allowed_in_an_ipv6_disguise(address: IPv4Address) -> None:
    for disguise in disguises(address):
        assert embedded_ipv4(disguise) == address
        assert not is_allowed(disguise, ())
        assert not is_allowed(parse(str(disguise)), ())


@pytest.mark.parametrize("text", GLOBAL_V4)
def test_a_global_address_behind_nat64_is_allowed(text: str) -> None:
    assert all(is_allowed(parse(str(disguise)), ()) for disguise in disguises(IPv4Address(text))[:3])


def test_extra_networks_are_allowed_and_only_those() -> None:
    extra = [ip_network("127.0.0.0/8"), ip_network("fd00::/8")]
    for text in ("127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "fd00::1"):
        assert is_allowed(parse(text), extra)
    for text in ("10.0.0.1", "fc00::1", "::1", "169.254.169.254"):
        assert not is_allowed(parse(text), extra)
