"""How often a provider is asked for what it publishes, whatever comes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from oidc_loopback import COMPANY, DISCOVERY, KEYS, Loopback, logout, rsa, sent_to, signed

from counterseal.errors import IdentityUnavailable
from counterseal_http import Budget
from counterseal_oidc import errors, keeping
from counterseal_oidc.asking import LONGEST, SHORTEST, USUAL, fresh_for


def test_e11_a_thousand_unknown_keys_cost_one_request_a_minute(relying, space, loopback):
    token = logout(loopback)
    strangers = [signed(token, kid=f"unknown-{n}") for n in range(1_000)]

    def refused(text):
        with pytest.raises(errors.TokenKeyUnknown):
            relying.read_logout(space, text, company=COMPANY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refused, strangers))
    assert loopback.requests("/jwks") == 1
    assert loopback.requests(DISCOVERY) == 1

    loopback.clock.advance(timedelta(seconds=59))
    refused(strangers[0])
    assert loopback.requests("/jwks") == 1
    loopback.clock.advance(timedelta(seconds=1))
    for text in strangers[:100]:
        refused(text)
    assert loopback.requests("/jwks") == 2


def test_e11_a_key_that_is_new_is_looked_for_at_once(relying, space, loopback):
    relying.read_logout(space, signed(logout(loopback)), company=COMPANY)
    new = rsa("r2")
    loopback.keys(new, *KEYS.values())
    assert (
        relying.read_logout(space, signed(logout(loopback), key=new), company=COMPANY).subject
        == "zoe"
    )
    assert loopback.requests("/jwks") == 2


def test_each_issuer_is_counted_by_itself(relying, space, loopback, frozen):

    other = Loopback(frozen)
    try:
        for idp in (loopback, other) * 3:
            theirs = attrs.evolve(space, issuer=idp.url)
            with pytest.raises(errors.TokenKeyUnknown):
                relying.read_logout(theirs, signed(logout(idp), kid="unknown"), company=COMPANY)
        assert (loopback.requests("/jwks"), other.requests("/jwks")) == (1, 1)
    finally:
        other.close()


def test_a_key_that_was_taken_back_is_believed_for_a_while_only(relying, space, loopback):
    relying.read_logout(space, signed(logout(loopback)), company=COMPANY)
    loopback.keys(rsa("r2"))
    loopback.clock.advance(USUAL)
    with pytest.raises(errors.TokenKeyUnknown):
        relying.read_logout(space, signed(logout(loopback)), company=COMPANY)


def test_keys_are_kept_while_the_provider_is_away_but_for_a_day_at_most(relying, space, loopback):
    relying.read_logout(space, signed(logout(loopback)), company=COMPANY)
    loopback.says["/jwks"] = loopback.says[DISCOVERY] = (503, {}, {})
    for _ in range(22):
        loopback.clock.advance(USUAL)
        assert (
            relying.read_logout(space, signed(logout(loopback)), company=COMPANY).subject == "zoe"
        )
    asked = loopback.requests("/jwks")
    relying.read_logout(space, signed(logout(loopback)), company=COMPANY)
    assert loopback.requests("/jwks") == asked, "once a minute"
    loopback.clock.advance(USUAL * 2)
    with pytest.raises(IdentityUnavailable):
        relying.read_logout(space, signed(logout(loopback)), company=COMPANY)


def test_nobody_asks_again_right_after_an_attempt_that_failed(relying, space, loopback):
    said = loopback.says[DISCOVERY]
    loopback.says[DISCOVERY] = (500, {}, {})
    for _ in range(10):
        with pytest.raises(IdentityUnavailable):
            sent_to(relying, space)
    assert loopback.requests(DISCOVERY) == 1
    loopback.says[DISCOVERY] = said
    loopback.clock.advance(timedelta(seconds=5))
    assert sent_to(relying, space).startswith(loopback.url)


def test_many_who_come_at_once_ask_once(relying, space, loopback):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: sent_to(relying, space), range(8)))
    assert len(found) == 1
    assert loopback.requests(DISCOVERY) == 1


def test_a_clock_that_was_ahead_keeps_nobody_from_asking(relying, space, loopback, frozen):
    now = frozen.advance(timedelta(days=3))
    with pytest.raises(errors.TokenKeyUnknown):
        relying.read_logout(space, signed(logout(loopback), kid="unknown"), company=COMPANY)
    frozen.jump(now - timedelta(days=3))
    new = rsa("r2")
    loopback.keys(new)
    assert (
        relying.read_logout(space, signed(logout(loopback), key=new), company=COMPANY).subject
        == "zoe"
    )


@pytest.mark.parametrize(
    ("control", "span"),
    [
        ("", USUAL),
        ("public", USUAL),
        ("max-age=3000", timedelta(seconds=3000)),
        ("public, MAX-AGE=3000, must-revalidate", timedelta(seconds=3000)),
        ('max-age="3000"', timedelta(seconds=3000)),
        ("max-age=0", SHORTEST),
        ("max-age=1", SHORTEST),
        ("no-store", SHORTEST),
        ("no-cache, max-age=3000", SHORTEST),
        ("max-age=999999999", LONGEST),
        ("s-maxage=7", USUAL),
        ("max-age=-1", USUAL),
        ("max-age=" + "9" * 40, USUAL),
    ],
)
def test_how_long_an_answer_is_kept(control, span):
    assert fresh_for(control) == span


def test_who_waits_for_another_waits_no_longer_than_its_own_time(frozen):
    keeper, begun, over = keeping.Keeper(frozen), threading.Event(), threading.Event()

    def slow(_):
        begun.set()
        over.wait(240)
        return "found", USUAL

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keeper.get, "a", slow, Budget(240))
        assert begun.wait(240)
        with pytest.raises(IdentityUnavailable):
            keeper.get("a", slow, Budget(0.01))
        assert keeper.get("b", lambda _: ("other", USUAL), Budget(240)) == "other"
        over.set()
        assert first.result() == "found"


def test_the_one_that_was_used_longest_ago_is_forgotten(frozen, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 2)
    keeper, asked = keeping.Keeper(frozen), []

    def get(key):
        keeper.get(key, lambda _: (asked.append(key) or key, USUAL), Budget(1))

    for key in "ababcb":
        get(key)
    assert asked == ["a", "b", "c"]
    get("a")
    assert asked == ["a", "b", "c", "a"]
