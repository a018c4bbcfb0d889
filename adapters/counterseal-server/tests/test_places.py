"""Places for bodies: who may have how many, by an oracle that counts all of them anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server.places import Places, Sender, sender

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


def may(held, address, total):
    """Say by the rule, over a list of who holds a place, whether *address* gets one more."""
    own = sum(owner(other) == owner(address) for other in held)
    neighbours = sum(site(other) == site(address) for other in held) if site(address) else 0
    return (
        len(held) < total
        and own < max(1, total // 8)
        and neighbours < max(1, total // 4)
        and (own == 0 or len(held) < total - total // 4)
    )


@given(
    total=st.integers(1, 40),
    steps=st.lists(st.tuples(st.sampled_from(ADDRESSES), st.booleans()), max_size=120),
)
def test_each_gets_what_the_rule_gives(total, steps):
    places, held = Places(total), []
    for address, leaves in steps:
        if leaves and address in held:
            held.remove(address)
            places.give_back(sender(address))
        else:
            expected = may(held, address, total)
            assert places.take(sender(address)) is expected, (held, address)
            held += [address] * expected
        assert (places.taken, places.free) == (len(held), total - len(held))
    for address in held:
        places.give_back(sender(address))
    assert places.free == total
    # Nothing is remembered of who holds nothing.
    assert places.take(sender("192.0.2.99"))


def test_four_addresses_leave_half_of_the_places():
    places = Places(1_024)
    for number in range(4):
        took = sum(places.take(sender(f"192.0.2.{number}")) for _ in range(1_024))
        assert took == 128
    assert places.free == 512
    assert places.take(sender("192.0.2.9"))


def test_the_last_quarter_is_for_who_holds_none():
    places = Places(16)
    for number in range(6):
        assert places.take(sender(f"192.0.2.{number}"))
        assert places.take(sender(f"192.0.2.{number}"))
    assert places.free == 4
    assert places.take(sender("192.0.2.8"))
    assert not places.take(sender("192.0.2.8"))
    for number in range(9, 12):
        assert places.take(sender(f"192.0.2.{number}"))
    assert not places.take(sender("192.0.2.12"))


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
