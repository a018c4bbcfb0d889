"""Revalidation: by refresh token, by introspection, by UserInfo."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from oidc_loopback import COMPANY, exchange, signed

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal_oidc import errors
from counterseal_oidc.cache import MAX_FRESH
from counterseal_oidc.grants import Grant


def test_a_refresh_that_returns_another_user_is_refused(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims()))
    identity = exchange(relying_party, space)
    loopback.grant(signed(loopback.claims(sub="adam")))
    with pytest.raises(errors.TokenSubject):
        relying_party.revalidate(space, identity, company=COMPANY)


@pytest.mark.parametrize(
    "case",
    [
        (400, "invalid_grant", IdentityWithdrawn),
        (403, "access_denied", IdentityWithdrawn),
        # The settings are wrong, which says nothing of the user.
        (401, "invalid_client", IdentityUnavailable),
        (400, "unauthorized_client", IdentityUnavailable),
        (400, "canary", IdentityUnavailable),
        (500, "invalid_grant", IdentityUnavailable),
        (429, "", IdentityUnavailable),
        (302, "", IdentityUnavailable),
        (404, "", IdentityUnavailable),
    ],
)
def test_what_a_refused_refresh_means(relying_party, space, loopback, caplog, case):
    status, error, outcome = case
    loopback.grant(signed(loopback.claims()))
    identity = exchange(relying_party, space)
    loopback.responses["/token"] = (status, {"error": error, "error_description": "canary"}, {})
    with caplog.at_level(logging.DEBUG), pytest.raises(outcome) as raised:
        relying_party.revalidate(space, identity, company=COMPANY)
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
def test_what_a_response_of_introspection_means(relying_party, space, loopback, answer, outcome):
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    identity = exchange(relying_party, space)
    loopback.responses["/introspect"] = answer
    with pytest.raises(outcome):
        relying_party.revalidate(space, identity, company=COMPANY)
    loopback.responses["/introspect"] = (200, {"active": True}, {})
    assert relying_party.revalidate(space, identity, company=COMPANY) == identity


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
def test_what_a_response_of_user_info_means_where_there_is_no_introspection(
    relying_party, space, loopback, answer, outcome
):
    loopback.publish(introspection_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    identity = exchange(relying_party, space)
    loopback.responses["/me"] = answer
    with pytest.raises(outcome):
        relying_party.revalidate(space, identity, company=COMPANY)
    loopback.responses["/me"] = (200, {"sub": "zoe"}, {})
    assert relying_party.revalidate(space, identity, company=COMPANY) == identity


def test_without_a_way_to_ask_the_identity_is_withdrawn(relying_party, space, loopback):
    loopback.publish(introspection_endpoint=None, userinfo_endpoint=None)
    loopback.grant(signed(loopback.claims()), refresh_token=None)
    identity = exchange(relying_party, space)
    with pytest.raises(IdentityWithdrawn):
        relying_party.revalidate(space, identity, company=COMPANY)


@pytest.mark.parametrize(
    "grant", [b"", b"{}", b"[]", b"\xff", b'{"refresh_token":7}', b'{"x":"y"}']
)
def test_an_invalid_grant_is_withdrawn_and_not_sent(relying_party, space, loopback, grant):
    loopback.grant(signed(loopback.claims()))
    identity = attrs.evolve(exchange(relying_party, space), grant=grant)
    with pytest.raises(IdentityWithdrawn):
        relying_party.revalidate(space, identity, company=COMPANY)
    relying_party.revoke_grant(space, identity, company=COMPANY)
    assert loopback.requests("/revoke") == 0


def test_no_secret_is_in_a_repr(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims()))
    assert "refresh-1" not in repr(exchange(relying_party, space))
    assert "canary" not in repr(Grant(refresh_token="canary", access_token="canary"))


def test_revoking_sends_the_newest_token_and_ignores_a_refusal(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims()))
    identity = exchange(relying_party, space)
    loopback.grant(None, refresh_token="refresh-2")
    relying_party.revalidate(space, identity, company=COMPANY)
    loopback.responses["/revoke"] = (400, {"error": "unsupported_token_type"}, {})
    relying_party.revoke_grant(space, identity, company=COMPANY)
    assert loopback.received_requests[-1][2]["token"] == "refresh-2"
    loopback.responses["/revoke"] = (503, {}, {})
    with pytest.raises(IdentityUnavailable):
        relying_party.revoke_grant(space, identity, company=COMPANY)
    loopback.publish(revocation_endpoint=None)
    loopback.clock.advance(MAX_FRESH)
    relying_party.revoke_grant(space, identity, company=COMPANY)


def test_threads_that_revalidate_one_user_send_each_token_once(relying_party, space, loopback):
    loopback.grant(signed(loopback.claims()))
    identity = exchange(relying_party, space)
    numbers = iter(range(2, 100))
    lock = threading.Lock()
    responses = loopback.responses

    class Rotating(dict):
        def get(self, path, default=None):
            if path != "/token":
                return responses.get(path, default)
            with lock:
                number = next(numbers)
            members = {
                "access_token": "a",
                "token_type": "bearer",
                "refresh_token": f"refresh-{number}",
            }
            return 200, members, {}

    loopback.responses = Rotating()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda _: relying_party.revalidate(space, identity, company=COMPANY), range(12)
            )
        )
    tokens = [
        request[2]["refresh_token"]
        for request in loopback.received_requests
        if request[2].get("refresh_token")
    ]
    assert tokens == [f"refresh-{number}" for number in range(1, 13)]
