"""A provider is inspected as a log-in would call it, before there is one."""

from datetime import timedelta

import pytest

from counterseal.errors import IdentityUnavailable
from counterseal_http import Guard
from counterseal_oidc import count_keys

PATIENCE = timedelta(seconds=240)
OPEN = Guard(allow_http=True, allow_private=True, ports=None)


def test_the_keys_of_a_provider_are_counted(loopback):
    count = len(loopback.responses["/jwks"][1]["keys"])

    assert count_keys(loopback.url, guard=OPEN, timeout=PATIENCE) == count


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda loopback: loopback.publish(issuer=f"{loopback.url}/"), "names another issuer"),
        (lambda loopback: loopback.publish(jwks_uri=None), "no jwks_uri"),
        (lambda loopback: loopback.keys(), "no key that can verify"),
        (lambda loopback: loopback.keys({"kty": "oct", "k": "AA"}), "no key that can verify"),
        (lambda loopback: loopback.responses.pop("/jwks"), "status 404"),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused(loopback, change, problem):
    change(loopback)

    with pytest.raises(IdentityUnavailable, match=problem):
        count_keys(loopback.url, guard=OPEN, timeout=PATIENCE)


def test_what_the_guard_forbids_is_not_called(loopback):
    with pytest.raises(IdentityUnavailable, match="the guard does not allow it"):
        count_keys(loopback.url, guard=Guard(), timeout=PATIENCE)

    assert loopback.received_requests == []


def test_a_provider_that_hangs_takes_the_timeout_at_most(loopback):
    loopback.hanging_paths.add("/jwks")

    with pytest.raises(IdentityUnavailable):
        count_keys(loopback.url, guard=OPEN, timeout=timedelta(seconds=0.2))
