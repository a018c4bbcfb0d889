"""Client authentication of OAuth: a secret, or an assertion of a key (OpenID Connect Core, 9)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

from counterseal.credentials.documents import write_basic
from counterseal.keys import SigningKey, sign
from counterseal.models import Guid

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

ASSERTION_LIFE = 60
"""Seconds for which an assertion is valid."""


@attrs.frozen
class Proof:
    """What authenticates one attempt: headers, and parameters of its form."""

    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    parameters: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)


class ClientAuthentication(Protocol):
    """How a client authenticates itself."""

    def prove(self, client_id: Guid, issuer: str, *, now: datetime, nonce: str) -> Proof:
        """
        Return what authenticates one attempt.

        Args:
            client_id: The client.
            issuer: Whom the proof is for.
            now: The time.
            nonce: A random text that no other attempt has.
        """


@attrs.frozen
class BySecret:
    """By the origin's Basic secret: `client_secret_basic`."""

    secret: str = attrs.field(repr=False)

    def prove(self, client_id: Guid, issuer: str, *, now: datetime, nonce: str) -> Proof:  # noqa: ARG002 (as of the protocol)
        """Return the header, as of `ClientAuthentication`."""
        return Proof(headers=(("authorization", write_basic(self.secret, guid=client_id)),))


@attrs.frozen
class ByKey:
    """By a key whose public part the service has: `private_key_jwt` (RFC 7523)."""

    key: SigningKey = attrs.field(repr=False)

    def prove(self, client_id: Guid, issuer: str, *, now: datetime, nonce: str) -> Proof:
        """Return an assertion, as of `ClientAuthentication`."""
        created = int(now.timestamp())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": nonce,
            "iat": created,
            "exp": created + ASSERTION_LIFE,
        }
        assertion = sign(self.key, typ="JWT", claims=claims)
        return Proof(
            parameters=(
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion),
            )
        )
