"""
Rules of evidence: what session tokens and the signatures of new keys must prove.

Facts contain evidence, not results: a rule verifies a signature itself.
`Evidence` remembers the result, so several rules share one verification. It also keeps the
`ProofFacts` for which the proof was valid, so `ProofFacts` must not change and is frozen. All other
facts are made for one decision, and nothing changes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal.accounts.rules import in_time
from counterseal.bindings.documents.proof import Proof
from counterseal.errors import (
    BindingInactive,
    DeadlinePassed,
    InvalidField,
    KeysIncomplete,
    NotEndorsed,
    NotPossessed,
    Refused,
    WrongAlgorithm,
    WrongKey,
    WrongToken,
)
from counterseal.keys import Jws
from counterseal.models import (
    Account,
    AppSpace,
    Binding,
    BindingState,
    DeviceCall,
    DeviceKey,
    Login,
    PasskeyUse,
    PublicKey,
    Record,
    Role,
)
from counterseal.models.guid import Guid, parse
from counterseal.policy import Policy


class Evidence:
    """
    A token, and the key and type that it is verified with.

    Attributes:
        key: From the store; None if there is no key of the id that the token names.
        proved: The facts for which the token is a valid proof; None before the check.
        assertion: What a passkey's assertion says; None before the check, and for other keys.
    """

    __slots__ = ("_refusal", "_verified", "assertion", "jws", "key", "proved", "typ")

    def __init__(self, jws: Jws, key: PublicKey | None, typ: str) -> None:
        self.jws = jws
        self.key = key
        self.typ = typ
        self.proved: ProofFacts | None = None
        self.assertion: keys.Assertion | None = None
        self._verified = False
        self._refusal: type[Refused] | None = None

    def require(self) -> None:
        """Verify the token, once; refuse as `keys.verify_by_device`, or if there is no key."""
        if self._refusal is not None:
            raise self._refusal
        if self._verified:
            return
        try:
            if self.key is None:
                raise WrongKey
            self.assertion = keys.verify_by_device(self.jws, self.key, expected_typ=self.typ)
        except Refused as refusal:
            self._refusal = type(refusal)
            raise
        self._verified = True


@attrs.frozen(kw_only=True)
class ProofFacts:
    """
    Facts of a device's call: the call, its proof, and the binding it speaks for.

    `body_hash` is SHA-256 of the call's body, base64url.
    """

    now: datetime
    policy: Policy
    call: DeviceCall
    body_hash: str
    binding: Binding
    proof: Proof
    evidence: Evidence


@attrs.define(kw_only=True)
class PeekFacts:
    """Facts of a peek: what App Space is an invitation for? The secret is the session token's."""

    now: datetime
    binding: Binding
    secret: str = attrs.field(repr=False)

    @property
    def deadline(self) -> datetime:
        """The invitation's deadline."""
        return self.binding.deadline


@attrs.define(kw_only=True)
class CompletionFacts:
    """
    Facts of the completion of a bind.

    Attributes:
        secret: The secret of the session token as sent.
        keys: The offered keys, checked.
        possession: One proof of possession for each of `keys`, in their order.
        expected: The claims that each proof must have.
        app_space: The binding's; None if the keys have signed for another one.
        replaces: The device whose place the new one is to take, if it names one.
        replaced: What is stored by that GUID; None if nothing is.
    """

    now: datetime
    policy: Policy
    account: Account
    binding: Binding
    app_space: AppSpace | None
    secret: str = attrs.field(repr=False)
    keys: tuple[DeviceKey, ...]
    possession: tuple[Evidence, ...]
    expected: dict[str, Any]
    replaces: Guid | None = None
    replaced: Record | None = None

    @property
    def deadline(self) -> datetime:
        """The invitation's deadline."""
        return self.binding.deadline

    @property
    def replaced_devices(self) -> set[Guid]:
        """The devices whose place the new one takes."""
        return set() if self.replaces is None else {self.replaces}


@attrs.define(kw_only=True)
class RotationFacts:
    """
    Facts of a rotation.

    Attributes:
        keys: The keys of the device after the rotation.
        fresh: The new ones among them.
        possession, endorsements: One a new key, in the same order.
        expected: The claims that each of them must have.
    """

    proving: ProofFacts
    policy: Policy
    binding: Binding
    account: Account
    keys: tuple[DeviceKey, ...]
    fresh: tuple[DeviceKey, ...]
    possession: tuple[Evidence, ...]
    endorsements: tuple[Evidence, ...]
    expected: dict[str, Any]


@attrs.define(kw_only=True)
class ReturnFacts:
    """
    Facts of a return from the Identity Provider.

    Attributes:
        test: Whether an administrator finishes a test log-in.
    """

    now: datetime
    login: Login
    secret: str = attrs.field(repr=False)
    app_secret: str = attrs.field(repr=False)
    test: bool = False

    @property
    def deadline(self) -> datetime:
        """The log-in's deadline."""
        return self.login.deadline


def split_token(token: str) -> tuple[Guid, str]:
    """Return the record that `guid.secret` names, and the secret; a wrong GUID is a WrongToken."""
    name, _, secret = token.partition(".")
    try:
        return parse(name, field="token"), secret
    except InvalidField:
        raise WrongToken from None


def invitation_usable(facts: PeekFacts) -> None:
    """Refuse an invitation that can neither be used, nor repeated by the device that used it."""
    match facts.binding.state:
        case BindingState.ACTIVE | BindingState.UNCONFIRMED:
            return
        case BindingState.INVITED:
            in_time(facts)
        case BindingState.EXPIRED:
            raise DeadlinePassed
        case _:
            raise BindingInactive


def token_matches(facts: CompletionFacts | PeekFacts) -> None:
    """Refuse another session token than the invitation's."""
    keys.require_equal(keys.token_hash(facts.secret), facts.binding.token_hash, WrongToken)


def login_matches(facts: ReturnFacts) -> None:
    """
    Refuse a wrong `state` (RFC 6749, 10.12), and a caller that did not begin the log-in.

    Both secrets are compared at once, so the refusal does not show which one was wrong. A test
    log-in of an administrator is no log-in of a device, nor the other way round.
    """
    if facts.login.test is not facts.test:
        raise WrongToken
    claimed = keys.token_hash(facts.secret) + keys.token_hash(facts.app_secret)
    keys.require_equal(claimed, facts.login.secret_hash + facts.login.holder_hash, WrongToken)


def state_matches(login: Login, secret: str) -> None:
    """Refuse another `state` than the log-in's."""
    keys.require_equal(keys.token_hash(secret), login.secret_hash, WrongToken)


def keys_complete(facts: CompletionFacts | RotationFacts) -> None:
    """Refuse unless there is one device key, at least one strong key, and no key twice."""
    require_complete_key_set(facts.keys, facts.policy)
    if isinstance(facts, RotationFacts):
        _adds_keys(facts)


def require_complete_key_set(device_keys: tuple[DeviceKey, ...], policy: Policy) -> None:
    """Refuse unless *device_keys* is a set of keys that a device can live with."""
    devices = sum(1 for key in device_keys if key.role is Role.DEVICE)
    strong = len(device_keys) - devices
    if devices != 1 or not 1 <= strong <= policy.strong_keys_limit:
        raise KeysIncomplete
    if len({key.key.kid for key in device_keys}) != len(device_keys):
        raise KeysIncomplete
    if len({key.key.thumbprint for key in device_keys}) != len(device_keys):
        raise KeysIncomplete


def _adds_keys(facts: RotationFacts) -> None:
    """Refuse a rotation without new keys, or one that gives a new key an existing key id."""
    if not facts.fresh:
        raise KeysIncomplete
    keys_by_kid = {device_key.key.kid: device_key.key for device_key in facts.binding.keys}
    # Otherwise a repeated rotation would be verified with the new key, and be a strike.
    if any(keys_by_kid.get(new.key.kid, new.key) != new.key for new in facts.fresh):
        raise KeysIncomplete


def keys_possessed(facts: CompletionFacts | RotationFacts) -> None:
    """Refuse unless each new key signed what binds it to this device."""
    fresh = facts.keys if isinstance(facts, CompletionFacts) else facts.fresh
    if [evidence.key for evidence in facts.possession] != [device_key.key for device_key in fresh]:
        raise NotPossessed
    _require_claims(facts.possession, facts.expected, NotPossessed)


def keys_endorsed(facts: RotationFacts) -> None:
    """Refuse unless an old key of its role, an allowed one if strong, signed each new key."""
    if not facts.fresh or len(facts.endorsements) != len(facts.fresh):
        raise NotEndorsed
    for new, evidence in zip(facts.fresh, facts.endorsements, strict=True):
        old = [device_key.key for device_key in facts.binding.keys if device_key.role is new.role]
        if evidence.key not in old:
            raise NotEndorsed
        if new.role is Role.STRONG:
            try:
                key_allowed(evidence.key, facts.policy)
            except WrongAlgorithm:
                raise NotEndorsed from None
    _require_claims(facts.endorsements, facts.expected, NotEndorsed)


def key_allowed(key: PublicKey, policy: Policy) -> None:
    """Refuse a key of an algorithm, or a passkey, that the policy no longer allows."""
    if key.algorithm not in policy.algorithms:
        raise WrongAlgorithm("no longer allowed by the policy")
    if key.passkey is not None and policy.passkeys is PasskeyUse.REFUSE:
        raise WrongAlgorithm("a passkey, which the policy refuses")


def allows_key(policy: Policy, key: PublicKey) -> bool:
    """Tell whether the policy still allows a key's algorithm, and a passkey."""
    try:
        key_allowed(key, policy)
    except WrongAlgorithm:
        return False
    return True


def _require_claims(
    evidence: Iterable[Evidence], expected: dict[str, Any], refusal: type[Refused]
) -> None:
    for piece in evidence:
        try:
            piece.require()
        except Refused:
            raise refusal from None
        if piece.jws.claimed != expected:
            raise refusal
