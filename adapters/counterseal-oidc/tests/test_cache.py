"""How often metadata and keys are fetched, whatever clients send."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from oidc_loopback import COMPANY, DISCOVERY, KEYS, Loopback, login_url, logout, rsa, signed

from counterseal.errors import IdentityUnavailable
from counterseal_http import Budget
from counterseal_oidc import cache, errors
from counterseal_oidc.cache import (
    DEFAULT_FRESH,
    MAX_FRESH,
    MIN_FRESH,
    RETRY_INTERVAL,
    Cache,
    freshness_lifetime,
)


def test_e11_a_thousand_unknown_keys_cost_one_request_a_minute(relying_party, space, loopback):
    claims = logout(loopback)
    tokens = [signed(claims, kid=f"unknown-{n}") for n in range(1_000)]

    def refuse(text):
        with pytest.raises(errors.TokenKeyUnknown):
            relying_party.read_logout(space, text, company=COMPANY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refuse, tokens))
    assert loopback.requests("/jwks") == 1
    assert loopback.requests(DISCOVERY) == 1

    loopback.clock.advance(timedelta(seconds=59))
    refuse(tokens[0])
    assert loopback.requests("/jwks") == 1
    loopback.clock.advance(timedelta(seconds=1))
    for text in tokens[:100]:
        refuse(text)
    assert loopback.requests("/jwks") == 2


def test_e11_a_new_key_is_fetched_at_once(relying_party, space, loopback):
    relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)
    new = rsa("r2")
    loopback.keys(new, *KEYS.values())
    assert (
        relying_party.read_logout(space, signed(logout(loopback), key=new), company=COMPANY).subject
        == "zoe"
    )
    assert loopback.requests("/jwks") == 2


def test_keys_at_another_address_are_fetched_at_once(relying_party, space, loopback):
    """The provider has moved its keys, and the old ones are still fresh."""
    old, moved = rsa("r3"), rsa("r3")
    loopback.keys(old, headers={"cache-control": "max-age=86400"})
    relying_party.read_logout(space, signed(logout(loopback), key=old), company=COMPANY)
    loopback.responses["/moved"] = (200, {"keys": [moved.as_dict(private=False)]}, {})
    loopback.publish(jwks_uri=f"{loopback.url}/moved")
    loopback.clock.advance(DEFAULT_FRESH)

    relying_party.read_logout(space, signed(logout(loopback), key=moved), company=COMPANY)
    with pytest.raises(errors.TokenSignature):
        relying_party.read_logout(space, signed(logout(loopback), key=old), company=COMPANY)


def test_each_issuer_has_its_own_limit(relying_party, space, loopback, frozen_clock):

    other = Loopback(frozen_clock)
    try:
        for idp in (loopback, other) * 3:
            settings = attrs.evolve(space, issuer=idp.url)
            with pytest.raises(errors.TokenKeyUnknown):
                relying_party.read_logout(
                    settings, signed(logout(idp), kid="unknown"), company=COMPANY
                )
        assert (loopback.requests("/jwks"), other.requests("/jwks")) == (1, 1)
    finally:
        other.close()


def test_a_key_that_was_withdrawn_is_accepted_only_while_the_set_is_fresh(
    relying_party, space, loopback
):
    relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)
    loopback.keys(rsa("r2"))
    loopback.clock.advance(DEFAULT_FRESH)
    with pytest.raises(errors.TokenKeyUnknown):
        relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)


def test_keys_are_used_while_the_provider_is_down_for_a_day_at_most(relying_party, space, loopback):
    relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)
    loopback.responses["/jwks"] = loopback.responses[DISCOVERY] = (503, {}, {})
    for _ in range(22):
        loopback.clock.advance(DEFAULT_FRESH)
        assert (
            relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY).subject
            == "zoe"
        )
    fetches = loopback.requests("/jwks")
    relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)
    assert loopback.requests("/jwks") == fetches, "once a minute"
    loopback.clock.advance(DEFAULT_FRESH * 2)
    with pytest.raises(IdentityUnavailable):
        relying_party.read_logout(space, signed(logout(loopback)), company=COMPANY)


def test_no_fetch_follows_at_once_on_one_that_failed(relying_party, space, loopback):
    metadata = loopback.responses[DISCOVERY]
    loopback.responses[DISCOVERY] = (500, {}, {})
    for _ in range(10):
        with pytest.raises(IdentityUnavailable):
            login_url(relying_party, space)
    assert loopback.requests(DISCOVERY) == 1
    loopback.responses[DISCOVERY] = metadata
    loopback.clock.advance(timedelta(seconds=5))
    assert login_url(relying_party, space).startswith(loopback.url)


def test_calls_at_the_same_time_fetch_once(relying_party, space, loopback):
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda _: login_url(relying_party, space), range(8)))
    assert len(urls) == 1
    assert loopback.requests(DISCOVERY) == 1


def test_a_clock_that_was_set_back_prevents_no_fetch(relying_party, space, loopback, frozen_clock):
    now = frozen_clock.advance(timedelta(days=3))
    with pytest.raises(errors.TokenKeyUnknown):
        relying_party.read_logout(space, signed(logout(loopback), kid="unknown"), company=COMPANY)
    frozen_clock.jump(now - timedelta(days=3))
    new = rsa("r2")
    loopback.keys(new)
    assert (
        relying_party.read_logout(space, signed(logout(loopback), key=new), company=COMPANY).subject
        == "zoe"
    )


@pytest.mark.parametrize(
    ("control", "span"),
    [
        ("", DEFAULT_FRESH),
        ("public", DEFAULT_FRESH),
        ("max-age=3000", timedelta(seconds=3000)),
        ("public, MAX-AGE=3000, must-revalidate", timedelta(seconds=3000)),
        ('max-age="3000"', timedelta(seconds=3000)),
        ("max-age=0", MIN_FRESH),
        ("max-age=1", MIN_FRESH),
        ("no-store", MIN_FRESH),
        ("no-cache, max-age=3000", MIN_FRESH),
        ("max-age=999999999", MAX_FRESH),
        ("s-maxage=7", DEFAULT_FRESH),
        ("max-age=-1", DEFAULT_FRESH),
        ("max-age=" + "9" * 40, DEFAULT_FRESH),
    ],
)
def test_how_long_a_response_is_fresh(control, span):
    assert freshness_lifetime(control) == span


def test_a_call_that_waits_for_another_times_out_by_its_own_budget(frozen_clock):
    documents, started, released = Cache(frozen_clock), threading.Event(), threading.Event()

    def slow(_):
        started.set()
        released.wait(240)
        return "first", DEFAULT_FRESH

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(documents.get, "a", slow, Budget(240))
        assert started.wait(240)
        with pytest.raises(IdentityUnavailable):
            documents.get("a", slow, Budget(0.01))
        assert documents.get("b", lambda _: ("other", DEFAULT_FRESH), Budget(240)) == "other"
        released.set()
        assert first.result() == "first"


def test_after_a_success_an_earlier_failure_delays_no_fetch(frozen_clock):
    """A key that was rotated a moment after the provider came back is fetched at once."""
    documents, fetched = Cache(frozen_clock), []

    def fail(_):
        raise IdentityUnavailable

    def fetch(value):
        return lambda _: (fetched.append(value) or value, DEFAULT_FRESH)

    with pytest.raises(IdentityUnavailable):
        documents.get("a", fail, Budget(1))
    frozen_clock.advance(RETRY_INTERVAL)
    assert documents.get("a", fetch("old"), Budget(1)) == "old"
    frozen_clock.advance(timedelta(seconds=1))
    latest = documents.get("a", fetch("new"), Budget(1), accept=lambda value: value == "new")
    assert (latest, fetched) == ("new", ["old", "new"])


def test_the_entry_that_was_used_longest_ago_is_removed(frozen_clock, monkeypatch):
    monkeypatch.setattr(cache, "CAPACITY", 2)
    documents, fetched_keys = Cache(frozen_clock), []

    def get(key):
        documents.get(key, lambda _: (fetched_keys.append(key) or key, DEFAULT_FRESH), Budget(1))

    for key in "ababcb":
        get(key)
    assert fetched_keys == ["a", "b", "c"]
    get("a")
    assert fetched_keys == ["a", "b", "c", "a"]
