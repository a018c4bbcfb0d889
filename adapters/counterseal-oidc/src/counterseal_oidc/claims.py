"""Claims: what an ID token and a logout token have to contain."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from counterseal.models import IdpSettings, Logout
from counterseal_oidc.errors import (
    ClaimMissing,
    ClaimUnverified,
    LogoutTokenInvalid,
    TokenAudience,
    TokenExpired,
    TokenHash,
    TokenIssuer,
    TokenNonce,
    TokenSubject,
    TokenTimes,
    TokenType,
)
from counterseal_oidc.jose import Token, half_hash
from counterseal_oidc.transport import is_text

LEEWAY = timedelta(seconds=60)
"""How much a provider's clock may differ."""

MAX_AGE = timedelta(minutes=10)
"""How long ago a token may have been issued; both kinds are used immediately."""

ID_TYPES = frozenset({"jwt"})
LOGOUT_TYPES = frozenset({"jwt", "logout+jwt"})
"""Back-Channel Logout 1.0, 2.4, recommends the second; older providers send the first."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

TEXT_LIMIT = 1_024
"""Characters of `sub`, `sid` and `jti`; OpenID Connect Core, 2, allows a subject 255."""

VERIFICATION_CLAIMS = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""The claim by which the provider says that it has verified the other (Core, 5.1)."""


def check_id_token(
    token: Token,
    settings: IdpSettings,
    now: datetime,
    *,
    nonce: str | None,
    access_token: str | None,
) -> None:
    """
    Check the claims of an ID token (OpenID Connect Core, 3.1.3.7).

    Args:
        token: The token, parsed and not verified.
        settings: The issuer and the client that it has to name.
        now: The time.
        nonce: The nonce of the log-in; None for a refresh (12.2).
        access_token: The access token in the same response.

    Raises:
        Unproven: A check fails; each has its own class.
    """
    _require_type(token, ID_TYPES)
    _require_parties(token, settings)
    _require_times(token, now)
    if "events" in token.claims:
        raise TokenType
    if nonce is not None and not _is_equal(token.claims.get("nonce"), nonce):
        raise TokenNonce
    at_hash = token.claims.get("at_hash")
    if at_hash is not None and not _is_equal(
        at_hash, half_hash(access_token or "", token.algorithm)
    ):
        raise TokenHash
    subject_of(token)


def read_logout(token: Token, settings: IdpSettings, now: datetime) -> Logout:
    """
    Check and return the claims of a logout token (Back-Channel Logout 1.0, 2.6).

    Raises:
        Unproven: A check fails; each has its own class.
    """
    _require_type(token, LOGOUT_TYPES)
    _require_parties(token, settings)
    issued, expires = _require_times(token, now)
    events = token.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise LogoutTokenInvalid
    if "nonce" in token.claims:
        raise TokenNonce
    subject, session = _text(token, "sub"), _text(token, "sid")
    jti = _text(token, "jti")
    if not jti or not (subject or session):
        raise LogoutTokenInvalid
    until = min(expires, issued + MAX_AGE) + LEEWAY
    return Logout(issuer=settings.issuer, subject=subject, session=session, jti=jti, until=until)


def subject_of(token: Token) -> str:
    """
    Return the subject of *token*.

    Raises:
        TokenSubject: It has none.
    """
    subject = _text(token, "sub")
    if not subject:
        raise TokenSubject
    return subject


def session_of(token: Token) -> str:
    """Return the session id, or an empty text."""
    return _text(token, "sid")


def account_id(claims: dict[str, Any], claim: str) -> str:
    """
    Return the account id, which is the value of *claim*.

    An email address or a telephone number is accepted only if the provider says that it has
    verified it, in any claim: users can change many of them at will.

    Raises:
        ClaimMissing: *claims* do not have it, or it is not a text.
        ClaimUnverified: It is an address that the provider has not verified.
    """
    value = claims.get(claim)
    if not is_text(value) or not value:
        raise ClaimMissing
    verified_by = VERIFICATION_CLAIMS.get(claim)
    if verified_by is None and "@" in value and claim != "sub":
        verified_by = "email_verified" if value == claims.get("email") else ""
    if verified_by is not None and claims.get(verified_by) is not True:
        raise ClaimUnverified
    return value


def _require_type(token: Token, types: frozenset[str]) -> None:
    kind = token.header.get("typ", "jwt")
    # RFC 7515, 4.1.9: `application/` may be left out, and case does not matter.
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types:
        raise TokenType


def _require_parties(token: Token, settings: IdpSettings) -> None:
    if token.claims.get("iss") != settings.issuer:
        raise TokenIssuer
    audience = token.claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if settings.client_id not in audiences:
        raise TokenAudience
    # With several audiences, `azp` has to say which client it was issued to: this one.
    if token.claims.get("azp", audiences[0] if len(audiences) == 1 else None) != settings.client_id:
        raise TokenAudience


def _require_times(token: Token, now: datetime) -> tuple[datetime, datetime]:
    issued, expires = _time(token, "iat"), _time(token, "exp")
    # LEEWAY is never added to a claim: the sum could exceed the largest datetime.
    if now - LEEWAY >= expires:
        raise TokenExpired
    if issued > now + LEEWAY or now - MAX_AGE - LEEWAY >= issued:
        raise TokenTimes
    if "nbf" in token.claims and _time(token, "nbf") > now + LEEWAY:
        raise TokenTimes
    return issued, expires


def _time(token: Token, name: str) -> datetime:
    value = token.claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenTimes
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenTimes from None


def _text(token: Token, name: str) -> str:
    value = token.claims.get(name, "")
    if not is_text(value) or len(value) > TEXT_LIMIT:
        raise TokenSubject
    return value


def _is_equal(claimed: object, expected: str) -> bool:
    return is_text(claimed) and hmac.compare_digest(claimed.encode(), expected.encode())
