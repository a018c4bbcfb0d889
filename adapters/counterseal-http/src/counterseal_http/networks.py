"""
The networks of IANA and of clouds that are special, and the ports of web servers.

They are data, for settings too: nothing here calls anything, and `httpx2` is not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


def networks(texts: Iterable[str | Network]) -> tuple[Network, ...]:
    """
    Parse networks such as `10.0.0.0/8`.

    Raises:
        ValueError: One is not a network, or has host bits set.
    """
    return tuple(ip_network(text) for text in texts)


WEB_PORTS = frozenset({80, 443, 8080, 8443})
"""Ports of web servers. Most other ports have other protocols, which a request may exploit."""

PRIVATE = networks(
    [
        "10.0.0.0/8",  # RFC 1918
        "127.0.0.0/8",  # RFC 1122, 3.2.1.3: loopback
        "172.16.0.0/12",  # RFC 1918
        "192.168.0.0/16",  # RFC 1918
        "::1/128",  # RFC 4291, 2.5.3: loopback
        "fc00::/7",  # RFC 4193: unique local
    ]
)
"""The networks that `allow_private` allows."""

METADATA = networks(
    [
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's WireServer, within public space
        "169.254.0.0/16",  # link-local, where most clouds have it: 169.254.169.254 and others
        "192.0.0.192/32",  # Oracle Cloud, classic
        "fd00:42::42/128",  # Scaleway
        "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
        "fd00:ec2::/32",  # Amazon: ::254 the machine's, ::23 a pod's
        "fd20:ce::254/128",  # Google Cloud
        "fe80::/10",  # link-local; OpenStack has it at fe80::a9fe:a9fe
    ]
)
"""The addresses at which clouds offer credentials; each has to be allowed by itself."""

SPECIAL = networks(
    [
        "0.0.0.0/8",  # RFC 791, 3.2: this network
        "100.64.0.0/10",  # RFC 6598: shared address space, behind a carrier's NAT
        "192.0.0.0/24",  # RFC 6890, 2.1: IETF protocol assignments
        "192.0.2.0/24",  # RFC 5737: documentation
        "192.31.196.0/24",  # RFC 7535: AS112
        "192.52.193.0/24",  # RFC 7450: multicast tunnels
        "192.88.99.0/24",  # RFC 7526: 6to4 relays, withdrawn
        "192.175.48.0/24",  # RFC 7534: AS112
        "198.18.0.0/15",  # RFC 2544: benchmarks
        "198.51.100.0/24",  # RFC 5737: documentation
        "203.0.113.0/24",  # RFC 5737: documentation
        "224.0.0.0/4",  # RFC 5771: multicast
        "240.0.0.0/4",  # RFC 1112, 4: reserved, and the limited broadcast
        "2001::/23",  # RFC 2928: IETF protocol assignments; Teredo and ORCHID among them
        "2001:db8::/32",  # RFC 3849: documentation
        "2002::/16",  # RFC 3056: 6to4
        "2620:4f:8000::/48",  # RFC 7534: AS112
        "3fff::/20",  # RFC 9637: documentation
    ]
)
"""IANA's special-purpose registries, without the networks in `PRIVATE` and `METADATA`."""
