"""Slots for bodies: who may have how many, by an oracle that counts all of them anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server.slots import Sender, SenderSlots, sender

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
    free = total - len(addresses)
    return (
        free > 0
        and own < free / 7  # alone, an eighth of all
        and neighbours < max(1, total // 4)
        and (own == 0 or free > total // 4)
    )


@given(
    total=st.integers(1, 40),
    steps=st.lists(st.tuples(st.sampled_from(ADDRESSES), st.booleans()), max_size=120),
)
def test_each_gets_what_the_rule_gives(total, steps):
    slots, addresses = SenderSlots(total), []
    for address, leaves in steps:
        if leaves and address in addresses:
            addresses.remove(address)
            slots.give_back_of(sender(address))
        else:
            expected = may(addresses, address, total)
            assert slots.take_for(sender(address)) is expected, (addresses, address)
            addresses += [address] * expected
        assert slots.free == total - len(addresses)
    for address in addresses:
        slots.give_back_of(sender(address))
    assert slots.free == total
    # Nothing is remembered of who holds nothing.
    assert slots.take_for(sender("192.0.2.99"))


def test_four_addresses_leave_more_than_half_of_the_places():
    slots = SenderSlots(1_024)
    counts = [
        sum(slots.take_for(sender(f"192.0.2.{number}")) for _ in range(1_024))
        for number in range(4)
    ]
    assert counts == [128, 112, 98, 86]
    assert slots.take_for(sender("192.0.2.9"))


def test_an_attacker_needs_267_addresses_for_all_places():
    slots = SenderSlots(1_024)
    for number in range(266):
        while slots.take_for(sender(f"198.51.{number // 256}.{number % 256}")):
            pass
    assert slots.free == 1
    assert slots.take_for(sender("192.0.2.9"))
    assert not slots.take_for(sender("192.0.2.10"))


def test_the_last_quarter_is_for_who_holds_none():
    slots = SenderSlots(64)
    for number in range(24):
        assert slots.take_for(sender(f"192.0.2.{number}"))
        assert slots.take_for(sender(f"192.0.2.{number}"))
    assert slots.free == 16
    assert slots.take_for(sender("192.0.2.24"))
    assert not slots.take_for(sender("192.0.2.24"))
    for number in range(25, 40):
        assert slots.take_for(sender(f"192.0.2.{number}"))
    assert not slots.take_for(sender("192.0.2.40"))


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
