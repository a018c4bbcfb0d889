"""Offering keys: the first ones at a bind, and later new ones, endorsed by the old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal.device.wrapping import WrappedKey
from counterseal.keys import PrivateKey
from counterseal.models import DeviceKey, Guid, Role
from counterseal.ports import Entropy
from counterseal.wire.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    OfferedKey,
    bind_claims,
    rotation_claims,
)

ID_BYTES = 16


@attrs.frozen(kw_only=True)
class Rotation:
    """
    New keys that the service has not taken yet.

    Attributes:
        body: What to send.
    """

    body: bytes = attrs.field(repr=False)
    device_key: PrivateKey
    strong_key: WrappedKey


def new_id(entropy: Entropy) -> str:
    """Return an id of a key, or of something that a key signs."""
    return keys.b64url(entropy.token(ID_BYTES))


def offered_first(
    held: Mapping[Role, PrivateKey], token: str, app_space: Guid
) -> tuple[OfferedKey, ...]:
    """Return what finishes the bind of a session token: each key proves its possession."""
    return _offers(held, BIND_TYP, bind_claims(token, app_space, _public(held)))


def offered_anew(
    new: Mapping[Role, PrivateKey],
    old: Mapping[Role, PrivateKey],
    device: Guid,
    app_space: Guid,
) -> tuple[OfferedKey, ...]:
    """Return what replaces keys: each new one endorsed by the old one of its role."""
    claims = rotation_claims(device, app_space, _public(new))
    return tuple(
        attrs.evolve(offer, endorsement=keys.sign(old[offer.role], typ=ENDORSE_TYP, claims=claims))
        for offer in _offers(new, ROTATE_TYP, claims)
    )


def _public(held: Mapping[Role, PrivateKey]) -> list[DeviceKey]:
    return [DeviceKey(role=role, key=key.public) for role, key in held.items()]


def _offers(
    held: Mapping[Role, PrivateKey], typ: str, claims: dict[str, Any]
) -> tuple[OfferedKey, ...]:
    return tuple(
        OfferedKey(
            role=role,
            jwk={
                **ijson.parse(key.public.jwk),
                "kid": key.public.kid,
                "alg": key.public.algorithm.value,
            },
            proof=keys.sign(key, typ=typ, claims=claims),
        )
        for role, key in held.items()
    )
