"""Rules of evidence: what session tokens and the signatures of new keys must prove."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from counterseal import keys
from counterseal.errors import (
    KeysIncomplete,
    NotEndorsed,
    NotPossessed,
    Refused,
    WrongToken,
)
from counterseal.models import DeviceKey, Login, Role
from counterseal.policy import Policy
from counterseal.rules.facts import (
    Completing,
    Evidence,
    Peeking,
    Redeeming,
    Rotating,
)


def token_matches(facts: Completing | Peeking) -> None:
    """Refuse another session token than the invitation's."""
    keys.require_equal(keys.token_hash(facts.secret), facts.binding.token_hash, WrongToken)


def login_matches(facts: Redeeming) -> None:
    """
    Refuse a wrong `state` (RFC 6749, 10.12), and a caller that did not begin the log-in.

    Both secrets are compared at once, so the refusal does not show which one was wrong.
    """
    claimed = keys.token_hash(facts.secret) + keys.token_hash(facts.holder_secret)
    keys.require_equal(claimed, facts.login.secret_hash + facts.login.holder_hash, WrongToken)


def state_matches(login: Login, secret: str) -> None:
    """Refuse another `state` than the log-in's."""
    keys.require_equal(keys.token_hash(secret), login.secret_hash, WrongToken)


def keys_complete(facts: Completing | Rotating) -> None:
    """Refuse unless there is one device key, at least one strong key, and no key twice."""
    complete(facts.keys, facts.policy)
    if isinstance(facts, Rotating):
        _adds_keys(facts)


def complete(device_keys: tuple[DeviceKey, ...], policy: Policy) -> None:
    """Refuse unless *device_keys* is a set of keys that a device can live with."""
    devices = sum(1 for key in device_keys if key.role is Role.DEVICE)
    strong = len(device_keys) - devices
    if devices != 1 or not 1 <= strong <= policy.strong_keys_limit:
        raise KeysIncomplete
    if len({key.key.kid for key in device_keys}) != len(device_keys):
        raise KeysIncomplete
    if len({key.key.thumbprint for key in device_keys}) != len(device_keys):
        raise KeysIncomplete


def _adds_keys(facts: Rotating) -> None:
    """Refuse a rotation without new keys, or one that gives a new key an existing key id."""
    if not facts.fresh:
        raise KeysIncomplete
    keys_by_kid = {device_key.key.kid: device_key.key for device_key in facts.binding.keys}
    # Otherwise a repeated rotation would be verified with the new key, and count as a strike.
    if any(keys_by_kid.get(new.key.kid, new.key) != new.key for new in facts.fresh):
        raise KeysIncomplete


def keys_possessed(facts: Completing | Rotating) -> None:
    """Refuse unless each new key signed what binds it to this device."""
    fresh = facts.keys if isinstance(facts, Completing) else facts.fresh
    if [evidence.key for evidence in facts.possession] != [device_key.key for device_key in fresh]:
        raise NotPossessed
    _all_say(facts.possession, facts.expected, NotPossessed)


def keys_endorsed(facts: Rotating) -> None:
    """Refuse unless an old key of the same role signed each new key."""
    if not facts.fresh or len(facts.endorsements) != len(facts.fresh):
        raise NotEndorsed
    for new, evidence in zip(facts.fresh, facts.endorsements, strict=True):
        old = [device_key.key for device_key in facts.binding.keys if device_key.role is new.role]
        if evidence.key not in old:
            raise NotEndorsed
    _all_say(facts.endorsements, facts.expected, NotEndorsed)


def _all_say(
    evidence: Iterable[Evidence], expected: dict[str, Any], refusal: type[Refused]
) -> None:
    for piece in evidence:
        try:
            piece.require()
        except Refused:
            raise refusal from None
        if piece.jws.claimed != expected:
            raise refusal
