"""
Ceremonies: the WebAuthn calls of an origin, as clients of the Privakey CX service make them.

| call | body | reply |
|---|---|---|
| `account/webauthn/bind` | `accountId`, `userInfo`, `domain` | `registrationOptions` |
| `account/webauthn/register` | `accountId`, `credential` | `deviceGuid`, `message` |
| `request/webauthn/authenticate` | `accountId`, `domain` | `requestGuid`, `assertionOptions` |
| `request/webauthn/finishAuthentication` | the same | `requestGuid`, `deviceGuid` |

All but the third also reply `privakeyId`.

- `userInfo` is a text of JSON, an object that has `name` and `displayName`; it is stored whole.
- Options are what `PublicKeyCredential.parseCreationOptionsFromJSON` and
  `parseRequestOptionsFromJSON` read (WebAuthn Level 3, 5.1.9 and 5.1.10).
- `credential` is what a credential's `toJSON` returns (5.1.8), or the text of it. Browsers have
  more members than are read here, and may add some: these are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal import ijson
from counterseal.ceremonies.records import ATTESTATION_OBJECT_LIMIT, user_handle
from counterseal.challenges.documents.question import read_user_info
from counterseal.errors import InvalidField, MalformedToken
from counterseal.keys import AssertionParts, b64url, challenge_of, unb64url
from counterseal.keys.passkeys import (
    AUTHENTICATOR_DATA_BYTES,
    CLIENT_DATA_LIMIT,
    CREDENTIAL_ID_LIMIT,
    SIGNATURE_LIMIT,
)
from counterseal.models import (
    Account,
    Algorithm,
    Binding,
    ClientProfile,
    PasskeyAuthentication,
    PasskeyRegistration,
    RegistrationResponse,
)
from counterseal.wire.members import read_text

COSE_ALGORITHMS: Mapping[Algorithm, int] = {
    Algorithm.ES256: -7,
    Algorithm.EDDSA: -8,
    Algorithm.RS256: -257,
}
"""What COSE calls the algorithms of passkeys (RFC 9053, RFC 8812), the preferred one first."""

REGISTERED = "Registration successful!"
USER_HANDLE_LIMIT = 64
"""Bytes (WebAuthn Level 3, 5.4.3)."""


@attrs.frozen(kw_only=True)
class PasskeyUser:
    """
    Whose passkey is to be registered, as the browser shows it.

    Attributes:
        info: The whole `userInfo`.
    """

    name: str = attrs.field(repr=False)
    display_name: str = attrs.field(repr=False)
    info: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class UsedPasskey:
    """
    What `navigator.credentials.get()` returned; everything in it is a claim.

    Attributes:
        credential_id: base64url.
        user_handle: None if the authenticator did not say.
    """

    credential_id: str
    assertion: AssertionParts
    user_handle: bytes | None = attrs.field(repr=False)


def read_passkey_user(body: Mapping[str, Any], profile: ClientProfile) -> PasskeyUser:
    """Return the `userInfo` of *body*; refuse one without a `name` or a `displayName`."""
    info = read_user_info(body, profile)
    document = None if info is None else ijson.parse(info, field="userInfo")
    if info is None or not isinstance(document, dict):
        raise InvalidField("userInfo", "missing, or not the JSON of an object")
    return PasskeyUser(
        name=read_text(document, "name", "userInfo."),
        display_name=read_text(document, "displayName", "userInfo.", empty=True),
        info=info,
    )


def read_created(body: Mapping[str, Any]) -> RegistrationResponse:
    """Return what `create()` returned; refuse a member that is missing, too long or malformed."""
    response = _credential(body)[1]
    return RegistrationResponse(
        client_data=_bytes(response, "clientDataJSON", CLIENT_DATA_LIMIT),
        attestation_object=_bytes(response, "attestationObject", ATTESTATION_OBJECT_LIMIT),
    )


def read_used(body: Mapping[str, Any]) -> UsedPasskey:
    """Return what `get()` returned; refuse a member that is missing, too long or malformed."""
    credential_id, response = _credential(body)
    # Some writers of JSON say null, others an empty text.
    handle = response.get("userHandle")
    return UsedPasskey(
        credential_id=credential_id,
        assertion=AssertionParts(
            _bytes(response, "authenticatorData", AUTHENTICATOR_DATA_BYTES),
            _bytes(response, "clientDataJSON", CLIENT_DATA_LIMIT),
            _bytes(response, "signature", SIGNATURE_LIMIT),
        ),
        user_handle=_bytes(response, "userHandle", USER_HANDLE_LIMIT) if handle else None,
    )


def registration_document(
    registration: PasskeyRegistration,
    user: PasskeyUser,
    *,
    rp_name: str,
    registered: tuple[str, ...],
    algorithms: frozenset[Algorithm],
    conveyance: str,
) -> dict[str, Any]:
    """
    Return the reply to `account/webauthn/bind`.

    Args:
        rp_name: What browsers call the relying party.
        registered: The credential ids that the account has already, base64url.
        algorithms: Those that the policy allows.
        conveyance: The attestation to ask for, `none` or `direct`.
    """
    return {
        "privakeyId": registration.account,
        "registrationOptions": {
            "rp": {"id": registration.scope.rp_id, "name": rp_name},
            "user": {
                "id": b64url(user_handle(registration.account)),
                "name": user.name,
                "displayName": user.display_name,
            },
            "challenge": b64url(challenge_of(registration.nonce)),
            "pubKeyCredParams": [
                {"type": "public-key", "alg": number}
                for algorithm, number in COSE_ALGORITHMS.items()
                if algorithm in algorithms
            ],
            "timeout": _milliseconds(registration),
            "excludeCredentials": _descriptors(registered),
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "required",
            },
            "attestation": conveyance,
        },
    }


def registered_document(binding: Binding, account: Account) -> dict[str, Any]:
    """Return the reply to `account/webauthn/register`."""
    return {"privakeyId": account.guid, "deviceGuid": binding.guid, "message": REGISTERED}


def authentication_document(
    authentication: PasskeyAuthentication, *, allowed: tuple[str, ...]
) -> dict[str, Any]:
    """Return the reply to `request/webauthn/authenticate`, by the credential ids in *allowed*."""
    return {
        "requestGuid": authentication.guid,
        "assertionOptions": {
            "challenge": b64url(challenge_of(authentication.nonce)),
            "timeout": _milliseconds(authentication),
            "rpId": authentication.rp_id,
            "allowCredentials": _descriptors(allowed),
            "userVerification": "required",
        },
    }


def authenticated_document(authentication: PasskeyAuthentication) -> dict[str, Any]:
    """Return the reply to `request/webauthn/finishAuthentication`."""
    return {
        "requestGuid": authentication.guid,
        "privakeyId": authentication.account,
        "deviceGuid": authentication.binding,
    }


def _credential(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the id of a credential, and its `response`."""
    credential = body.get("credential")
    if isinstance(credential, str):
        credential = ijson.parse(credential, field="credential")
    if not isinstance(credential, Mapping):
        raise InvalidField("credential", "missing, or neither an object nor the JSON of one")
    credential_id = read_text(credential, "id", "credential.")
    _decoded(credential_id, "credential.id", CREDENTIAL_ID_LIMIT)
    if credential.get("rawId", credential_id) != credential_id:
        raise InvalidField("credential.rawId", "another one than id")
    if credential.get("type") != "public-key":
        raise InvalidField("credential.type", "not public-key")
    response = credential.get("response")
    if not isinstance(response, Mapping):
        raise InvalidField("credential.response", "missing or not an object")
    return credential_id, response


def _bytes(response: Mapping[str, Any], name: str, limit: int) -> bytes:
    field = f"credential.response.{name}"
    return _decoded(read_text(response, name, "credential.response."), field, limit)


def _decoded(text: str, field: str, limit: int) -> bytes:
    if len(text) > (limit * 4 + 2) // 3:
        raise InvalidField(field, f"longer than {limit} bytes")
    try:
        return unb64url(text)
    except MalformedToken:
        raise InvalidField(field, "not base64url without padding") from None


def _descriptors(credential_ids: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": credential_id} for credential_id in credential_ids]


def _milliseconds(ceremony: PasskeyRegistration | PasskeyAuthentication) -> int:
    return (ceremony.deadline - ceremony.created_at) // timedelta(milliseconds=1)
