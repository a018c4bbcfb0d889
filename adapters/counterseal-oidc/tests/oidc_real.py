"""A real provider; tests that need it are skipped, with the reason, if it cannot be installed."""

import contextlib
from urllib.parse import parse_qs, urlsplit

import pytest

from counterseal_demo.trial import NodeMissing, RegistryUnreachable, TrialProvider
from counterseal_testing import Return

REDIRECT = "https://service.example/idp"


class RealProvider(TrialProvider):
    """The trial provider, whose log-ins return the parameters of the redirect."""

    def log_in(self, url, subject="zoe", home=REDIRECT):
        return read_return(super().log_in(url, subject, home))


class LoginError(AssertionError):
    """The provider redirected the browser with an error."""


def read_return(url):
    parameters = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    if "error" in parameters:
        raise LoginError(parameters["error"])
    return Return(state=parameters["state"], code=parameters["code"], issuer=parameters["iss"])


@contextlib.contextmanager
def running(clients, jwks):
    try:
        provider = RealProvider(clients, jwks)
    except (NodeMissing, RegistryUnreachable) as error:
        pytest.skip(f"no npm: the provider cannot be installed: {error}")
    with provider:
        yield provider
