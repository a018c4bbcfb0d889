"""
Slots for bodies that are being received and requests that wait, with a share for each sender.

A sender is an IPv4 address or an IPv6 /64 network, because a client has all addresses of one.
One sender has at most an eighth of the slots, and one IPv6 network of 48 bits, which is what
a site is given (RFC 6177, 2), at most a quarter.
The last quarter of the slots goes only to senders that have none.
"""

from __future__ import annotations

import socket
from collections import Counter

import attrs

SENDER_PART, SITE_PART, LAST_PART = 8, 4, 4
"""Parts of all slots: of one sender, of one site, and for senders without a slot."""

SENDER_BYTES, SITE_BYTES = 8, 6
"""Prefix lengths of an IPv6 address (RFC 7421; RFC 6177, 2)."""


@attrs.frozen
class Sender:
    """
    The sender for whom a slot is counted.

    Attributes:
        name: The address, or the network of 64 bits.
        site: The network of 48 bits; None for IPv4.
    """

    name: str | bytes
    site: bytes | None = None


def sender(address: str) -> Sender:
    """
    Return the sender with *address*.

    An IPv4 address inside an IPv6 address counts as IPv4; all texts that are no address are one
    sender.
    """
    if ":" not in address:
        return Sender(address)
    try:
        packed = socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        return Sender(address)
    if packed.startswith(bytes(10) + b"\xff\xff"):  # RFC 4291, 2.5.5.2
        return Sender(socket.inet_ntoa(packed[12:]))
    return Sender(packed[:SENDER_BYTES], packed[:SITE_BYTES])


class Slots:
    """
    Slots for bodies or requests; for one thread at a time.

    Args:
        total: How many there are, at least one.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._sender_share = max(1, total // SENDER_PART)
        self._site_share = max(1, total // SITE_PART)
        self._last = total // LAST_PART
        self._by_sender: Counter[str | bytes] = Counter()
        self._by_site: Counter[bytes] = Counter()
        self.free = total
        """How many slots are free."""

    @property
    def in_use(self) -> int:
        """Return how many slots are taken."""
        return self._total - self.free

    def take(self, sender: Sender) -> bool:
        """Take a slot for *sender*; return whether one was free."""
        count = self._by_sender[sender.name]
        if (
            not self.free
            or count >= self._sender_share
            or (count and self.free <= self._last)
            or (sender.site is not None and self._by_site[sender.site] >= self._site_share)
        ):
            _forget(self._by_sender, sender.name)
            return False
        self.free -= 1
        self._by_sender[sender.name] += 1
        if sender.site is not None:
            self._by_site[sender.site] += 1
        return True

    def give_back(self, sender: Sender) -> None:
        """Free a slot of *sender*."""
        self.free += 1
        self._by_sender[sender.name] -= 1
        _forget(self._by_sender, sender.name)
        if sender.site is not None:
            self._by_site[sender.site] -= 1
            _forget(self._by_site, sender.site)


def _forget(counts: Counter[bytes] | Counter[str | bytes], key: str | bytes) -> None:
    # A sender without slots uses no memory: there are 2^64 networks.
    if not counts[key]:  # type: ignore[index]
        counts.pop(key, None)  # type: ignore[arg-type]
