"""
ID tokens: what the service signs about an approval (OpenID Connect Core, 2 and 3.1.3.7).

The receipt is among the claims. It says what the person was shown and signed, so it decides; the
token says that the service sends it to this client now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import Receipt, Refused, keys
from counterseal.models import Algorithm, Guid, PublicKey
from counterseal_client.errors import EvidenceRefused, require_evidence
from counterseal_client.trust import Trust

RECEIPT_CLAIM = "urn:counterseal:receipt"
AUTH_REQ_ID_CLAIM = "urn:openid:params:jwt:claim:auth_req_id"

LIMIT = 1_048_576
"""Characters; the receipt is the longest claim."""

LEEWAY = timedelta(seconds=30)
"""How much the clocks of the service and of this machine may differ."""

_HASHES = {Algorithm.EDDSA: hashlib.sha512}
"""The hash of `at_hash` by the algorithm of the token; SHA-256 for all others."""


@attrs.frozen(kw_only=True)
class Expected:
    """
    What an ID token has to say.

    Attributes:
        issuer: Who sends it.
        client_id: Whom it is for.
        account_id: The person who was asked.
        auth_req_id: The request that it answers.
        access_token: What came with it.
    """

    issuer: str
    client_id: Guid
    account_id: str
    auth_req_id: str = attrs.field(repr=False)
    access_token: str = attrs.field(repr=False)


def key_of(token: str, candidates: Iterable[PublicKey]) -> PublicKey | None:
    """
    Return the one of *candidates* that *token* names; None if there is none.

    Raises:
        EvidenceRefused: *token* is not a compact JWS.
    """
    kid = _parse(token).header.kid
    return next((key for key in candidates if key.kid == kid), None)


def verify_id_token(
    token: str, key: PublicKey, expected: Expected, *, now: datetime
) -> Mapping[str, Any]:
    """
    Return the claims of an ID token.

    Args:
        token: A compact JWS.
        key: The service's key that it names; its algorithm is the only one that is accepted.
        expected: What it has to say.
        now: The time.

    Raises:
        EvidenceRefused: It does not hold; the error names the claim.
    """
    jws = _parse(token)
    try:
        claims = keys.verify(jws, key, expected_typ="JWT")
    except Refused as refusal:
        raise EvidenceRefused(f"ID token: {refusal.code}") from None
    audience = claims.get("aud")
    own = {
        "iss": claims.get("iss") == expected.issuer,
        "aud": audience in (expected.client_id, [expected.client_id]),
        "azp": claims.get("azp", expected.client_id) == expected.client_id,
        "sub": claims.get("sub") == expected.account_id,
        "nonce": "nonce" not in claims,  # CIBA has none
        AUTH_REQ_ID_CLAIM: claims.get(AUTH_REQ_ID_CLAIM, expected.auth_req_id)
        == expected.auth_req_id,
        "at_hash": _fits(claims.get("at_hash"), expected.access_token, key),
    }
    for name, holds in own.items():
        require_evidence(holds, f"ID token: {name}")
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    require_evidence(_time(claims, "exp") > seconds - leeway, "ID token: exp")
    require_evidence(_time(claims, "iat") <= seconds + leeway, "ID token: iat")
    return claims


def verify_claimed_receipt(claims: Mapping[str, Any], expected: Expected, trust: Trust) -> Receipt:
    """
    Return the receipt in *claims*, verified: the approval of the person who was asked.

    Raises:
        EvidenceRefused: There is none, it does not hold, or it is about another person or origin.
    """
    text = claims.get(RECEIPT_CLAIM)
    if not isinstance(text, str):
        raise EvidenceRefused("ID token: no receipt")
    receipt = trust.verify(text)
    display = receipt.display
    require_evidence(receipt.approved, "receipt: approved")
    require_evidence(display["account"]["id"] == expected.account_id, "receipt: account")
    require_evidence(display["origin"]["guid"] == expected.client_id, "receipt: origin")
    at = int(receipt.at.timestamp())
    require_evidence(_time(claims, "auth_time") == at, "ID token: auth_time")
    return receipt


def _parse(token: str) -> keys.Jws:
    try:
        return keys.read(token, limit=LIMIT)
    except Refused as refusal:
        raise EvidenceRefused(f"ID token: {refusal.code}") from None


def _fits(claimed: object, access_token: str, key: PublicKey) -> bool:
    if claimed is None and key.algorithm is Algorithm.ML_DSA_44:
        return True  # no standard says which hash belongs to it
    digest = _HASHES.get(key.algorithm, hashlib.sha256)(access_token.encode()).digest()
    return claimed == keys.b64url(digest[: len(digest) // 2])


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvidenceRefused(f"ID token: {name}")
    return float(value)


class IssuerKeys:
    """
    The service's keys: pinned, or else fetched from the issuer, and again for a new one.

    Args:
        pinned_trust: The keys that the program trusts; None to trust the issuer, which TLS
            authenticates.
        fetch: Returns the keys that the issuer publishes now.
    """

    def __init__(
        self, pinned_trust: Trust | None, fetch: Callable[[], tuple[PublicKey, ...]]
    ) -> None:
        self._pinned_trust = pinned_trust
        self._fetch = fetch
        self._issuer_keys: tuple[PublicKey, ...] = ()

    @property
    def trust(self) -> Trust:
        """What proves a receipt; call it after `key_of`, which fetches the keys."""
        return self._pinned_trust or Trust(keys=self._issuer_keys)

    def key_of(self, id_token: str) -> PublicKey:
        """
        Return the key that an ID token names.

        Raises:
            EvidenceRefused: It is no key of the service, or *id_token* is not a compact JWS.
            RequestRefused, Unavailable: The keys cannot be fetched.
        """
        pinned_keys = () if self._pinned_trust is None else self._pinned_trust.keys
        key = key_of(id_token, pinned_keys or self._issuer_keys)
        if key is None and not pinned_keys:
            self._issuer_keys = self._fetch_trusted()
            key = key_of(id_token, self._issuer_keys)
        if key is None:
            raise EvidenceRefused("ID token: an unknown key")
        return key

    def _fetch_trusted(self) -> tuple[PublicKey, ...]:
        keys = self._fetch()
        if self._pinned_trust is None:
            return keys
        return tuple(key for key in keys if key.thumbprint == self._pinned_trust.thumbprint)
