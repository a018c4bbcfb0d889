"""`settings.COUNTERSEAL`: what it has to have, what it may have, and nothing else."""

from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest
from django.test import override_settings

import counterseal as cs
from counterseal_django import UnfitSettings, configuration
from counterseal_django.configuration import REQUIRED, read_configuration


def shout(user):
    """Return an account id."""
    return f"user {user.pk}!"


def test_the_members_that_are_needed_are_enough(members):
    config = read_configuration(members)

    assert (config.company, config.app_space, config.origin) == ("Example Ltd",) * 3
    assert config.policy == attrs.evolve(cs.STANDARD, passkey_origin="https://shop.example")
    assert config.http.public_url == "https://shop.example/auth"
    assert config.http.app_url == "https://shop.example/auth/app"
    assert config.account_id(SimpleNamespace(pk=42)) == "42"


def test_the_others_may_differ(members):
    config = read_configuration(
        members
        | {
            "APP_SPACE": "Example shop",
            "ORIGIN": "Web shop",
            "POLICY": {
                "challenge_life": timedelta(minutes=5),
                "passkey_origin": "https://pay.example",
            },
            "HTTP": {"administration": True},
            "ACCOUNT_ID": f"{__name__}.shout",
            "CONNECTIONS": 4,
        }
    )

    assert (config.app_space, config.origin) == ("Example shop", "Web shop")
    assert config.policy.challenge_life == timedelta(minutes=5)
    assert config.policy.passkey_origin == "https://pay.example"
    assert config.http.administration
    assert config.account_id(SimpleNamespace(pk=42)) == "user 42!"
    assert config.connections == 4


@pytest.mark.parametrize("name", REQUIRED)
def test_a_member_that_is_missing_is_named(members, name):
    del members[name]
    with pytest.raises(UnfitSettings, match=f"'{name}' is missing"):
        read_configuration(members)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"COMPANI": "Example Ltd"}, "'COMPANI' is unknown"),
        ({"COMPANY": ""}, "'COMPANY' is not a text"),
        ({"TENANCY": 1}, "'TENANCY' is not a text"),
        ({"URL": "shop.example"}, "'URL' or 'HTTP': public_url: not an address"),
        ({"URL": "https://shop.example/auth/"}, "'URL' or 'HTTP': public_url: not an address"),
        ({"KEYS": ""}, "'KEYS' is not the path of a folder"),
        ({"KEYS": "keys"}, "'KEYS' is not an absolute path"),
        ({"POLICY": []}, "'POLICY' is not a dictionary"),
        ({"POLICY": {"challenge_live": 1}}, "'POLICY': 'challenge_live' is unknown"),
        ({"POLICY": {"challenge_life": timedelta(days=9)}}, "'POLICY': challenge_life"),
        ({"HTTP": {"waiter": 1}}, "'HTTP': 'waiter' is unknown"),
        ({"HTTP": {"waiters": -1}}, "'URL' or 'HTTP': waiters"),
        ({"HTTP": {"public_url": "https://a.example"}}, "'public_url' follows from 'URL'"),
        ({"ACCOUNT_ID": "nowhere.at_all"}, "'ACCOUNT_ID': No module named 'nowhere'"),
        ({"PORTS": 1}, "'PORTS' is neither a function nor the path of one"),
        ({"CONNECTIONS": True}, "'CONNECTIONS' is not a whole number"),
    ],
)
def test_a_member_that_does_not_fit_is_named(members, changes, text):
    with pytest.raises(UnfitSettings) as raised:
        read_configuration(members | changes)
    assert text in str(raised.value)


@pytest.mark.parametrize("members", [None, "COUNTERSEAL"])
def test_it_is_a_dictionary(members):
    with pytest.raises(UnfitSettings, match="not a dictionary"):
        read_configuration(members)


def test_it_is_read_once_and_again_where_a_test_overrides_it(configured):
    config = configuration()
    assert configuration() is config
    with override_settings(COUNTERSEAL=configured | {"COMPANY": "Another"}):
        assert configuration().company == "Another"
