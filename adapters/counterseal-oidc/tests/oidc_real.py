"""A real provider for the tests: where it cannot be had, they are skipped, and say why."""

import contextlib
from urllib.parse import parse_qs, urlsplit

import pytest

from counterseal.testing import Return
from counterseal_oidc.trial import NodeMissing, RegistryUnreachable, TrialProvider

REDIRECT = "https://service.example/idp"


class RealProvider(TrialProvider):
    """The trial provider, whose users come back to where the tests take them up."""

    def log_in(self, url, subject="zoe", home=REDIRECT):
        return returned(super().log_in(url, subject, home))


class Turned(AssertionError):
    """The provider sent the browser back with an error."""


def returned(place):
    asked = {name: value for name, (value,) in parse_qs(urlsplit(place).query).items()}
    if "error" in asked:
        raise Turned(asked["error"])
    return Return(state=asked["state"], code=asked["code"], issuer=asked["iss"])


@contextlib.contextmanager
def running(clients, jwks):
    try:
        provider = RealProvider(clients, jwks)
    except (NodeMissing, RegistryUnreachable) as error:
        pytest.skip(f"there is no provider to log in at: {error}")
    with provider:
        yield provider
