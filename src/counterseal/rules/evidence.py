"""Rules of evidence: what proofs, session tokens and the signatures of new keys must prove."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from counterseal import keys
from counterseal.errors import (
    BindingInactive,
    KeysIncomplete,
    NotEndorsed,
    NotPossessed,
    Refused,
    StaleProof,
    WrongAudience,
    WrongDevice,
    WrongKey,
    WrongRequest,
    WrongSignature,
    WrongState,
    WrongToken,
)
from counterseal.models import DeviceKey, Login, Role
from counterseal.policy import Policy
from counterseal.rules.facts import (
    Answering,
    Completing,
    Evidence,
    Fetching,
    Peeking,
    Proving,
    Redeeming,
    Rotating,
    Striking,
)
from counterseal.rules.standing import within_window


def proof_holds(facts: Proving) -> None:
    """Refuse a proof that is not this device's, for this request, and fresh (RFC 9449, 4.3)."""
    if facts.evidence.proved is facts:
        # Facts are frozen, so the earlier result is still valid.
        return
    if facts.proof.device != facts.binding.guid:
        raise WrongDevice
    if (
        facts.proof.account != facts.binding.account
        or facts.proof.app_space != facts.binding.app_space
    ):
        raise WrongAudience
    if facts.proof.method != facts.call.method or facts.proof.uri != facts.call.uri:
        raise WrongRequest
    if not keys.constant_time_equal(facts.proof.body_hash, facts.body_hash):
        raise WrongRequest
    within_window(facts.proof.issued_at, facts.now, facts.policy, StaleProof)
    facts.evidence.require()
    facts.evidence.proved = facts


def caller_proved(facts: Fetching | Rotating | Striking) -> None:
    """Refuse an event unless its call is proven to come from the same binding."""
    if facts.proving.binding.guid != facts.binding.guid:
        raise WrongDevice
    device_key = facts.binding.device_key()
    if device_key is None or device_key.key != facts.proving.evidence.key:
        raise WrongKey
    proof_holds(facts.proving)


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


def strikes_left(facts: Answering) -> None:
    """Refuse a device with as many strikes as the policy allows, which may be stricter now."""
    if facts.binding.strikes >= facts.policy.strike_limit:
        raise BindingInactive


def strong_key_missed(facts: Striking) -> None:
    """Refuse to strike unless a strong key of the binding was named and did not sign."""
    strong = [device_key.key for device_key in facts.binding.keys if device_key.role is Role.STRONG]
    if facts.answer.key not in strong:
        raise WrongKey
    try:
        facts.answer.require()
    except WrongSignature:
        return
    raise WrongState("the signature holds")


def strikes_exhausted(facts: Striking) -> bool:
    """Tell whether this strike is the last one that the policy allows."""
    return facts.binding.strikes + 1 >= facts.policy.strike_limit


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
