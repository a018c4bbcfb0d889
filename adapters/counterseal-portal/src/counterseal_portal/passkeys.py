"""Passkeys: what a page gives the browser, and what the browser's form brings back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from counterseal import PasskeyStart, keys
from counterseal.ceremonies.documents import COSE_ALGORITHMS, UsedPasskey, read_created, read_used
from counterseal.errors import InvalidField
from counterseal.models import Algorithm, RegistrationResponse, user_handle

CREDENTIAL = "credential"
"""The field of a form in which a script puts the browser's answer, as JSON."""
TICKET = "ticket"
"""The field with the ticket of the authentication that the page began."""

RELYING_PARTY = "Counterseal"
"""What browsers call the portal."""


def creation_options(start: PasskeyStart, algorithms: frozenset[Algorithm]) -> str:
    """Return the options of `create()`, as JSON with base64url (WebAuthn Level 3, 5.4)."""
    return json.dumps(
        {
            "rp": {"id": start.rp_id, "name": RELYING_PARTY},
            "user": {
                "id": keys.b64url(user_handle(start.account)),
                "name": start.admin.name,
                "displayName": start.admin.name,
            },
            "challenge": keys.b64url(start.challenge),
            "pubKeyCredParams": [
                {"type": "public-key", "alg": number}
                for algorithm, number in COSE_ALGORITHMS.items()
                if algorithm in algorithms
            ],
            "timeout": start.life // timedelta(milliseconds=1),
            "excludeCredentials": [
                {"type": "public-key", "id": credential} for credential in start.registered
            ],
            # Nobody types a name at the log-in: the passkey says whose it is.
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": start.conveyance,
        }
    )


def request_options(challenge: bytes, rp_id: str, life: timedelta) -> str:
    """Return the options of `get()`, as JSON with base64url (WebAuthn Level 3, 5.5)."""
    return json.dumps(
        {
            "challenge": keys.b64url(challenge),
            "timeout": life // timedelta(milliseconds=1),
            "rpId": rp_id,
            "userVerification": "required",
        }
    )


def created_passkey(body: Mapping[str, Sequence[str]]) -> RegistrationResponse:
    """
    Return what `create()` returned.

    Raises:
        InvalidField: The form has no such answer.
    """
    return read_created({CREDENTIAL: _field(body, CREDENTIAL)})


def used_passkey(body: Mapping[str, Sequence[str]]) -> tuple[str, UsedPasskey]:
    """
    Return the ticket, and what `get()` returned.

    Raises:
        InvalidField: The form has no such answer.
    """
    return _field(body, TICKET), read_used({CREDENTIAL: _field(body, CREDENTIAL)})


def _field(body: Mapping[str, Sequence[str]], name: str) -> str:
    values = body.get(name, ())
    if len(values) != 1 or not values[0]:
        raise InvalidField(name, "missing: this page needs JavaScript and a passkey")
    return values[0]
