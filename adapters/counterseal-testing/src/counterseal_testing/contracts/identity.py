"""The contract of `IdentityProvider`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import partial
from typing import ClassVar, TypeAlias
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal.errors import IdentityWithdrawn
from counterseal.models import Identity, IdpSettings
from counterseal.models.guid import mint
from counterseal.ports import IdentityProvider
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.summary import Contract
from counterseal_testing.identity import ISSUER, Return

NewIdentityProvider: TypeAlias = Callable[[], IdentityProvider]
"""Makes an adapter of a provider that knows the user `zoe`."""

COMPANY = mint(0, bytes(15))
STATE, NONCE = "state & state", "nonce = nonce"
VERIFIER = f"verifier-of-{SECRET}-with-enough-characters"


class IdentityProviderContract(Contract):
    """
    What every Identity Provider keeps.

    Attributes:
        knows_users: Whether `log_in` logs the user in.
        can_withdraw: Whether `withdraw` stops the vouching.
        can_log_out: Whether `log_out` gives the token that the provider sends.
        can_revoke: Whether the provider takes a grant back.
    """

    knows_users: ClassVar[bool] = False
    can_withdraw: ClassVar[bool] = False
    can_log_out: ClassVar[bool] = False
    can_revoke: ClassVar[bool] = False

    @pytest.fixture
    def new_identity_provider(self) -> NewIdentityProvider:
        """
        Return a factory of providers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_identity_provider`: it returns a factory")

    @pytest.fixture
    def broken_identity_provider(self) -> NewIdentityProvider | None:
        """Return a factory of providers that do not answer, if there can be one."""
        return None

    def settings(self, provider: IdentityProvider) -> IdpSettings:  # noqa: ARG002 (for authors)
        """Return settings under which *provider* serves."""
        return IdpSettings(
            issuer=ISSUER, client_id="counterseal", redirect_uri="https://service.example/idp"
        )

    def stranger(self, provider: IdentityProvider) -> IdpSettings:
        """Return settings under which *provider* serves another client."""
        return attrs.evolve(self.settings(provider), client_id="stranger")

    def log_in(self, provider: IdentityProvider, url: str) -> Return:
        """
        Be the browser of the user `zoe`: follow *url*, log in, and come back.

        Raises:
            NotImplementedError: `knows_users` is true, and the author did not say how.
        """
        raise NotImplementedError

    def withdraw(self, provider: IdentityProvider) -> None:
        """
        Vouch no longer for `zoe`.

        Raises:
            NotImplementedError: `can_withdraw` is true, and the author did not say how.
        """
        raise NotImplementedError

    def log_out(self, provider: IdentityProvider) -> str:
        """
        Log `zoe` out at the provider, and return the logout token that it sends.

        Raises:
            NotImplementedError: `can_log_out` is true, and the author did not say how.
        """
        raise NotImplementedError

    def test_idp_1_sends_state_nonce_and_challenge(
        self, new_identity_provider: NewIdentityProvider
    ) -> None:
        """IDP-1."""
        needs(self, "knows_users", "IDP-1")
        url = self._url(new_identity_provider())
        parameters = parse_qs(urlsplit(url).query)
        digest = hashlib.sha256(VERIFIER.encode()).digest()

        assert parameters["state"] == [STATE]
        assert parameters["nonce"] == [NONCE]
        assert parameters["code_challenge_method"] == ["S256"]
        expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert parameters["code_challenge"] == [expected]
        assert SECRET not in url, "the verifier itself was sent"

    def test_idp_2_exchanges_a_code(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-2."""
        needs(self, "knows_users", "IDP-2")
        provider = new_identity_provider()

        first, second = self._identity(provider), self._identity(provider)

        assert first.issuer == self.settings(provider).issuer
        assert (first.issuer, first.subject) == (second.issuer, second.subject)

    @pytest.mark.parametrize("wrong", ["nonce", "verifier", "code"])
    def test_idp_2_refuses_what_does_not_fit(
        self, new_identity_provider: NewIdentityProvider, wrong: str
    ) -> None:
        """IDP-2."""
        needs(self, "knows_users", "IDP-2")
        provider = new_identity_provider()
        back = self.log_in(provider, self._url(provider))
        parameters = {"code": back.code, "nonce": NONCE, "verifier": VERIFIER}
        first, rest = parameters[wrong][:1], parameters[wrong][1:]
        parameters[wrong] = ("x" if first != "x" else "y") + rest

        with pytest.raises(IdentityWithdrawn):
            provider.exchange(
                self.settings(provider), issuer=back.issuer, company=COMPANY, **parameters
            )

    def test_idp_2_refuses_another_client(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-2."""
        needs(self, "knows_users", "IDP-2")
        provider = new_identity_provider()
        back = self.log_in(provider, self._url(provider))

        with pytest.raises(IdentityWithdrawn):
            self._exchange(provider, back, settings=self.stranger(provider))

    def test_idp_2_a_code_serves_once(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-2."""
        needs(self, "knows_users", "IDP-2")
        provider = new_identity_provider()
        back = self.log_in(provider, self._url(provider))
        self._exchange(provider, back)

        with pytest.raises(IdentityWithdrawn):
            self._exchange(provider, back)

    def test_idp_3_refuses_another_issuer(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-3."""
        needs(self, "knows_users", "IDP-3")
        provider = new_identity_provider()
        back = self.log_in(provider, self._url(provider))

        with pytest.raises(IdentityWithdrawn):
            self._exchange(provider, attrs.evolve(back, issuer="https://mix-up.example"))

    def test_idp_4_confirms_the_same_user(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-4: with whatever grant came back the last time."""
        needs(self, "knows_users", "IDP-4")
        provider = new_identity_provider()
        identity = self._identity(provider)
        for _ in range(3):
            again = provider.revalidate(self.settings(provider), identity, company=COMPANY)

            assert (again.issuer, again.subject) == (identity.issuer, identity.subject)
            identity = again

    def test_idp_4_refuses_who_was_withdrawn(
        self, new_identity_provider: NewIdentityProvider
    ) -> None:
        """IDP-4."""
        needs(self, "can_withdraw", "IDP-4")
        provider = new_identity_provider()
        identity = self._identity(provider)
        self.withdraw(provider)

        with pytest.raises(IdentityWithdrawn):
            provider.revalidate(self.settings(provider), identity, company=COMPANY)

    def test_idp_5_reads_a_logout(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-5."""
        needs(self, "can_log_out", "IDP-5")
        provider = new_identity_provider()
        identity = self._identity(provider)
        token = self.log_out(provider)

        logout = provider.read_logout(self.settings(provider), token, company=COMPANY)

        assert logout.issuer == identity.issuer
        assert logout.subject == identity.subject or logout.session == identity.session != ""
        assert logout == provider.read_logout(self.settings(provider), token, company=COMPANY)

    def test_idp_5_refuses_what_is_no_logout_token(
        self, new_identity_provider: NewIdentityProvider
    ) -> None:
        """IDP-5."""
        needs(self, "can_log_out", "IDP-5")
        provider = new_identity_provider()
        self._identity(provider)
        token = self.log_out(provider)

        for forged in ("", "a.b.c", token[:-2], f"x{token}", "." * 3_000):
            with pytest.raises(IdentityWithdrawn):
                provider.read_logout(self.settings(provider), forged, company=COMPANY)

    def test_idp_6_revokes_the_grant(self, new_identity_provider: NewIdentityProvider) -> None:
        """IDP-6."""
        needs(self, "can_revoke", "IDP-6")
        provider = new_identity_provider()
        identity = self._identity(provider)
        for _ in range(2):
            provider.revoke_grant(self.settings(provider), identity, company=COMPANY)

        with pytest.raises(IdentityWithdrawn):
            provider.revalidate(self.settings(provider), identity, company=COMPANY)

    def test_all_1_only_unavailable_leaves(
        self, broken_identity_provider: NewIdentityProvider | None
    ) -> None:
        """ALL-1."""
        if broken_identity_provider is None:
            skip_without_broken()
            return
        provider = broken_identity_provider()
        settings = self.settings(provider)
        identity = Identity(issuer=settings.issuer, subject="zoe", grant=b"grant")
        back = Return(state=STATE, code="code", issuer=settings.issuer)
        only_unavailable_leaves(
            {
                "authorization_url": lambda: self._url(provider),
                "exchange": lambda: self._exchange(provider, back),
                "revalidate": lambda: provider.revalidate(settings, identity, company=COMPANY),
                "read_logout": lambda: provider.read_logout(settings, "a.b.c", company=COMPANY),
                "revoke_grant": lambda: provider.revoke_grant(settings, identity, company=COMPANY),
            }
        )

    def test_all_2_serves_many_threads_at_once(
        self, new_identity_provider: NewIdentityProvider
    ) -> None:
        """ALL-2."""
        needs(self, "knows_users", "ALL-2")
        provider = new_identity_provider()

        identities = results(race([partial(self._identity, provider)] * 6))

        assert len({(identity.issuer, identity.subject) for identity in identities}) == 1

    def test_all_3_logs_no_secret(self, new_identity_provider: NewIdentityProvider) -> None:
        """ALL-3."""
        needs(self, "knows_users", "ALL-3")
        with no_secret_is_logged():
            self._identity(new_identity_provider())

    def _url(self, provider: IdentityProvider) -> str:
        return provider.authorization_url(
            self.settings(provider), state=STATE, nonce=NONCE, verifier=VERIFIER, company=COMPANY
        )

    def _exchange(
        self, provider: IdentityProvider, back: Return, *, settings: IdpSettings | None = None
    ) -> Identity:
        return provider.exchange(
            settings or self.settings(provider),
            code=back.code,
            nonce=NONCE,
            verifier=VERIFIER,
            issuer=back.issuer,
            company=COMPANY,
        )

    def _identity(self, provider: IdentityProvider) -> Identity:
        return self._exchange(provider, self.log_in(provider, self._url(provider)))
