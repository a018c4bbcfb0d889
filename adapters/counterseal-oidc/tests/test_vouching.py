"""Whether the provider still vouches: by refresh token, by introspection, by UserInfo."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from oidc_loopback import COMPANY, exchange, signed

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal_oidc import errors
from counterseal_oidc.asking import LONGEST
from counterseal_oidc.grants import Grant


def test_a_refresh_that_brings_another_user_is_refused(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.grant(signed(loopback.claims(sub="adam")))
    with pytest.raises(errors.TokenSubject):
        relying.revalidate(space, found, company=COMPANY)


@pytest.mark.parametrize(
    "case",
    [
        (400, "invalid_grant", IdentityWithdrawn),
        (403, "access_denied", IdentityWithdrawn),
        # Ours to set right, and no word on the user, who is not vouched for either.
        (401, "invalid_client", IdentityUnavailable),
        (400, "unauthorized_client", IdentityUnavailable),
        (400, "canary", IdentityUnavailable),
        (500, "invalid_grant", IdentityUnavailable),
        (429, "", IdentityUnavailable),
        (302, "", IdentityUnavailable),
        (404, "", IdentityUnavailable),
    ],
)
def test_what_a_refused_refresh_means(relying, space, loopback, caplog, case):
    status, error, outcome = case
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.says["/token"] = (status, {"error": error, "error_description": "canary"}, {})
    with caplog.at_level(logging.DEBUG), pytest.raises(outcome) as raised:
        relying.revalidate(space, found, company=COMPANY)
    assert "canary" not in caplog.text + str(raised.value)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {"active": False}, {}), IdentityWithdrawn),
        ((200, {"active": True, "sub": "adam"}, {}), errors.TokenSubject),
        ((200, {"active": "true"}, {}), IdentityUnavailable),
        ((200, {}, {}), IdentityUnavailable),
        ((401, {}, {}), IdentityUnavailable),
        ((200, b"active", {}), IdentityUnavailable),
    ],
    ids=str,
)
def test_what_introspection_says(relying, space, loopback, answer, outcome):
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    loopback.says["/introspect"] = answer
    with pytest.raises(outcome):
        relying.revalidate(space, found, company=COMPANY)
    loopback.says["/introspect"] = (200, {"active": True}, {})
    assert relying.revalidate(space, found, company=COMPANY) == found


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((401, {}, {}), IdentityWithdrawn),
        ((403, {}, {}), IdentityWithdrawn),
        ((200, {"sub": "adam"}, {}), errors.UserInfoSubject),
        ((200, b"a.jwt.here", {}), IdentityUnavailable),
        ((503, {}, {}), IdentityUnavailable),
    ],
    ids=str,
)
def test_what_user_info_says_where_there_is_nothing_else(relying, space, loopback, answer, outcome):
    loopback.publish(introspection_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    loopback.says["/me"] = answer
    with pytest.raises(outcome):
        relying.revalidate(space, found, company=COMPANY)
    loopback.says["/me"] = (200, {"sub": "zoe"}, {})
    assert relying.revalidate(space, found, company=COMPANY) == found


def test_where_there_is_no_way_to_ask_nobody_is_vouched_for(relying, space, loopback):
    loopback.publish(introspection_endpoint=None, userinfo_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    found = exchange(relying, space)
    with pytest.raises(IdentityWithdrawn):
        relying.revalidate(space, found, company=COMPANY)


@pytest.mark.parametrize(
    "grant", [b"", b"{}", b"[]", b"\xff", b'{"refresh_token":7}', b'{"x":"y"}']
)
def test_a_grant_that_is_none_vouches_for_nobody(relying, space, loopback, grant):
    loopback.grant(signed(loopback.claims()))
    found = attrs.evolve(exchange(relying, space), grant=grant)
    with pytest.raises(IdentityWithdrawn):
        relying.revalidate(space, found, company=COMPANY)
    relying.revoke_grant(space, found, company=COMPANY)
    assert loopback.requests("/revoke") == 0


def test_no_secret_is_in_a_repr(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    assert "refresh-1" not in repr(exchange(relying, space))
    assert "canary" not in repr(Grant(refresh_token="canary", access_token="canary"))


def test_letting_go_revokes_the_newest_and_says_nothing_of_a_refusal(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    loopback.grant(None, refresh_token="refresh-2")
    relying.revalidate(space, found, company=COMPANY)
    loopback.says["/revoke"] = (400, {"error": "unsupported_token_type"}, {})
    relying.revoke_grant(space, found, company=COMPANY)
    assert loopback.asked[-1][2]["token"] == "refresh-2"
    loopback.says["/revoke"] = (503, {}, {})
    with pytest.raises(IdentityUnavailable):
        relying.revoke_grant(space, found, company=COMPANY)
    loopback.publish(revocation_endpoint=None)
    loopback.clock.advance(LONGEST)
    relying.revoke_grant(space, found, company=COMPANY)


def test_threads_that_ask_about_one_user_use_each_token_once(relying, space, loopback):
    loopback.grant(signed(loopback.claims()))
    found = exchange(relying, space)
    told = iter(range(2, 100))
    lock = threading.Lock()
    say = loopback.says

    class Rotating(dict):
        def get(self, path, default=None):
            if path != "/token":
                return say.get(path, default)
            with lock:
                number = next(told)
            members = {
                "access_token": "a",
                "token_type": "bearer",
                "refresh_token": f"refresh-{number}",
            }
            return 200, members, {}

    loopback.says = Rotating()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: relying.revalidate(space, found, company=COMPANY), range(12)))
    used = [one[2]["refresh_token"] for one in loopback.asked if one[2].get("refresh_token")]
    assert used == [f"refresh-{number}" for number in range(1, 13)]
