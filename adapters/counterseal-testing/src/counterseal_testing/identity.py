"""
An Identity Provider in memory that really checks: state, nonce and PKCE are not for show.

A log-in goes as in a browser: `authorization_url` says where to, `log_in` is the user at the
provider, and what it returns is what the browser carries back.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import Guid, Identity, IdpSettings, Logout
from counterseal.ports import Entropy
from counterseal_testing.clock import START

ISSUER = "https://idp.example"
APP_RETURN = "com.example.app:/login"
CODE_BYTES = 16
LOGOUT_TOKEN_LIFE = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Return:
    """What the browser brings back from the provider."""

    state: str = attrs.field(repr=False)
    code: str = attrs.field(repr=False)
    issuer: str


@attrs.frozen(kw_only=True)
class _Grant:
    subject: str
    client_id: str
    nonce: str
    challenge: str


class FakeIdentityProvider:
    """
    One provider with users that can be withdrawn.

    Args:
        entropy: Makes codes and grants.
        issuer: Its name in identities.

    Attributes:
        down: Whether it does not answer.
        names_sessions: Whether it names the session in which a user logs in.
    """

    def __init__(self, entropy: Entropy, *, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.down = False
        self.names_sessions = False
        self._entropy = entropy
        self._users: dict[str, bool] = {}
        self._codes: dict[str, _Grant] = {}
        self._grants: dict[bytes, str] = {}
        self._account_ids: dict[str, str] = {}
        self._sessions: dict[str, str] = {}
        self._logouts: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def settings(self, client_id: str = "counterseal") -> IdpSettings:
        """Return settings for an App Space whose users this provider knows."""
        return IdpSettings(
            issuer=self.issuer,
            client_id=client_id,
            redirect_uri="https://service.example/idp",
            returns=(APP_RETURN,),
        )

    def admit(self, subject: str, *, account_id: str | None = None) -> None:
        """
        Know a user, or vouch again for one that was withdrawn.

        Args:
            subject: The user.
            account_id: What its claim says, where that is not the subject; None leaves it.
        """
        self._users[subject] = True
        if account_id is not None:
            self._account_ids[subject] = account_id

    def withdraw(self, subject: str) -> None:
        """Vouch no longer for a user."""
        self._users[subject] = False

    def log_in(self, url: str, subject: str) -> Return:
        """
        Be the user's browser: follow *url*, log in as *subject*, and come back.

        Raises:
            IdentityWithdrawn: The provider does not know the user, or no longer.
            ValueError: *url* is not one of `authorization_url`.
        """
        if not self._users.get(subject):
            raise IdentityWithdrawn
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if query.get("code_challenge_method") != "S256" or query.get("response_type") != "code":
            message = "not an address of the code flow with PKCE"
            raise ValueError(message)
        code = self._secret()
        with self._lock:
            self._codes[code] = _Grant(
                subject=subject,
                client_id=query["client_id"],
                nonce=query["nonce"],
                challenge=query["code_challenge"],
            )
        return Return(state=query["state"], code=code, issuer=self.issuer)

    def log_out(self, subject: str, *, nameless: bool = False) -> str:
        """
        Return the logout token that the provider sends when a user logs out.

        Args:
            subject: The user.
            nameless: Whether it names the user's newest session alone, and not the user.
        """
        token = self._secret()
        with self._lock:
            session = self._sessions.get(subject, "")
            self._logouts[token] = ("" if nameless else subject, session)
        return token

    def authorization_url(
        self,
        settings: IdpSettings,
        *,
        company: Guid,  # noqa: ARG002
        state: str,
        nonce: str,
        verifier: str,
    ) -> str:
        """
        Return where to send the user.

        Raises:
            IdentityUnavailable: It is `down`.
        """
        self._answer()
        query = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.redirect_uri,
            "scope": " ".join(settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(query)}"

    def exchange(
        self,
        settings: IdpSettings,
        *,
        company: Guid,  # noqa: ARG002
        code: str,
        nonce: str,
        verifier: str,
        issuer: str | None,
    ) -> Identity:
        """
        Exchange *code*, which serves once, for the user's identity.

        Raises:
            IdentityWithdrawn: The code is unknown, used or another client's; nonce, verifier
                or issuer do not fit; or the user was withdrawn.
            IdentityUnavailable: It is `down`.
        """
        self._answer()
        with self._lock:
            grant = self._codes.pop(code, None)
        fits = (
            grant is not None
            and grant.client_id == settings.client_id
            and grant.nonce == nonce
            and grant.challenge == _s256(verifier)
            and issuer in {None, self.issuer}
        )
        if grant is None or not fits:
            raise IdentityWithdrawn
        if self.names_sessions:
            with self._lock:
                self._sessions[grant.subject] = self._secret()
        return self._identity(grant.subject)

    def revalidate(
        self,
        settings: IdpSettings,
        identity: Identity,
        *,
        company: Guid,  # noqa: ARG002
    ) -> Identity:
        """
        Tell whether the user is still known.

        Raises:
            IdentityWithdrawn: The user was withdrawn, or the grant is none.
            IdentityUnavailable: It is `down`.
        """
        self._answer()
        ours = settings.issuer == identity.issuer == self.issuer
        if not ours or self._grants.get(identity.grant) != identity.subject:
            raise IdentityWithdrawn
        return self._identity(identity.subject)

    def read_logout(
        self,
        settings: IdpSettings,
        token: str,
        *,
        company: Guid,  # noqa: ARG002
    ) -> Logout:
        """
        Read a token of `log_out`.

        Raises:
            IdentityWithdrawn: It is none.
            IdentityUnavailable: It is `down`.
        """
        self._answer()
        logout = self._logouts.get(token)
        if logout is None or settings.issuer != self.issuer:
            raise IdentityWithdrawn
        subject, session = logout
        until = START + LOGOUT_TOKEN_LIFE
        return Logout(issuer=self.issuer, subject=subject, session=session, jti=token, until=until)

    def revoke_grant(
        self,
        settings: IdpSettings,  # noqa: ARG002
        identity: Identity,
        *,
        company: Guid,  # noqa: ARG002
    ) -> None:
        """
        Forget the grant.

        Raises:
            IdentityUnavailable: It is `down`.
        """
        self._answer()
        with self._lock:
            self._grants.pop(identity.grant, None)

    def _identity(self, subject: str) -> Identity:
        if not self._users.get(subject):
            raise IdentityWithdrawn
        grant = self._secret().encode()
        with self._lock:
            self._grants[grant] = subject
        return Identity(
            issuer=self.issuer,
            subject=subject,
            account_id=self._account_ids.get(subject, subject),
            session=self._sessions.get(subject, ""),
            grant=grant,
        )

    def _answer(self) -> None:
        if self.down:
            raise IdentityUnavailable

    def _secret(self) -> str:
        return self._entropy.token(CODE_BYTES).hex()


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
