"""What an IP address is for us: public, private, loopback or never a gateway (T7). Pure.

Spelled out from IANA's special-purpose registries, since what `is_private` and `is_global` of the
standard library say changed between releases of Python 3.11.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Kind = Literal["public", "private", "loopback", "forbidden"]

_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_FORBIDDEN = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "169.254.0.0/16",  # link-local: metadata services of AWS, Azure, Google, Oracle
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address of anybody's choice
        "3fff::/20",  # documentation
    )
)
# Metadata services that live among addresses otherwise allowed.
_METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's wire server
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def kind_of(ip: Address) -> Kind:
    """Return what an address is for us; one that carries an IPv4 address is what that one is."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return kind_of(ip.ipv4_mapped)
        if ip in _NAT64:
            return kind_of(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip in _METADATA or any(ip in network for network in _FORBIDDEN):
        return "forbidden"
    if ip.is_loopback:
        return "loopback"
    if any(ip in network for network in _PRIVATE):
        return "private"
    if ip.version == 6 and ip not in _GLOBAL_UNICAST:
        return "forbidden"
    return "public"


def refusal(ip: Address, *, allow_loopback: bool, allow_private: bool) -> str | None:
    """Return why we do not talk to an address, or None."""
    match kind_of(ip):
        case "public":
            return None
        case "loopback":
            return None if allow_loopback else f"{ip} is this machine"
        case "private":
            return None if allow_private else f"{ip} is a private address"
        case "forbidden":
            return f"{ip} is never a gateway's (link-local, metadata, multicast or reserved)"
