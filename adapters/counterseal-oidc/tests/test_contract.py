"""The port's contract, at a real provider."""

import pytest
from oidc_loopback import COMPANY

from counterseal.errors import IdentityUnavailable
from counterseal.models import ClientAuth, IdpSettings
from counterseal.testing import IdentityProviderContract
from counterseal_http import Guard


class TestOidc(IdentityProviderContract):
    knows_users = True
    can_withdraw = True
    can_log_out = True
    can_revoke = True

    @pytest.fixture(autouse=True)
    def at(self, real, settings):
        self.real = real
        self.made = settings(real, ClientAuth.BASIC)
        self.others = settings(real, ClientAuth.POST)
        yield
        real.steer(enable="zoe")

    @pytest.fixture
    def new_identity_provider(self, new_adapter, shifted):
        return lambda: new_adapter(shifted)

    @pytest.fixture
    def broken_identity_provider(self, new_adapter, shifted):
        def new():
            # Nobody listens at port 1.
            self.made = IdpSettings(
                issuer="http://127.0.0.1:1", client_id="x", redirect_uri="https://service.example/"
            )
            return new_adapter(shifted)

        return new

    def settings(self, provider):
        return self.made

    def stranger(self, provider):
        return self.others

    def log_in(self, provider, url):
        return self.real.log_in(url)

    def withdraw(self, provider):
        self.real.steer(disable="zoe")

    def log_out(self, provider):
        return self.real.logout_token(self.made.client_id, "zoe")


def test_the_default_reaches_no_private_address(new_adapter, shifted, real, settings):
    guarded = new_adapter(shifted, guard=Guard())
    before = real.requests("/.well-known/openid-configuration")
    with pytest.raises(IdentityUnavailable):
        guarded.authorization_url(
            settings(real), state="s", nonce="n", verifier="v", company=COMPANY
        )
    assert real.requests("/.well-known/openid-configuration") == before
