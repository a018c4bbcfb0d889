"""The contract of the port, at a real provider."""

import pytest
from oidc_loopback import COMPANY

from counterseal.errors import IdentityUnavailable
from counterseal.models import ClientAuth, IdpSettings
from counterseal_http import Guard
from counterseal_testing import IdentityProviderContract


class TestOidc(IdentityProviderContract):
    knows_users = True
    can_withdraw = True
    can_log_out = True
    can_revoke = True

    @pytest.fixture(autouse=True)
    def at(self, real, settings):
        self.real = real
        self.idp = settings(real, ClientAuth.BASIC)
        self.other_idp = settings(real, ClientAuth.POST)
        yield
        real.control(enable="zoe")

    @pytest.fixture
    def new_identity_provider(self, new_adapter, shifted_clock):
        return lambda: new_adapter(shifted_clock)

    @pytest.fixture
    def broken_identity_provider(self, new_adapter, shifted_clock):
        def new():
            # No server listens at port 1.
            self.idp = IdpSettings(
                issuer="http://127.0.0.1:1", client_id="x", redirect_uri="https://service.example/"
            )
            return new_adapter(shifted_clock)

        return new

    def settings(self, provider):
        return self.idp

    def stranger(self, provider):
        return self.other_idp

    def log_in(self, provider, url):
        return self.real.log_in(url)

    def withdraw(self, provider):
        self.real.control(disable="zoe")

    def log_out(self, provider):
        return self.real.logout_token(self.idp.client_id, "zoe")


def test_the_default_guard_allows_no_private_address(new_adapter, shifted_clock, real, settings):
    guarded = new_adapter(shifted_clock, guard=Guard())
    before = real.requests("/.well-known/openid-configuration")
    with pytest.raises(IdentityUnavailable):
        guarded.authorization_url(
            settings(real), state="s", nonce="n", verifier="v", company=COMPANY
        )
    assert real.requests("/.well-known/openid-configuration") == before
