"""
Which addresses may be reached: public unicast addresses.

`ipaddress` knows most of IANA's special-purpose registries (RFC 6890), but how much of them
depends on the version of Python, and `is_global` is true of multicast, of NAT64 and of other forms
that contain an IPv4 address. So this module has its own table, and checks the contained address
too.

Clouds offer a machine its credentials at an address that is the same everywhere.
Only a network of that single address allows it; a larger one that contains it does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from counterseal_http.errors import Forbidden
from counterseal_http.networks import METADATA, PRIVATE, SPECIAL, Address, Network

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""
RFC 4291, 2.4: all IPv6 addresses that are assigned.

It excludes `::/96` and `::ffff:0:0/96` (IPv4 inside), `64:ff9b::/96` and `64:ff9b:1::/48` (NAT64),
`100::/64` (discard), `fec0::/10` (site-local), `ff00::/8` (multicast), and unassigned ones.
"""

IPV4_LAST = (
    IPv6Network("::/96"),  # RFC 4291, 2.5.5.1: IPv4-compatible
    IPv6Network("::ffff:0:0/96"),  # RFC 4291, 2.5.5.2: IPv4-mapped
    IPv6Network("::ffff:0:0:0/96"),  # RFC 7915: IPv4-translated
    IPv6Network("64:ff9b::/96"),  # RFC 6052, 2.1: NAT64
    IPv6Network("64:ff9b:1::/48"),  # RFC 8215: NAT64 of a local network; see `LOCAL_NAT64`
)
"""Forms whose last 32 bits are an IPv4 address."""

LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
LONGEST_PREFIX = 96
"""
NAT64 of a local network (RFC 8215), with a prefix of any length.

The length of the prefix determines which bits are the IPv4 address (RFC 6052, 2.2), and the
address does not contain that length. So only a network of 96 bits or more allows such an address:
then the last 32 bits are the IPv4 address.
"""

NO_IPV4 = {IPv6Address("::"), IPv6Address("::1")}
"""RFC 4291, 2.5.2 and 2.5.3: they only look like IPv4-compatible addresses."""

ISATAP = {0x0000_5EFE, 0x0200_5EFE}
"""RFC 5214, 6.1: the 32 bits before an IPv4 address at the end, with any prefix."""


def read_address(text: str) -> Address | None:
    """Return *text* as an address, or None if it is none for `ipaddress`."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def require_reachable(
    address: Address,
    *,
    allow: tuple[Network, ...] = (),
    deny: tuple[Network, ...] = (),
    final: bool = False,
) -> None:
    """
    Refuse an address that may not be reached.

    Args:
        address: The address of a connection.
        allow: Networks that are allowed although they are not public. An address in `METADATA` is
            allowed only by a network of this address alone, and one in `LOCAL_NAT64` only by a
            network of 96 bits or more.
        deny: Networks that are refused although they are public or allowed.
        final: Whether the refusal is final: see `Forbidden`.

    Raises:
        Forbidden: *address*, or an IPv4 address that it contains, is in *deny*, or is neither
            public nor allowed by *allow*.
    """
    for inner in embedded_ipv4(address):
        require_reachable(inner, allow=allow, deny=deny, final=final)
    if is_in(address, METADATA) and not _is_allowed_alone(address, allow):
        raise Forbidden("an address where clouds keep credentials", final=final)
    if is_in(address, deny):
        raise Forbidden("a denied network", final=final)
    if address in LOCAL_NAT64 and not _is_allowed_as_nat64(address, allow):
        raise Forbidden("an address of NAT64 with a prefix of unknown length", final=final)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise Forbidden("an address of one link only", final=final)
    if is_in(address, allow):
        return
    if not _is_public(address):
        raise Forbidden("not a public address", final=final)


def embedded_ipv4(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that *address* contains."""
    if isinstance(address, IPv4Address) or address in NO_IPV4:
        return ()
    embedded: list[IPv4Address] = []
    if is_in(address, IPV4_LAST) or (int(address) >> 32) & 0xFFFF_FFFF in ISATAP:
        embedded.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded += address.teredo
    return tuple(embedded)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not is_in(address, SPECIAL) and not is_in(address, PRIVATE)


def _is_allowed_alone(address: Address, allow: tuple[Network, ...]) -> bool:
    return any(
        network.prefixlen == network.max_prefixlen and network.network_address == address
        for network in allow
    )


def _is_allowed_as_nat64(address: Address, allow: tuple[Network, ...]) -> bool:
    return any(network.prefixlen >= LONGEST_PREFIX and address in network for network in allow)


def is_in(address: Address, ranges: Iterable[Network]) -> bool:
    """Tell whether *address* is in one of *ranges*; the two versions of IP never match."""
    return any(address in network for network in ranges)
