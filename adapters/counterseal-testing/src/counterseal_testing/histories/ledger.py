"""
What the oracle remembers: its own words, its own dictionaries, and nothing of the core's.

Records reach it as plain dictionaries, states as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

Plain: TypeAlias = dict[str, Any]

PROVISIONAL = ("INVITED", "UNCONFIRMED")
"""The states of a binding that its deadline ends."""

Verify: TypeAlias = Callable[[str, Mapping[str, str]], Mapping[str, Any]]
"""
Takes a compact JWS and a public JWK with `alg`; returns the payload if that key signed it with
that algorithm, and raises whatever it likes if not.
"""


@attrs.define(kw_only=True)
class Operation:
    """
    What a caller is doing, as the history means it.

    Attributes:
        verb: Which use case.
        facts: Whom it concerns, and how it is done.
        since: Index of the clock's moment at which its decision began.
        commits: How many commits were applied in its name.
        others: How many others applied since its decision began; without one, no race is lost.
        attacker: Whether nothing of anybody else's may change.
    """

    verb: str
    facts: Plain
    since: int
    commits: int = 0
    others: int = 0
    attacker: bool = False


@attrs.define(kw_only=True)
class Commit:
    """
    One applied commit.

    Attributes:
        changes: Kind, record before, record after; guards are left out.
        moments: What the clock showed since the decision began.
        latest: The latest that it ever showed.
        reactions: What the policy says that follows from the reason of the refusal in it.
    """

    operation: Operation
    changes: list[tuple[str, Plain | None, Plain]]
    audit: list[Plain]
    moments: tuple[datetime, ...]
    latest: datetime
    reactions: frozenset[str] = frozenset()


@attrs.define(kw_only=True)
class AccountEntry:
    """
    An account.

    Attributes:
        subject: The user's name at the Identity Provider; empty where there is none.
        refusals: Refused or unanswered questions since the last approval.
        cooled: Until then, at least, they forbid a question without a code.
        codes_until: Until then a refusal's reason forbids it.
        ask_times: When and by whom questions were put.
        erased: Whether nothing about its user may be returned any more.
        roster: The bindings that the stored account names, with the states it gives them.
    """

    space: str
    account_id: str
    attacker: bool
    subject: str
    locked: bool = False
    erased: bool = False
    wrong_codes: int = 0
    refusals: int = 0
    cooled: datetime | None = None
    codes_until: datetime | None = None
    receipts: int = 0
    receipt_hash: str = ""
    ask_times: list[tuple[datetime, str]] = attrs.field(factory=list)
    roster: dict[str, str] = attrs.field(factory=dict)


@attrs.define(kw_only=True)
class BindingEntry:
    """
    A binding.

    Attributes:
        keys: Role and public JWK by key id, as the device offered them.
        suspended_by: `staff` or `idp` while suspended.
        credential: Of a browser's passkey; empty for a device, which can be asked.
        endorser: The device that invited it; None if none did.
        wrong_codes: Wrong comparison codes.
        confirmer: The device or origin that decided on it while it was new.
    """

    account: str
    deadline: datetime
    state: str = "INVITED"
    keys: dict[str, tuple[str, Plain]] = attrs.field(factory=dict)
    strikes: int = 0
    suspended_by: str | None = None
    credential: str = ""
    endorser: str | None = None
    wrong_codes: int = 0
    confirmer: str | None = None


@attrs.define(kw_only=True)
class CeremonyEntry:
    """
    A registration or an authentication of a browser.

    Attributes:
        binding: What it ended in, or whose passkey was used.
    """

    account: str
    origin: str
    deadline: datetime
    state: str = "STARTED"
    binding: str | None = None


@attrs.define(kw_only=True)
class ChallengeEntry:
    """
    A challenge.

    Attributes:
        code: What was returned to the origin; None if nothing was.
        counted: Whether it counts as a refusal already: its deadline came, and was noticed.
        ending: The record as it ended; it never changes again.
        device: The only device that is asked; None for all.
        arguments: Of the action that it asks for; None if it asks for none.
    """

    account: str
    origin: str
    space: str
    display: str
    buttons: list[Plain]
    callback: str | None
    code_asked: bool
    issued_at: datetime
    deadline: datetime
    code: str | None = None
    device: str | None = None
    state: str = "PENDING"
    wrong_codes: int = 0
    counted: bool = False
    ending: Plain | None = None
    arguments: Plain | None = None


@attrs.define(kw_only=True)
class ActionEntry:
    """
    An action that was approved.

    Attributes:
        device: The binding whose key approved.
        use: The state of its use; None before.
    """

    account: str
    origin: str
    device: str
    valid_until: datetime
    digest: str
    state: str = "APPROVED"
    use: str | None = None


@attrs.define(kw_only=True)
class CallbackEntry:
    """
    A callback.

    Attributes:
        challenge: What it tells the outcome of; empty for one that delivers an event.
        event: The account event that it delivers; empty for a challenge's.
        ended: Whether it was delivered or dead once; an operator may have queued it again.
        statuses: What the receiver said, attempt by attempt; None for nothing.
        claims: Attempts begun.
        attempts: Attempts since it was queued whose outcome was recorded.
    """

    account: str
    origin: str
    challenge: str = ""
    event: str = ""
    ended: bool = False
    state: str = "QUEUED"
    statuses: list[int | None] = attrs.field(factory=list)
    claims: int = 0
    attempts: int = 0


@attrs.define(kw_only=True)
class EventEntry:
    """
    An event of an account.

    Attributes:
        sequence: The account's number of it.
        at: When it happened; a worker publishes it from then on.
        number: Its number in the log of its App Space; None until it is there.
        state: `PUBLISHED` once its record says so.
    """

    account: str
    kind: str
    device: str | None
    challenge: str | None
    sequence: int
    at: datetime
    number: int | None = None
    state: str = "UNPUBLISHED"


@attrs.define(kw_only=True)
class NotificationEntry:
    """
    A notification.

    Attributes:
        devices: The bindings that were to be notified when it was enqueued.
        attempts: Attempts whose outcome was recorded.
    """

    occasion: str
    subject: str
    account: str
    devices: set[str]
    state: str = "QUEUED"
    attempts: int = 0


@attrs.frozen(kw_only=True)
class Limits:
    """The numbers of the policy that the oracle holds the core to."""

    strikes: int
    codes: int
    codes_account: int
    pending: int
    asks: int
    asks_origin: int
    ask_window: float
    bindings: int
    attempts: int
    confirmed_life: float
    refusals: int
    cooldown: float
    cooldown_limit: float
    life: float
    life_limit: float
    reminder: float
    codes_demanded: float
    reactions: Mapping[str, frozenset[str]]
    comparisons: int
    confirmation_life: float
    passkey_origin: str


NARROWING: Mapping[str, tuple[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "challenge_life_limit": ("life_limit", min),
        "pending_limit": ("pending", min),
        "code_limit": ("codes", min),
        "strike_limit": ("strikes", min),
        "cooldown_after": ("refusals", min),
        "codes_demanded": ("codes_demanded", max),
    }
)
"""The limit that each setting of an App Space or origin narrows, and which value is stricter."""


def narrow(limits: Limits, setting: str, value: Any) -> Limits:
    """Return *limits* as one setting of an App Space or of an origin narrows them."""
    if setting in NARROWING:
        name, stricter = NARROWING[setting]
        return attrs.evolve(limits, **{name: stricter(getattr(limits, name), value)})
    word = setting.removeprefix("on_")
    reactions = {**limits.reactions, word: limits.reactions[word] | set(value)}
    return attrs.evolve(limits, reactions=reactions)


@attrs.define(kw_only=True)
class Ledger:
    """
    All that is known to be true.

    Attributes:
        verify: Verifies signatures, with cryptography that is not the core's.
        service_keys: The service's public JWKs.
        withdrawn: The latest time at which each subject was still known to the provider.
        actions: The approved actions, by the challenge that asked.
        keyed: The challenge that each origin's idempotency key made.
        narrowed: The settings that each App Space and each origin narrows, by its GUID.
        subscribers: The App Space of each origin that gets events, and the address, by its GUID.
        logs: How many events are in the log of each App Space.
        streams: The number of each account's last event that is in a log.
    """

    limits: Limits
    verify: Verify
    service_keys: list[Plain]
    accounts: dict[str, AccountEntry] = attrs.field(factory=dict)
    bindings: dict[str, BindingEntry] = attrs.field(factory=dict)
    challenges: dict[str, ChallengeEntry] = attrs.field(factory=dict)
    actions: dict[str, ActionEntry] = attrs.field(factory=dict)
    callbacks: dict[str, CallbackEntry] = attrs.field(factory=dict)
    notifications: dict[str, NotificationEntry] = attrs.field(factory=dict)
    logins: dict[str, str] = attrs.field(factory=dict)
    ceremonies: dict[str, CeremonyEntry] = attrs.field(factory=dict)
    versions: dict[str, int] = attrs.field(factory=dict)
    withdrawn: dict[str, datetime] = attrs.field(factory=dict)
    keyed: dict[tuple[str, str], str] = attrs.field(factory=dict)
    narrowed: dict[str, Plain] = attrs.field(factory=dict)
    subscribers: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    events: dict[str, EventEntry] = attrs.field(factory=dict)
    logs: dict[str, int] = attrs.field(factory=dict)
    streams: dict[str, int] = attrs.field(factory=dict)

    def limits_in(self, space: str, origin: str = "") -> Limits:
        """Return the limits that count in an App Space, and for an origin if one acts."""
        limits = self.limits
        for level in (space, origin):
            for setting, value in self.narrowed.get(level, {}).items():
                limits = narrow(limits, setting, value)
        return limits

    def callbacks_of(self, challenge: str) -> list[CallbackEntry]:
        """Return the callback records of a challenge; there must never be two."""
        return [delivery for delivery in self.callbacks.values() if delivery.challenge == challenge]

    def bindings_of(self, account: str, *states: str) -> list[str]:
        """Return the account's devices, not its browsers, in one of *states*."""
        return [
            guid for guid in self._bound(account, *states) if not self.bindings[guid].credential
        ]

    def browsers_of(self, account: str, credential: str | None, *states: str) -> list[str]:
        """Return the bindings of the account's browsers, with this credential unless None."""
        return [
            guid
            for guid in self._bound(account, *states)
            if self.bindings[guid].credential
            and credential in {None, self.bindings[guid].credential}
        ]

    def _bound(self, account: str, *states: str) -> list[str]:
        return [
            guid
            for guid, binding_entry in self.bindings.items()
            if binding_entry.account == account and binding_entry.state in states
        ]

    def bound(self, account: str) -> list[str]:
        """Return the account's bindings that were completed and have not ended."""
        return self._bound(account, "ACTIVE", "SUSPENDED")

    def living(self, account: str, at: datetime) -> list[str]:
        """Return the account's bindings that take a place at *at*."""
        return [
            guid
            for guid in self._bound(account, *PROVISIONAL, "ACTIVE", "SUSPENDED")
            if self.bindings[guid].state not in PROVISIONAL or at < self.bindings[guid].deadline
        ]

    def is_endorsed(self, device: str) -> bool:
        """Tell whether nobody invited the device, or a device that is active still."""
        endorser = self.bindings[device].endorser
        return endorser is None or self.bindings[endorser].state == "ACTIVE"

    def unfinished(self, account: str, at: datetime) -> list[str]:
        """Return the account's challenges that can be answered at *at*."""
        return [
            guid
            for guid, entry in self.challenges.items()
            if entry.account == account and entry.ending is None and at < entry.deadline
        ]

    def refusals_of(self, account: str, at: datetime) -> int:
        """Return how many refusals count at *at*, with those that were not yet noticed."""
        late = [
            entry
            for entry in self.challenges.values()
            if entry.account == account and entry.ending is None and entry.deadline <= at
        ]
        return self.accounts[account].refusals + sum(not entry.counted for entry in late)

    def may_answer(self, device: str, challenge: str, now: datetime) -> bool:
        """Tell whether the device may answer the challenge at all, by all that is known."""
        space = self.challenges[challenge].space
        has_attempts = self.bindings[device].strikes < self.limits_in(space).strikes
        return has_attempts and self.may_disown(device, challenge, now)

    def may_disown(self, device: str, challenge: str, now: datetime) -> bool:
        """Tell whether it may disown it: that it may also without an attempt left."""
        binding_entry, entry = self.bindings[device], self.challenges[challenge]
        return (
            binding_entry.state == "ACTIVE"
            and not self.accounts[binding_entry.account].locked
            and entry.account == binding_entry.account
            and entry.device in {None, device}
            and entry.ending is None
            and now < entry.deadline
        )
