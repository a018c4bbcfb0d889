"""What an App Space looks like, among those that a person has devices of."""

import attrs
import pytest

from counterseal.bindings.documents.device import Peeked
from counterseal.device import AppSpaceIdentity, Lookalike, find_lookalikes
from counterseal.models.guid import account_partition, mint

URL = "https://auth.example.com"
FIRST, SECOND, THIRD = (mint(account_partition("", name), bytes(15)) for name in "abc")
BANK = AppSpaceIdentity(
    url=URL,
    app_space=FIRST,
    app_space_name="Online banking",
    company_name="Harbour Bank",
)
TRADER = attrs.evolve(BANK, app_space=SECOND, app_space_name="Sales", company_name="Trader")
CYRILLIC = "H\u0430rb\u043eur Bank"


def names(identity, existing=BANK):
    lookalikes = find_lookalikes(identity, [existing])
    return [(lookalike.name, lookalike.existing_name) for lookalike in lookalikes]


def test_other_names_are_no_lookalikes():
    assert names(TRADER) == []


@pytest.mark.parametrize(
    ("member", "name", "existing_name"),
    [
        ("app_space_name", CYRILLIC, "Harbour Bank"),
        ("app_space_name", "0nline banking", "Online banking"),
        ("company_name", "0nline banking", "Online banking"),
        ("verified_name", CYRILLIC, "Harbour Bank"),
        ("verified_name", "0nline banking", "Online banking"),
    ],
)
def test_each_name_is_compared_with_each(member, name, existing_name):
    assert names(attrs.evolve(TRADER, **{member: name})) == [(name, existing_name)]
    reverse = names(BANK, attrs.evolve(TRADER, **{member: name}))
    assert reverse == [(existing_name, name)]


def test_each_device_is_named_once_in_order():
    existing = [BANK, attrs.evolve(TRADER, app_space=THIRD), attrs.evolve(BANK, app_space=THIRD)]
    lookalikes = find_lookalikes(attrs.evolve(BANK, app_space=SECOND), existing)
    assert lookalikes == tuple(
        Lookalike(existing=other, name="Online banking", existing_name="Online banking")
        for other in (existing[0], existing[2])
    )


def test_the_same_app_space_is_no_lookalike():
    assert names(BANK) == []
    for end in ("/", "//"):
        identity = attrs.evolve(BANK, url=f"{URL}{end}")
        assert names(identity) == names(BANK, identity) == []
    assert names(attrs.evolve(BANK, url="https://auth.example.org")) != []


def test_another_app_space_of_one_verified_company_is_no_lookalike():
    verified = attrs.evolve(BANK, verified_name="Harbour Bank plc")
    second = attrs.evolve(verified, app_space=SECOND)
    assert names(second, verified) == []
    # Another service may verify whom it wants, and who is not verified is not the company.
    assert names(attrs.evolve(second, url="https://auth.example.org"), verified) != []
    assert names(attrs.evolve(second, verified_name=None), verified) != []
    assert names(attrs.evolve(BANK, app_space=SECOND), BANK) != []


def test_two_companies_that_are_not_verified_may_be_one():
    second = attrs.evolve(TRADER, company_name=BANK.company_name)
    assert names(second) == []
    # If one is verified, they are two.
    pair = [("Harbour Bank", "Harbour Bank")]
    assert names(second, attrs.evolve(BANK, verified_name="Bank plc")) == pair
    assert names(attrs.evolve(second, verified_name="Bank plc")) == pair
    # The name of an App Space is compared with those of companies.
    assert names(attrs.evolve(TRADER, app_space_name="Harbour Bank")) == pair
    assert names(second, attrs.evolve(BANK, app_space_name="Harbour Bank")) == pair


def test_what_an_older_service_does_not_say_is_not_compared():
    older = AppSpaceIdentity(url=URL, app_space=SECOND, app_space_name=None)
    assert names(older) == []
    assert names(BANK, older) == []


def test_a_reply_has_the_names():
    reply = Peeked(app_space=SECOND, app_space_name="Sales", company_name="T", verified_name="V")
    identity = AppSpaceIdentity.of(URL, reply)
    assert (identity.url, identity.app_space, identity.names) == (URL, SECOND, ("Sales", "T", "V"))
