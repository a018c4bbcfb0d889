"""Claims: what an ID token and a logout token have to say, and to whom."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from counterseal.models import IdpSettings, Logout
from counterseal_oidc.errors import (
    ClaimMissing,
    ClaimUnverified,
    NoLogout,
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

LEEWAY = timedelta(seconds=60)
"""How far a provider's clock may be off."""

OLDEST = timedelta(minutes=10)
"""How long ago a token may have been issued; both kinds are used at once."""

ID_TYPES = frozenset({"jwt"})
LOGOUT_TYPES = frozenset({"jwt", "logout+jwt"})
"""Back-Channel Logout 1.0, 2.4, recommends the second; an older provider may say the first."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

TEXT_LIMIT = 1_024
"""Characters of `sub`, `sid` and `jti`; OpenID Connect Core, 2, allows a subject 255."""

VERIFIED = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""Claims that count only with a word that the provider has verified them (Core, 5.1)."""


_HALF = re.compile("[\ud800-\udfff]")


def check_id_token(
    token: Token,
    settings: IdpSettings,
    now: datetime,
    *,
    nonce: str | None,
    access_token: str | None,
) -> None:
    """
    Check what an ID token claims (OpenID Connect Core, 3.1.3.7).

    Args:
        token: Read, and not believed.
        settings: Whose it has to be, and for whom.
        now: The time.
        nonce: Of the log-in that it answers; None where it answers a refresh (12.2).
        access_token: That came with it.

    Raises:
        Unproven: It does not say what it has to; each way has its own class.
    """
    _demand_type(token, ID_TYPES)
    _demand_parties(token, settings)
    _demand_times(token, now)
    if "events" in token.claims:
        raise TokenType
    if nonce is not None and not _same(token.claims.get("nonce"), nonce):
        raise TokenNonce
    named = token.claims.get("at_hash")
    if named is not None and not _same(named, half_hash(access_token or "", token.algorithm)):
        raise TokenHash
    subject_of(token)


def read_logout(token: Token, settings: IdpSettings, now: datetime) -> Logout:
    """
    Check what a logout token claims (OpenID Connect Back-Channel Logout 1.0, 2.6).

    Raises:
        Unproven: It does not say what it has to; each way has its own class.
    """
    _demand_type(token, LOGOUT_TYPES)
    _demand_parties(token, settings)
    issued, ends = _demand_times(token, now)
    events = token.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise NoLogout
    if "nonce" in token.claims:
        raise TokenNonce
    subject, session = _text(token, "sub"), _text(token, "sid")
    jti = _text(token, "jti")
    if not jti or not (subject or session):
        raise NoLogout
    until = min(ends, issued + OLDEST) + LEEWAY
    return Logout(issuer=settings.issuer, subject=subject, session=session, jti=jti, until=until)


def subject_of(token: Token) -> str:
    """
    Return the subject.

    Raises:
        TokenSubject: There is none.
    """
    subject = _text(token, "sub")
    if not subject:
        raise TokenSubject
    return subject


def session_of(token: Token) -> str:
    """Return the session's name, or nothing."""
    return _text(token, "sid")


def account_id(claims: dict[str, Any], claim: str) -> str:
    """
    Return what the claim says.

    An address by mail or telephone counts only if the provider says that it has verified it,
    in whatever claim it stands: in many of them users can write what they like.

    Raises:
        ClaimMissing: It is not there, or no text.
        ClaimUnverified: It is an address that the provider has not verified.
    """
    value = claims.get(claim)
    if not _is_text(value) or not value:
        raise ClaimMissing
    proof = VERIFIED.get(claim)
    if proof is None and "@" in value and claim != "sub":
        proof = "email_verified" if value == claims.get("email") else ""
    if proof is not None and claims.get(proof) is not True:
        raise ClaimUnverified
    return value


def _demand_type(token: Token, types: frozenset[str]) -> None:
    kind = token.header.get("typ", "jwt")
    # RFC 7515, 4.1.9: `application/` may be left out, and case does not matter.
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types:
        raise TokenType


def _demand_parties(token: Token, settings: IdpSettings) -> None:
    if token.claims.get("iss") != settings.issuer:
        raise TokenIssuer
    audience = token.claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if settings.client_id not in listed:
        raise TokenAudience
    # Several audiences need a word on whom it was issued to, and that has to be us.
    if token.claims.get("azp", listed[0] if len(listed) == 1 else None) != settings.client_id:
        raise TokenAudience


def _demand_times(token: Token, now: datetime) -> tuple[datetime, datetime]:
    issued, ends = _moment(token, "iat"), _moment(token, "exp")
    # What is claimed may lie so far off that nothing can be added to it.
    if now - LEEWAY >= ends:
        raise TokenExpired
    if issued > now + LEEWAY or now - OLDEST - LEEWAY >= issued:
        raise TokenTimes
    if "nbf" in token.claims and _moment(token, "nbf") > now + LEEWAY:
        raise TokenTimes
    return issued, ends


def _moment(token: Token, name: str) -> datetime:
    value = token.claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenTimes
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenTimes from None


def _text(token: Token, name: str) -> str:
    value = token.claims.get(name, "")
    if not _is_text(value) or len(value) > TEXT_LIMIT:
        raise TokenSubject
    return value


def _is_text(value: object) -> TypeGuard[str]:
    # JSON can hold half a surrogate pair, which no store and no comparison takes.
    return isinstance(value, str) and not _HALF.search(value)


def _same(claimed: object, expected: str) -> bool:
    return _is_text(claimed) and hmac.compare_digest(claimed.encode(), expected.encode())
