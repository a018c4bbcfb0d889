"""
Slots for bodies that are being received and requests that wait, with a share for each sender.

A sender is an IPv4 address or an IPv6 /64 network, because a client has all addresses of one.
Senders share them by `counterseal.slots.gets_slot`: one that is alone has an eighth of the slots,
and the last quarter of the slots goes only to senders that have none. One IPv6 network of 48 bits,
which is what a site is given (RFC 6177, 2), has at most a quarter.
"""

from __future__ import annotations

import socket

import attrs

from counterseal.slots import SlotCounts, gets_slot

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

    @property
    def owners(self) -> tuple[str | bytes, ...]:
        """Return the address or network, and the site; prefixes of both differ in length."""
        return (self.name,) if self.site is None else (self.name, self.site)


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


class SenderSlots:
    """
    Slots for bodies or requests; for one thread at a time.

    Args:
        total: How many there are, at least one.
    """

    def __init__(self, total: int) -> None:
        self._counts = SlotCounts(total)

    @property
    def free(self) -> int:
        """How many slots nobody has."""
        return self._counts.free

    def take_for(self, sender: Sender) -> bool:
        """Take a slot for *sender*; return whether it gets one."""
        counts = self._counts
        last, of_site = counts.total // LAST_PART, max(1, counts.total // SITE_PART)
        count = counts.count(sender.name)
        is_taken = gets_slot(count, counts.free, part=SENDER_PART, reserved=last) and (
            sender.site is None or counts.count(sender.site) < of_site
        )
        if is_taken:
            counts.take(*sender.owners)
        return is_taken

    def give_back_of(self, sender: Sender) -> None:
        """Give back a slot of *sender*."""
        self._counts.give_back(*sender.owners)
