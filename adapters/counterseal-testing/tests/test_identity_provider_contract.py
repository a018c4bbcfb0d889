"""Identity Providers that break a clause each, caught by `IdentityProviderContract`."""

import attrs
import pytest
from broken_adapters import BrokenAdapters
from fake_contracts import CanLogIn

from counterseal.errors import IdentityWithdrawn
from counterseal_testing import FakeIdentityProvider, ScriptedEntropy


def providers(kind):
    return lambda: kind(ScriptedEntropy())


BROKEN = BrokenAdapters(CanLogIn(), FakeIdentityProvider, providers)
breaks = BROKEN.breaks


@breaks("IDP-1")
class SendsTheVerifier(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        url = super().authorization_url(
            settings, state=state, nonce=nonce, verifier=verifier, company=company
        )
        return f"{url}&code_verifier={verifier}"


@breaks("IDP-1")
class MixesUpStateAndNonce(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        return super().authorization_url(
            settings, state=nonce, nonce=state, verifier=verifier, company=company
        )


def _believes(**believed):
    class Believes(FakeIdentityProvider):
        def exchange(self, settings, *, company, code, nonce, verifier, issuer):
            grant = self._codes.get(code)
            if grant is not None:
                changes = {
                    name: value(nonce, verifier, settings) for name, value in believed.items()
                }
                self._codes[code] = attrs.evolve(grant, **changes)
            return super().exchange(
                settings, code=code, nonce=nonce, verifier=verifier, issuer=issuer, company=company
            )

    return Believes


class IgnoresTheNonce(_believes(nonce=lambda nonce, _, __: nonce)):
    pass


class IgnoresTheClient(_believes(client_id=lambda _, __, settings: settings.client_id)):
    pass


class IgnoresTheVerifier(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        return super().authorization_url(
            settings, state=state, nonce=nonce, verifier="same", company=company
        )

    def exchange(self, settings, *, company, code, nonce, verifier, issuer):
        return super().exchange(
            settings, code=code, nonce=nonce, verifier="same", issuer=issuer, company=company
        )


class LetsACodeServeTwice(FakeIdentityProvider):
    def exchange(self, settings, *, code, **claims):
        grant = self._codes.get(code)
        result = super().exchange(settings, code=code, **claims)
        self._codes[code] = grant
        return result


for kind in (IgnoresTheNonce, IgnoresTheClient, IgnoresTheVerifier, LetsACodeServeTwice):
    breaks("IDP-2")(kind)


@breaks("IDP-3")
class IgnoresTheIssuer(FakeIdentityProvider):
    def exchange(self, settings, *, issuer, **claims):
        return super().exchange(settings, issuer=None, **claims)


@breaks("IDP-4")
class NeverWithdraws(FakeIdentityProvider):
    def revalidate(self, settings, identity, *, company):
        try:
            return super().revalidate(settings, identity, company=company)
        except IdentityWithdrawn:
            return identity


@breaks("IDP-4")
class ConfirmsSomebodyElse(FakeIdentityProvider):
    def revalidate(self, settings, identity, *, company):
        result = super().revalidate(settings, identity, company=company)
        return attrs.evolve(result, subject=result.subject.upper())


@breaks("IDP-5")
class BelievesAnyLogout(FakeIdentityProvider):
    def read_logout(self, settings, token, *, company):
        self._logouts.setdefault(token, "zoe")
        return super().read_logout(settings, token, company=company)


@breaks("IDP-5")
class LogsOutSomebodyElse(FakeIdentityProvider):
    def read_logout(self, settings, token, *, company):
        return attrs.evolve(super().read_logout(settings, token, company=company), subject="adam")


@breaks("IDP-6")
class NeverLetsGo(FakeIdentityProvider):
    def revoke_grant(self, settings, identity, *, company):
        pass


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_provider_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_provider_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_provider_has_a_broken_one():
    BROKEN.require_every_clause("IDP", "ALL-1")
