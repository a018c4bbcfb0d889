"""Log-ins: where, and what the origin knows of it."""

import pytest
from action_strategies import NOW

from counterseal.actions import STANDARD_ACTIONS
from counterseal.errors import InvalidField
from counterseal.models import Action

EVERY = {
    "action": "Log in to online banking",
    "service": "Example Bank Online",
    "client": "Example Bank app",
    "browser": "Firefox 151 on Linux",
    "place": "Berlin, Germany",
    "ip_address": "2001:db8::7",
    "date_time": "2026-11-29T16:59:00+01:00",
    "transaction_id": "8d8ac610",
}


def rows(arguments, **members):
    action = Action(
        type="login", resource="bank.example", arguments=arguments, valid_until=NOW, **members
    )
    return [(pair.key, pair.value) for pair in STANDARD_ACTIONS.render(action).content.pairs]


def test_every_member_is_displayed():
    assert rows(EVERY) == [
        ("Where", "bank.example"),
        ("Action", "Log in to online banking"),
        ("Service", "Example Bank Online"),
        ("Client", "Example Bank app"),
        ("Browser", "Firefox 151 on Linux"),
        ("Place", "Berlin, Germany"),
        ("IP address", "2001:db8::7"),
        ("Begun at", "2026-11-29T16:59:00+01:00"),
        ("Transaction", "8d8ac610"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]


def test_where_is_enough():
    assert [key for key, _ in rows({}, language="de")] == ["Wo", "Gültig bis"]


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("action", 140),
        ("service", 100),
        ("client", 100),
        ("browser", 256),
        ("place", 256),
        ("transaction_id", 36),
    ],
)
def test_a_text_has_a_length(name, limit):
    assert rows({name: "x" * limit})
    for bad in ("x" * (limit + 1), "", 7, None):
        with pytest.raises(InvalidField) as caught:
            rows({name: bad})
        assert caught.value.field == f"action.arguments.{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ip_address", "192.0.2.256"),
        ("ip_address", "fe80::1%eth0"),
        ("ip_address", "bank.example"),
        ("ip_address", 7),
        ("ip_address", None),
        ("date_time", "now"),
        ("date_time", None),
        ("device", "phone"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name, value):
    with pytest.raises(InvalidField) as caught:
        rows(EVERY | {name: value})
    assert caught.value.field == f"action.arguments.{name}"
