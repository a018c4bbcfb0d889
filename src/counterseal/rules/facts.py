"""
Facts: the input of the rules, which a decision gathers.

They contain evidence, not results: a rule verifies a signature itself.
`Evidence` remembers the result, so several rules share one verification. It also remembers the
`Proving` that the proof was valid for, so `Proving` is frozen. All other facts live for one
decision, and nothing changes them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import attrs

from counterseal import keys
from counterseal.errors import Refused, WrongKey
from counterseal.keys import Jws
from counterseal.models import (
    Account,
    Authority,
    Binding,
    Callback,
    Cause,
    Challenge,
    DeliveryOutcome,
    DeviceCall,
    DeviceKey,
    Guid,
    Login,
    Notification,
    PublicKey,
    SkipReason,
)
from counterseal.policy import Policy
from counterseal.wire.answer import Answer
from counterseal.wire.proof import Proof


class Evidence:
    """
    A token, and the key and type that it is verified with.

    Attributes:
        key: From the store; None if there is no key of the id that the token names.
        proved: The facts for which the token is a valid proof; None before the check.
    """

    __slots__ = ("_refusal", "_verified", "jws", "key", "proved", "typ")

    def __init__(self, jws: Jws, key: PublicKey | None, typ: str) -> None:
        self.jws = jws
        self.key = key
        self.typ = typ
        self.proved: Proving | None = None
        self._verified = False
        self._refusal: type[Refused] | None = None

    def require(self) -> None:
        """Verify the token, once; refuse as `keys.verify` does, or if there is no key."""
        if self._refusal is not None:
            raise self._refusal
        if self._verified:
            return
        try:
            if self.key is None:
                raise WrongKey
            keys.verify(self.jws, self.key, expected_typ=self.typ)
        except Refused as refusal:
            self._refusal = type(refusal)
            raise
        self._verified = True


class Timed(Protocol):
    """Facts of an event that has to come before, or after, a deadline."""

    @property
    def now(self) -> datetime:
        """When the event was received."""

    @property
    def deadline(self) -> datetime:
        """From then on it is too late."""


@attrs.define(kw_only=True)
class Deadline:
    """Facts of an `expire`."""

    now: datetime
    deadline: datetime


@attrs.frozen(kw_only=True)
class Proving:
    """
    Facts of a device's call: the call, its proof, and the binding it speaks for.

    Attributes:
        body_hash: SHA-256 of the call's body, base64url.
    """

    now: datetime
    policy: Policy
    call: DeviceCall
    body_hash: str
    binding: Binding
    proof: Proof
    evidence: Evidence


@attrs.define(kw_only=True)
class Peeking:
    """
    Facts of a peek: what App Space is an invitation for?

    Attributes:
        secret: The secret of the session token as sent.
    """

    now: datetime
    binding: Binding
    secret: str = attrs.field(repr=False)

    @property
    def deadline(self) -> datetime:
        """The invitation's deadline."""
        return self.binding.deadline


@attrs.define(kw_only=True)
class Completing:
    """
    Facts of the completion of a bind.

    Attributes:
        secret: The secret of the session token as sent.
        keys: The offered keys, checked.
        possession: One proof a key, in the same order.
        expected: The claims that each proof must have.
    """

    now: datetime
    policy: Policy
    account: Account
    binding: Binding
    secret: str = attrs.field(repr=False)
    keys: tuple[DeviceKey, ...]
    possession: tuple[Evidence, ...]
    expected: dict[str, Any]

    @property
    def deadline(self) -> datetime:
        """The invitation's deadline."""
        return self.binding.deadline


@attrs.define(kw_only=True)
class Rotating:
    """
    Facts of a rotation.

    Attributes:
        proving: The call that carries it.
        keys: The keys of the device after the rotation.
        fresh: The new ones among them.
        possession, endorsements: One a new key, in the same order.
        expected: The claims that each of them must have.
    """

    proving: Proving
    policy: Policy
    binding: Binding
    account: Account
    keys: tuple[DeviceKey, ...]
    fresh: tuple[DeviceKey, ...]
    possession: tuple[Evidence, ...]
    endorsements: tuple[Evidence, ...]
    expected: dict[str, Any]


@attrs.define(kw_only=True)
class Striking:
    """Facts of a wrong strong-key signature inside a proven call."""

    proving: Proving
    policy: Policy
    binding: Binding
    answer: Evidence


@attrs.define(kw_only=True)
class Standing:
    """Facts of a suspension or resumption, and the authority that asks for it."""

    binding: Binding
    authority: Authority


@attrs.define(kw_only=True)
class Redeeming:
    """Facts of a return from the Identity Provider."""

    now: datetime
    login: Login
    secret: str = attrs.field(repr=False)
    holder_secret: str = attrs.field(repr=False)

    @property
    def deadline(self) -> datetime:
        """The log-in's deadline."""
        return self.login.deadline


@attrs.define(kw_only=True)
class Fetching:
    """Facts of a device reading a challenge."""

    now: datetime
    proving: Proving
    challenge: Challenge
    account: Account
    binding: Binding

    @property
    def deadline(self) -> datetime:
        """The challenge's deadline."""
        return self.challenge.deadline


@attrs.define(kw_only=True)
class Answering(Fetching):
    """
    Facts of an answer, a disown or a mistyped code.

    Attributes:
        answer: The claims of the token.
        signature: The token as evidence, with the key that it names.
        signer: That key in its role; None if the binding has no such key.
        code: The matching code; empty where none is asked for.
    """

    policy: Policy
    answer: Answer
    signature: Evidence
    signer: DeviceKey | None
    code: str = attrs.field(default="", repr=False)


@attrs.define(kw_only=True)
class Cancelling:
    """Facts of a cancellation, and the origin that asks for it."""

    now: datetime
    challenge: Challenge
    origin: Guid

    @property
    def deadline(self) -> datetime:
        """The challenge's deadline."""
        return self.challenge.deadline


@attrs.define(kw_only=True)
class Claiming:
    """Facts of a worker's claim to the next attempt of a record of the outbox, as stored."""

    now: datetime
    record: Callback | Notification


class Claimed(Protocol):
    """Facts of what came of an attempt that a worker claimed."""

    @property
    def record(self) -> Callback | Notification:
        """The record as stored; its attempts are those before this one."""

    @property
    def claimed(self) -> datetime:
        """The end of the lease under which the attempt was made."""


@attrs.define(kw_only=True)
class Delivering:
    """
    Facts of what came of an attempt to deliver a callback: see `Claimed`.

    Attributes:
        unsent: Why nothing was sent, if the core itself did not allow it.
    """

    record: Callback
    claimed: datetime
    outcome: DeliveryOutcome
    unsent: Cause | None = None
    policy: Policy


@attrs.define(kw_only=True)
class Notifying:
    """
    Facts of what came of an attempt to notify devices, or of why there was none: see `Claimed`.

    Attributes:
        remaining: The devices to notify again.
        delivered: Whether a device was notified, now or before.
        skip_reason: Why there was no attempt; None if there was one.
    """

    record: Notification
    claimed: datetime
    remaining: tuple[Guid, ...] = ()
    delivered: bool
    skip_reason: SkipReason | None = None
