"""
Confirmation of a new device: the code that two screens show, and what a confirming device signs.

Compact JWS of type `counterseal-confirm+jwt`, signed by a strong key of a device of the account:

| claim | value |
|---|---|
| `iss` | the device that signs (binding GUID) |
| `sub` | the account |
| `aud` | the App Space |
| `binding` | the new device |
| `device`, `strong` | the thumbprints (RFC 7638) of all its keys of the role, sorted |
| `choice` | `add`; `move`, which also revokes the device that signs; or `refuse` |
| `deviceKey` | the thumbprint of the signing device's device key; only where a passkey names it |
| `iat`, `jti` | seconds since the epoch; a random id |

Both devices compute the comparison code from the new keys, and never take it from the service:
the code is what shows that the service has given both the same keys.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from hashlib import pbkdf2_hmac
from typing import Any

import attrs

from counterseal import keys
from counterseal.errors import InvalidField, MalformedToken
from counterseal.ijson import parse
from counterseal.models import Binding, BindingState, DeviceKey, Guid, Role
from counterseal.wire.members import (
    EMPTY_TEXT,
    GUID,
    OPTIONAL_GUID,
    TIME,
    Members,
    MemberType,
    choice,
    demand,
    demand_guids,
    demand_id,
    member,
    records,
)

CONFIRM_TYP = "counterseal-confirm+jwt"

ITERATIONS = 65_536
"""Of PBKDF2: each makes keys that were ground for a given code dearer."""

CODE_LENGTH = 10
"""Characters of a comparison code, with 5 bits each; decision 0150 says why."""

GROUP = 5
"""Characters between two hyphens."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O or U."""

_DERIVED_BYTES = 8
_TYPED = str.maketrans("OIL", "011", "- ")

_MEMBERS: dict[str, type] = {
    "iss": str,
    "sub": str,
    "aud": str,
    "binding": str,
    "device": list,
    "strong": list,
    "choice": str,
    "iat": int,
    "jti": str,
}
_DEVICE_KEY: dict[str, type] = {"deviceKey": str}


class Choice(enum.Enum):
    """What a device decides on a new one."""

    ADD = "add"
    MOVE = "move"
    """The new device takes the place of the one that signs."""
    REFUSE = "refuse"


@attrs.define(kw_only=True)
class Confirmation:
    """
    The claims of a confirmation.

    Attributes:
        device: The device that signs.
        binding: The new one.
        thumbprints: Those of the new device's keys, by role.
        device_key: The thumbprint of the signing device's device key, where it names one.
    """

    device: Guid
    account: Guid
    app_space: Guid
    binding: Guid
    thumbprints: dict[str, list[str]]
    choice: Choice
    device_key: str | None = None
    issued_at: int
    id: str


def comparison_code(account: Guid, binding: Guid, thumbprints: Mapping[str, list[str]]) -> str:
    """
    Return the code by which people compare the keys of a new device, as `XXXXX-XXXXX`.

    Args:
        account: The account that the new device is bound to.
        binding: The new device.
        thumbprints: Those of its keys, by role.
    """
    lines = sorted(
        f"{role} {thumbprint}" for role in thumbprints for thumbprint in thumbprints[role]
    )
    derived = pbkdf2_hmac(
        "sha256",
        "\n".join(lines).encode(),
        f"counterseal-comparison {account} {binding}".encode(),
        ITERATIONS,
        _DERIVED_BYTES,
    )
    number = int.from_bytes(derived)
    text = "".join(
        ALPHABET[number >> 8 * _DERIVED_BYTES - 5 * count & 31]
        for count in range(1, CODE_LENGTH + 1)
    )
    return f"{text[:GROUP]}-{text[GROUP:]}"


def typed_code(text: str) -> str:
    """Return a comparison code as a person typed it, in the one spelling of `comparison_code`."""
    code = text.upper().translate(_TYPED)
    return f"{code[:GROUP]}-{code[GROUP:]}"


def confirmation_claims(confirmation: Confirmation) -> dict[str, Any]:
    """Return the payload of *confirmation*."""
    claims: dict[str, Any] = {
        "iss": confirmation.device,
        "sub": confirmation.account,
        "aud": confirmation.app_space,
        "binding": confirmation.binding,
        **confirmation.thumbprints,
        "choice": confirmation.choice.value,
        "iat": confirmation.issued_at,
        "jti": confirmation.id,
    }
    if confirmation.device_key is not None:
        claims["deviceKey"] = confirmation.device_key
    return claims


def read_confirmation(claimed: dict[str, Any]) -> Confirmation:
    """Read the payload of a confirmation; see `wire.members` for refusals."""
    demand(claimed, _MEMBERS, _DEVICE_KEY)
    demand_guids(claimed["iss"], claimed["sub"], claimed["aud"], claimed["binding"])
    demand_id(claimed["jti"])
    choice = next((choice for choice in Choice if choice.value == claimed["choice"]), None)
    if choice is None:
        raise MalformedToken
    return Confirmation(
        device=claimed["iss"],
        account=claimed["sub"],
        app_space=claimed["aud"],
        binding=claimed["binding"],
        thumbprints={role.value: claimed[role.value] for role in Role},
        choice=choice,
        device_key=claimed.get("deviceKey"),
        issued_at=claimed["iat"],
        id=claimed["jti"],
    )


def _read_jwk(members: Members, name: str) -> Mapping[str, Any]:
    value = members.document.get(name)
    if not isinstance(value, dict):
        raise InvalidField(name, "missing, or not a JSON object")
    return value


JWK = MemberType(_read_jwk)


@attrs.frozen(kw_only=True)
class NewKey:
    """A public key of a new device; the reader computes its thumbprint."""

    role: Role = attrs.field(metadata=member("role", choice(Role)))
    jwk: Mapping[str, Any] = attrs.field(metadata=member("jwk", JWK))

    @classmethod
    def of(cls, device_key: DeviceKey) -> NewKey:
        """Return *device_key* as the other devices learn it."""
        return cls(role=device_key.role, jwk=parse(device_key.key.jwk))


@attrs.frozen(kw_only=True)
class NewDevice:
    """
    A new device that waits to be confirmed, as the other devices of the account learn it.

    Attributes:
        replaces: The device that is revoked once this one is active; None if no device is.
    """

    device: Guid = attrs.field(metadata=member("device", GUID))
    name: str = attrs.field(metadata=member("name", EMPTY_TEXT))
    expires_at: datetime = attrs.field(metadata=member("expiresAt", TIME))
    replaces: Guid | None = attrs.field(
        default=None, metadata=member("replaces", OPTIONAL_GUID, omitted=True)
    )
    keys: tuple[NewKey, ...] = attrs.field(metadata=member("keys", records(NewKey)))

    @classmethod
    def of(cls, binding: Binding) -> NewDevice:
        """Return the unconfirmed *binding* as the other devices learn it."""
        return cls(
            device=binding.guid,
            name=binding.name,
            expires_at=binding.deadline,
            replaces=binding.replaces,
            keys=tuple(map(NewKey.of, binding.keys)),
        )

    def thumbprints(self) -> dict[str, list[str]]:
        """
        Return the thumbprints of its keys by role, sorted, computed from the keys.

        Raises:
            InvalidField: A key is not a public JWK of a known type.
        """
        return {
            role.value: sorted(keys.thumbprint_of(key.jwk) for key in self.keys if key.role is role)
            for role in Role
        }


@attrs.frozen(kw_only=True)
class NewDevices:
    """The new devices that wait to be confirmed, oldest first."""

    confirmations: tuple[NewDevice, ...] = attrs.field(
        metadata=member("confirmations", records(NewDevice))
    )


@attrs.frozen(kw_only=True)
class DeviceDecision:
    """What has become of a new device."""

    device: Guid = attrs.field(metadata=member("device", GUID))
    state: BindingState = attrs.field(metadata=member("status", choice(BindingState)))
