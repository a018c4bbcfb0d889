"""
The signing keys of a service, their states, and the document that they are stored in.

The first key signs. The second one may be prepared: it is published, so that verifiers know it
before it signs. All others are retired: they sign no receipt any more, but prove older ones.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

from counterseal import ijson, keys
from counterseal.errors import InvalidField, MalformedToken
from counterseal.keys import PrivateKey, b64url, unb64url
from counterseal.models import Algorithm, PublicKey
from counterseal.models.sealing import signing_key_context
from counterseal.ports import Sealer
from counterseal.wire.members import format_time, parse_time, read_object, read_text
from counterseal_keys.errors import KeyPrepared

FIELD = "signing.json"
VERSION = 1

PREPARED_POSITION: Final = 1
"""An older release takes a key at this position for a retired one: it publishes the key too."""


class KeyState(enum.Enum):
    """What a signing key does."""

    SIGNING = "signing"
    PREPARED = "prepared"
    RETIRED = "retired"


@attrs.frozen
class PublishedKey:
    """
    A signing key, as the key set publishes it.

    Attributes:
        since: When the key came into its state; None if an older release wrote it.
    """

    public: PublicKey
    state: KeyState
    since: datetime | None


@attrs.frozen
class SigningKey:
    """A signing key with its private part."""

    private: PrivateKey = attrs.field(repr=False)
    state: KeyState
    since: datetime | None

    @property
    def published(self) -> PublishedKey:
        """The key without its private part."""
        return PublishedKey(self.private.public, self.state, self.since)


SigningKeys: TypeAlias = tuple[SigningKey, ...]
"""At least one, in the order of the key set."""


def prepared_key(signing_keys: SigningKeys) -> PrivateKey | None:
    """Return the prepared key; None if there is none."""
    second = signing_keys[PREPARED_POSITION : PREPARED_POSITION + 1]
    return next((key.private for key in second if key.state is KeyState.PREPARED), None)


def add_prepared(signing_keys: SigningKeys, new: PrivateKey, at: datetime) -> SigningKeys:
    """
    Return the keys with *new*, which is prepared at the time *at*.

    Raises:
        KeyPrepared: One is prepared already.
    """
    if prepared_key(signing_keys) is not None:
        raise KeyPrepared("there is a prepared key: rotate to it before you prepare the next one")
    signing, *others = signing_keys
    return (signing, SigningKey(new, KeyState.PREPARED, at), *others)


def rotate(
    signing_keys: SigningKeys,
    new: Callable[[Algorithm], PrivateKey],
    algorithm: Algorithm | None,
    at: datetime,
) -> SigningKeys:
    """
    Return the keys with another first one: the prepared key if there is one, else a new one.

    Args:
        new: Creates a key.
        algorithm: The algorithm of the key that will sign; None for the prepared key's, or else
            the signing key's.
        at: The time.

    Raises:
        KeyPrepared: The prepared key has another algorithm than *algorithm*.
    """
    old, *others = signing_keys
    next_key = prepared_key(signing_keys)
    if next_key is None:
        next_key = new(algorithm or old.private.public.algorithm)
    elif algorithm not in {None, next_key.public.algorithm}:
        raise KeyPrepared(f"the prepared key is for {next_key.public.algorithm.value}")
    else:
        others = others[1:]
    return (
        SigningKey(next_key, KeyState.SIGNING, at),
        SigningKey(old.private, KeyState.RETIRED, at),
        *others,
    )


def write_document(signing_keys: SigningKeys, sealer: Sealer) -> bytes:
    """
    Write the keys, each sealed.

    Raises:
        SealBroken: The master keys cannot be read.
    """
    entries = [_write_entry(key, sealer) for key in signing_keys]
    return json.dumps({"version": VERSION, "keys": entries}).encode()


def read_document(data: bytes, sealer: Sealer) -> SigningKeys:
    """
    Read the output of `write_document`, of this release or an older one.

    Raises:
        InvalidField: It is not such a document; an unknown member is named.
        SealBroken: A key does not open.
    """
    return tuple(
        _read_entry(entry, position, sealer) for position, entry in enumerate(_read_entries(data))
    )


def read_sealed_keys(data: bytes) -> tuple[bytes, ...]:
    """Return the keys of a document, which `read_document` has read, in their sealed form."""
    return tuple(unb64url(entry["sealed"]) for entry in _read_entries(data))


def _write_entry(key: SigningKey, sealer: Sealer) -> dict[str, str]:
    public = key.private.public
    entry = {
        "kid": public.kid,
        "algorithm": public.algorithm.value,
        "sealed": b64url(sealer.seal(key.private.pkcs8(), signing_key_context(public.kid))),
    }
    if key.state is KeyState.PREPARED:
        entry["state"] = key.state.value
    if key.since is not None:
        entry["since"] = format_time(key.since)
    return entry


def _read_entries(data: bytes) -> list[Any]:
    document = ijson.parse(data, field=FIELD)
    # The version comes first: another one may have other members.
    if not isinstance(document, Mapping) or document.get("version") != VERSION:
        raise InvalidField(FIELD, "not written by this software")
    entries = read_object(document, ("version", "keys"), FIELD).get("keys")
    if not isinstance(entries, list) or not entries:
        raise InvalidField(f"{FIELD}.keys", "missing, empty or not a list")
    return entries


def _read_entry(value: Any, position: int, sealer: Sealer) -> SigningKey:
    field = f"{FIELD}.keys[{position}]"
    entry = read_object(value, ("kid", "algorithm", "sealed", "state", "since"), field)
    kid, algorithm, sealed = (
        read_text(entry, name, f"{field}.") for name in ("kid", "algorithm", "sealed")
    )
    state = _read_state(entry, position, f"{field}.state")
    since = _read_since(entry, field) if "since" in entry else None
    try:
        plain = sealer.open(unb64url(sealed), signing_key_context(kid))
        private = keys.private_key(
            plain, kid=kid, algorithm=Algorithm(algorithm), authenticated=True
        )
    except (TypeError, ValueError, MalformedToken):
        raise InvalidField(field, "not written by this software") from None
    return SigningKey(private, state, since)


def _read_state(entry: Mapping[str, Any], position: int, field: str) -> KeyState:
    if "state" not in entry:
        return KeyState.RETIRED if position else KeyState.SIGNING
    if entry["state"] != KeyState.PREPARED.value:
        raise InvalidField(field, f"not {KeyState.PREPARED.value}, the only state that is written")
    if position != PREPARED_POSITION:
        raise InvalidField(field, "only the second key may be prepared")
    return KeyState.PREPARED


def _read_since(entry: Mapping[str, Any], field: str) -> datetime:
    try:
        return parse_time(read_text(entry, "since", f"{field}."))
    except MalformedToken:
        raise InvalidField(f"{field}.since", "not a time") from None
