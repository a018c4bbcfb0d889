"""Registrations of passkeys: what a browser returns, and what is known once it is verified."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models.device_key import Algorithm
from counterseal.models.fields import count
from counterseal.models.passkeys import Passkey

CREATE_CLIENT_DATA_LIMIT = 4_096
"""Bytes; as of the client data of an assertion."""
ATTESTATION_OBJECT_LIMIT = 32_768
"""Bytes; those of TPMs have some 5,000, most of them in certificates."""


@attrs.frozen(kw_only=True)
class RegistrationResponse:
    """
    What `navigator.credentials.create()` returned; everything in it is a claim.

    Attributes:
        client_data: `clientDataJSON` (WebAuthn Level 3, 5.8.1).
        attestation_object: `attestationObject` (6.5.4), in CBOR.

    Raises:
        InvalidField: A member is empty or too large.
    """

    client_data: bytes = attrs.field(repr=False)
    attestation_object: bytes = attrs.field(repr=False)

    @client_data.validator
    def _short_client_data(self, _: Any, value: bytes) -> None:
        if not 1 <= len(value) <= CREATE_CLIENT_DATA_LIMIT:
            raise InvalidField("clientDataJSON", f"not 1 to {CREATE_CLIENT_DATA_LIMIT} bytes")

    @attestation_object.validator
    def _short_object(self, _: Any, value: bytes) -> None:
        if not 1 <= len(value) <= ATTESTATION_OBJECT_LIMIT:
            raise InvalidField("attestationObject", f"not 1 to {ATTESTATION_OBJECT_LIMIT} bytes")


@attrs.frozen(kw_only=True)
class RegisteredPasskey:
    """
    A passkey whose registration was verified.

    Attributes:
        algorithm: Of its assertions.
        jwk: The public JWK (RFC 7517) in canonical JSON, required members only. Whether the key is
            strong enough is decided where it is bound.
        passkey: What it is pinned to; it has an `aaguid` only if an attestation has proven it.
        attestation_format: `none`, `packed` and so on (WebAuthn Level 3, 8).
        backed_up: Whether it is copied to other devices now (BS).
        sign_count: The authenticator's counter, for the audit log.
    """

    algorithm: Algorithm
    jwk: str
    passkey: Passkey
    attestation_format: str
    backed_up: bool
    sign_count: int = attrs.field(validator=count)
