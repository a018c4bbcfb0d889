"""Slots for bodies: who may have how many, by an oracle that counts all of them anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server.slots import Sender, Slots, sender

ADDRESSES = [
    *(f"192.0.2.{number}" for number in range(1, 7)),
    *(f"2001:db8:{site}:{network}::1" for site in range(2) for network in range(5)),
    "2001:db8:0:0::2",
    "::ffff:192.0.2.1",
]


def site(address):
    """Return the first 48 bits of an IPv6 address as text that was written for this test."""
    groups = address.split(":")
    return ":".join(groups[:3]) if address.startswith("2001") else None


def owner(address):
    """Return whom the address belongs to, likewise."""
    if address.startswith("2001"):
        return ":".join(address.split("::")[0].split(":")[:4])
    return address.removeprefix("::ffff:")


def may(addresses, address, total):
    """Say by the rule, over a list of who holds a place, whether *address* gets one more."""
    own = sum(owner(other) == owner(address) for other in addresses)
    neighbours = sum(site(other) == site(address) for other in addresses) if site(address) else 0
    return (
        len(addresses) < total
        and own < max(1, total // 8)
        and neighbours < max(1, total // 4)
        and (own == 0 or len(addresses) < total - total // 4)
    )


@given(
    total=st.integers(1, 40),
    steps=st.lists(st.tuples(st.sampled_from(ADDRESSES), st.booleans()), max_size=120),
)
def test_each_gets_what_the_rule_gives(total, steps):
    slots, addresses = Slots(total), []
    for address, leaves in steps:
        if leaves and address in addresses:
            addresses.remove(address)
            slots.give_back(sender(address))
        else:
            expected = may(addresses, address, total)
            assert slots.take(sender(address)) is expected, (addresses, address)
            addresses += [address] * expected
        assert (slots.in_use, slots.free) == (len(addresses), total - len(addresses))
    for address in addresses:
        slots.give_back(sender(address))
    assert slots.free == total
    # Nothing is remembered of who holds nothing.
    assert slots.take(sender("192.0.2.99"))


def test_four_addresses_leave_half_of_the_places():
    slots = Slots(1_024)
    for number in range(4):
        took = sum(slots.take(sender(f"192.0.2.{number}")) for _ in range(1_024))
        assert took == 128
    assert slots.free == 512
    assert slots.take(sender("192.0.2.9"))


def test_the_last_quarter_is_for_who_holds_none():
    slots = Slots(16)
    for number in range(6):
        assert slots.take(sender(f"192.0.2.{number}"))
        assert slots.take(sender(f"192.0.2.{number}"))
    assert slots.free == 4
    assert slots.take(sender("192.0.2.8"))
    assert not slots.take(sender("192.0.2.8"))
    for number in range(9, 12):
        assert slots.take(sender(f"192.0.2.{number}"))
    assert not slots.take(sender("192.0.2.12"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", Sender("192.0.2.1")),
        ("::ffff:192.0.2.1", Sender("192.0.2.1")),
        (
            "2001:db8:1:2:3::4",
            Sender(bytes.fromhex("20010db800010002"), bytes.fromhex("20010db80001")),
        ),
        ("unix:socket", Sender("unix:socket")),
        ("", Sender("")),
    ],
)
def test_whom_an_address_belongs_to(address, expected):
    assert sender(address) == expected
