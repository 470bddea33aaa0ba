"""Which IP addresses a fetch may reach: global unicast ones, and never an IPv4 address in disguise.

`ipaddress.is_global` differs between Python releases and calls translation prefixes, 6to4 and parts of the special
registries global, so it is one test of several here. Source: IANA's special-purpose address registries, RFC 6052
(NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
GLOBAL_UNICAST = IPv6Network("2000::/3")
ISATAP_MARKS = (0x00005EFE, 0x02005EFE)
LOW_32_BITS = 0xFFFFFFFF
SPECIAL_V4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("198.18.0.0/15"))
SPECIAL_V6 = (
    IPv6Network("2001::/23"),  # IETF protocol assignments: Teredo, ORCHID, benchmarking
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)


def parse(text: str) -> Address:
    """The address in `text`, without its zone; an IPv4-mapped IPv6 address as the IPv4 one it stands for."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_allowed(address: Address, extra: Iterable[Network]) -> bool:
    """Whether a fetch may connect to `address`; `extra` are networks allowed beside the global ones."""
    if any(address in network for network in extra):
        return True
    if isinstance(address, IPv4Address):
        return _is_global_v4(address)
    hidden = embedded_ipv4(address)
    if hidden is not None:
        return is_allowed(hidden, extra) and (address in NAT64 or _is_global_v6(address))
    return _is_global_v6(address)


def embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or tunnel would send packets for `address` to, if there is one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    bits = int(address)
    if address in SIX_TO_FOUR:
        return IPv4Address((bits >> 80) & LOW_32_BITS)
    if address in NAT64 or (bits >> 32) & LOW_32_BITS in ISATAP_MARKS:
        return IPv4Address(bits & LOW_32_BITS)
    return None


def _is_global_v4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or any(address in network for network in SPECIAL_V4)
    return address.is_global and not special


def _is_global_v6(address: IPv6Address) -> bool:
    special = address.is_multicast or any(address in network for network in SPECIAL_V6)
    return address.is_global and address in GLOBAL_UNICAST and not special
