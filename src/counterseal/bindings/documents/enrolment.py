"""
Enrolment, rotation and update: the keys of a device, each with a proof of possession.

The body of the first two is a JSON object:

| member | value |
|---|---|
| `token` | the session token, `guid.secret`; enrolment only |
| `keys` | `[{role, jwk, proof}]`; in a rotation also `endorsement`; for a passkey `credentialId` |
| `name` | the device's name; enrolment only, optional |
| `replaces` | the device (binding GUID) whose place it takes; after a log-in only, optional |
| `addresses` | `[{kind, value}]`, push addresses; enrolment only, optional |
| `platform`, `appVersion` | of the app, to recognise the device by; enrolment only, optional |
| `language` | a language tag, in which actions are displayed; enrolment only, optional |

A peek, which asks for the App Space of a session token, has `token` only.

An update of a bound device has `name`, `addresses`, `platform`, `appVersion` and `language` only,
all optional: an absent member changes nothing, and an empty list of addresses clears them.

A service that takes `language` says so by `languages`, in its replies to a peek and to a status.

`proof` is a compact JWS by the new key, and `endorsement` one by an old key of the same role.
All have the same payload, so that no key can be replaced by another:

| claim | value |
|---|---|
| `token` | SHA-256 of the whole session token, base64url; enrolment only |
| `replaces` | as in the body; only where that has it |
| `iss` | the device (binding GUID); rotation only |
| `aud` | the App Space |
| `device`, `strong` | the thumbprints (RFC 7638) of all new keys of the role, sorted |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal.errors import InvalidField, IssuerUntrusted, StaleProof
from counterseal.keys import digest
from counterseal.models import (
    Account,
    AddressKind,
    AppSpace,
    Binding,
    Company,
    DeviceKey,
    Guid,
    PublicKey,
    PushAddress,
    Role,
)
from counterseal.models.guid import parse
from counterseal.wire.members import demand, read_object, read_text

BIND_TYP = "counterseal-bind+jwt"
ROTATE_TYP = "counterseal-rotate+jwt"
ENDORSE_TYP = "counterseal-endorse+jwt"

_UPDATE_MEMBERS = {"name", "addresses", "platform", "appVersion", "language"}
_MEMBERS = {"token", "keys", "replaces"} | _UPDATE_MEMBERS
_PEEK_MEMBERS = {"token"}
_KEY_MEMBERS = {"role", "jwk", "proof", "endorsement", "credentialId"}
_ADDRESS_MEMBERS = {"kind", "value"}


@attrs.frozen(kw_only=True)
class OfferedKey:
    """
    A new key as received; nothing of it is checked yet.

    Attributes:
        credential_id: A passkey's, base64url; None for another key.
    """

    role: Role
    jwk: Mapping[str, Any]
    proof: str = attrs.field(repr=False)
    endorsement: str | None = attrs.field(default=None, repr=False)
    credential_id: str | None = None


@attrs.frozen(kw_only=True)
class Enrolment:
    """
    The request of a device to complete a bind or, without a token, to rotate its keys.

    Attributes:
        replaces: The device of the same account whose place it takes; None if it is one more.
    """

    token: str = attrs.field(default="", repr=False)
    keys: tuple[OfferedKey, ...]
    name: str = ""
    addresses: tuple[PushAddress, ...] = ()
    replaces: Guid | None = None
    platform: str = ""
    app_version: str = ""
    language: str = ""


@attrs.frozen(kw_only=True)
class InvitationTarget:
    """
    What a session token is for.

    Attributes:
        account: None once a device has used the token: who finds it later learns no account.
    """

    app_space: AppSpace
    company: Company
    account: Account | None


@attrs.frozen(kw_only=True)
class Bound:
    """A completed binding, with the keys that the device pins to check receipts with."""

    binding: Binding
    account: Account
    app_space: AppSpace
    company: Company
    service_keys: tuple[PublicKey, ...]


@attrs.frozen(kw_only=True)
class Update:
    """The request of a bound device to change what is known of it; None changes nothing."""

    name: str | None = None
    addresses: tuple[PushAddress, ...] | None = None
    platform: str | None = None
    app_version: str | None = None
    language: str | None = None


def bind_claims(
    token: str, app_space: Guid, keys: Iterable[DeviceKey], *, replaces: Guid | None = None
) -> dict[str, Any]:
    """Return the claims that each new key signs to complete a bind."""
    claims = {"token": digest(token.encode()), "aud": app_space, **thumbprints_of(keys)}
    return claims if replaces is None else {**claims, "replaces": replaces}


def rotation_claims(device: Guid, app_space: Guid, keys: Iterable[DeviceKey]) -> dict[str, Any]:
    """Return the claims that each new key and each endorsing old key signs in a rotation."""
    return {"iss": device, "aud": app_space, **thumbprints_of(keys)}


def enrolment_document(enrolment: Enrolment) -> dict[str, Any]:
    """Return the JSON body of *enrolment*."""
    document: dict[str, Any] = {
        "keys": [
            {"role": key.role.value, "jwk": dict(key.jwk), "proof": key.proof}
            | ({} if key.endorsement is None else {"endorsement": key.endorsement})
            | ({} if key.credential_id is None else {"credentialId": key.credential_id})
            for key in enrolment.keys
        ]
    }
    if enrolment.token:
        document["token"] = enrolment.token
    if enrolment.name:
        document["name"] = enrolment.name
    if enrolment.addresses:
        document["addresses"] = _address_list(enrolment.addresses)
    if enrolment.replaces is not None:
        document["replaces"] = enrolment.replaces
    if enrolment.platform:
        document["platform"] = enrolment.platform
    if enrolment.app_version:
        document["appVersion"] = enrolment.app_version
    if enrolment.language:
        document["language"] = enrolment.language
    return document


def update_document(update: Update) -> dict[str, Any]:
    """Return the JSON body of *update*."""
    document: dict[str, Any] = {}
    if update.name is not None:
        document["name"] = update.name
    if update.addresses is not None:
        document["addresses"] = _address_list(update.addresses)
    if update.platform is not None:
        document["platform"] = update.platform
    if update.app_version is not None:
        document["appVersion"] = update.app_version
    if update.language is not None:
        document["language"] = update.language
    return document


def read_enrolment(body: object) -> Enrolment:
    """Read the body of an enrolment or rotation."""
    members = read_object(body, _MEMBERS, "enrolment", prefix="")
    keys = members.get("keys")
    if not isinstance(keys, list):
        raise InvalidField("keys", "missing or not a list")
    return Enrolment(
        token=read_text(members, "token") if "token" in members else "",
        keys=tuple(_offered(key, f"keys[{index}]") for index, key in enumerate(keys)),
        name=read_text(members, "name") if "name" in members else "",
        addresses=_addresses(members) if "addresses" in members else (),
        replaces=_replaced(members) if "replaces" in members else None,
        platform=read_text(members, "platform") if "platform" in members else "",
        app_version=read_text(members, "appVersion") if "appVersion" in members else "",
        language=read_text(members, "language") if "language" in members else "",
    )


def peek_document(token: str) -> dict[str, str]:
    """Return the JSON body of a peek with the session *token*."""
    return {"token": token}


def read_peek(body: object) -> str:
    """Read the body of a peek; return its session token."""
    return read_text(read_object(body, _PEEK_MEMBERS, "peek", prefix=""), "token")


def read_update(body: object) -> Update:
    """Read the body of an update."""
    members = read_object(body, _UPDATE_MEMBERS, "update", prefix="")
    return Update(
        name=read_text(members, "name") if "name" in members else None,
        addresses=_addresses(members) if "addresses" in members else None,
        platform=read_text(members, "platform") if "platform" in members else None,
        app_version=read_text(members, "appVersion") if "appVersion" in members else None,
        language=read_text(members, "language") if "language" in members else None,
    )


def thumbprints_of(keys: Iterable[DeviceKey]) -> dict[str, list[str]]:
    """Return the thumbprints of *keys* by role, sorted, as claims name them."""
    device_keys = tuple(keys)
    return {
        role.value: sorted(key.key.thumbprint for key in device_keys if key.role is role)
        for role in Role
    }


def _replaced(members: Mapping[str, Any]) -> Guid:
    return parse(read_text(members, "replaces"), field="replaces")


def _offered(value: object, field: str) -> OfferedKey:
    members, prefix = read_object(value, _KEY_MEMBERS, field), f"{field}."
    role = next((role for role in Role if role.value == members.get("role")), None)
    if role is None:
        raise InvalidField(f"{prefix}role", "neither device nor strong")
    if not isinstance(members.get("jwk"), Mapping):
        raise InvalidField(f"{prefix}jwk", "missing or not a JSON object")
    endorsed, passkey = "endorsement" in members, "credentialId" in members
    return OfferedKey(
        role=role,
        jwk=members["jwk"],
        proof=read_text(members, "proof", prefix),
        endorsement=read_text(members, "endorsement", prefix) if endorsed else None,
        credential_id=read_text(members, "credentialId", prefix) if passkey else None,
    )


def _address_list(addresses: tuple[PushAddress, ...]) -> list[dict[str, str]]:
    return [{"kind": address.kind.value, "value": address.value} for address in addresses]


def _addresses(body: Mapping[str, Any]) -> tuple[PushAddress, ...]:
    addresses = body["addresses"]
    if not isinstance(addresses, list):
        raise InvalidField("addresses", "not a list")
    return tuple(
        _address(address, f"addresses[{index}]") for index, address in enumerate(addresses)
    )


def _address(value: object, field: str) -> PushAddress:
    members, prefix = read_object(value, _ADDRESS_MEMBERS, field), f"{field}."
    kind = next((kind for kind in AddressKind if kind.value == members.get("kind")), None)
    if kind is None:
        raise InvalidField(f"{prefix}kind", "not a known transport")
    return PushAddress(kind=kind, value=read_text(members, "value", prefix))


KEYSET_TYP = "counterseal-keys+jwt"
KEYSET_LIMIT = 65_536

_CLAIMS: dict[str, type] = {"keys": list, "iat": int}


def keyset_claims(service_keys: tuple[PublicKey, ...], at: datetime) -> dict[str, Any]:
    """Return the payload of an endorsement of *service_keys*."""
    return {**keys.jwks_document(service_keys), "iat": int(at.timestamp())}


def verify_keyset(
    token: str, *, pinned: tuple[PublicKey, ...], not_before: int = 0
) -> tuple[PublicKey, ...]:
    """
    Return the keys of an endorsed key set that one of the *pinned* keys signed.

    *not_before* is the `iat` of the newest set that the reader has accepted: an older one could
    bring a retired key back.

    Raises:
        IssuerUntrusted: No pinned key signed it.
        StaleProof: It is older than *not_before*.
        Refused: As `keys.read` and `keys.verify`, or a claim is not as above.
        InvalidField: A key of the set is malformed, or two have one name.
        UnfitKey: A key of the set is weak.
    """
    jws = keys.read(token, limit=KEYSET_LIMIT)
    signer = next((key for key in pinned if key.kid == jws.header.kid), None)
    if signer is None:
        raise IssuerUntrusted
    claims = keys.verify(jws, signer, expected_typ=KEYSET_TYP)
    demand(claims, _CLAIMS)
    if claims["iat"] < not_before:
        raise StaleProof
    fresh = keys.trusted_keys({"keys": claims["keys"]})
    if len({key.kid for key in fresh}) != len(fresh):
        raise InvalidField("jwks.keys", "two keys of one name")
    return fresh


def keyset_time(token: str) -> int:
    """Return the `iat` of an endorsed key set that has been verified."""
    claimed = keys.read(token, limit=KEYSET_LIMIT).claimed
    demand(claimed, _CLAIMS)
    return int(claimed["iat"])
