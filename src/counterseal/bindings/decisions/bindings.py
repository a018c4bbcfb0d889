"""
Bindings: an account's list of its living devices; how a binding ends, pauses and resumes.

Functions that one decision calls for several bindings take and return the list of devices, and
not the account, which is revised once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeAlias

from counterseal._plan import AuditEntry, Decision, Reading, Records, Tools, records
from counterseal.accounts.decisions.account_events import (
    NewAccountEvent,
    build_account_events,
    device_revoked_events,
)
from counterseal.accounts.records import Account, Device
from counterseal.accounts.rules import SuspensionFacts, living
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.records import (
    LIVING,
    SEEN_STEP,
    Authority,
    Binding,
    BindingState,
)
from counterseal.machines import step
from counterseal.models import OPERATORS, Record, replace, revise
from counterseal.models.device_key import PublicKey
from counterseal.models.push import AddressKind
from counterseal.outbox.decisions.outbox import build_revocation_notifications

MOVED = "moved"
"""The audit log's reason for the end of a device whose place another has taken."""

InviterDemand: TypeAlias = Callable[[Binding, Tools], Coroutine[Any, Any, None]]
"""Requires that the administrator who invited a device of their own may still do so."""


def with_binding(
    devices: tuple[Device, ...], binding: Binding, now: datetime
) -> tuple[Device, ...]:
    """
    Return an account's list of devices with *binding* in it, if it is living.

    Invitations whose deadline has passed are removed from the list.
    """
    other_devices = tuple(
        device for device in living(devices, now) if device.binding != binding.guid
    )
    if binding.state not in LIVING:
        return other_devices
    device = Device(
        binding=binding.guid,
        state=binding.state,
        deadline=binding.deadline,
        addresses=binding.addresses,
        answers=binding.answers,
        language=binding.language,
        last_seen_at=binding.last_seen_at if binding.language else None,
    )
    return (*other_devices, device)


def end_binding(
    binding: Binding, state: BindingState, now: datetime, *, strikes: int | None = None
) -> Binding:
    """Return *binding* ended in *state*, decided by `step`; *strikes* of None keeps the count."""
    strike_count = binding.strikes if strikes is None else strikes
    return revise(
        binding,
        state=state,
        suspended_by=None,
        ended_at=now,
        strikes=strike_count,
        sessions_end_at=now if _may_have_sessions(binding) else None,
    )


def replace_binding(binding: Binding, now: datetime, actor: str) -> tuple[Binding, AuditEntry]:
    """Return *binding* revoked, since another has taken its place, and what is recorded of it."""
    state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
    entry = AuditEntry(binding.guid, "binding.revoke", MOVED, actor)
    return end_binding(binding, state, now, strikes=0), entry


def mark_device_seen(account: Account, binding: Binding, now: datetime) -> tuple[Record, ...]:
    """
    Return what is stored of a device that is seen *now*; nothing if that is not due.

    The account's list of devices says which one was seen last only where several have a language:
    nothing else is decided by it.
    """
    seen_bindings = mark_seen(binding, now)
    if not seen_bindings or not binding.language:
        return seen_bindings
    if all(each.binding == binding.guid or not each.language for each in account.devices):
        return seen_bindings
    devices = with_binding(account.devices, seen_bindings[0], now)
    return (*seen_bindings, revise(account, devices=devices))


def mark_seen(binding: Binding, now: datetime) -> tuple[Binding, ...]:
    """Return *binding* as seen *now*, to be stored, where what is stored is too old; or nothing."""
    if binding.last_seen_at is not None and now - binding.last_seen_at < SEEN_STEP:
        return ()
    return (revise(binding, last_seen_at=now),)


def suspend_or_resume_binding(
    binding: Binding, event: BindingEvent, authority: Authority, now: datetime
) -> Binding:
    """Return *binding* after *event*: *authority* suspends or resumes it."""
    state = step(
        BINDING, binding.state, event, SuspensionFacts(binding=binding, authority=authority)
    )
    suspended_by = authority if state is BindingState.SUSPENDED else None
    changed_binding = revise(binding, state=state, suspended_by=suspended_by)
    if state is not BindingState.SUSPENDED or not _may_have_sessions(binding):
        return changed_binding
    return replace(changed_binding, suspensions=binding.suspensions + 1, sessions_end_at=now)


def revoke_binding(
    tools: Tools, account: Account, binding: Binding, served_kinds: frozenset[AddressKind]
) -> Decision[Binding]:
    """Decide that *binding* is revoked; the caller has checked who may."""
    state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
    ended_binding = end_binding(binding, state, tools.now)
    if account.mailed_link is not None and binding.state is not BINDING.initial:
        # Who has a lost phone often has its user's mailbox.
        account = replace(account, mailed_link=None)
    decision = store_binding(tools, account, ended_binding, device_revoked_events(binding))
    decision.writes += build_revocation_notifications(tools, served_kinds, account, binding.guid)
    return decision


def store_binding(
    tools: Tools, account: Account, binding: Binding, new_events: tuple[NewAccountEvent, ...] = ()
) -> Decision[Binding]:
    """Decide to store the changed *binding*, and its entry in the account's list of devices."""
    devices = with_binding(account.devices, binding, tools.now)
    updated_account, events = build_account_events(
        tools, revise(account, devices=devices), *new_events
    )
    return Decision(
        result=binding,
        writes=(binding, updated_account, *events),
        audit=(AuditEntry(binding.guid),),
    )


def _may_have_sessions(binding: Binding) -> bool:
    """Tell whether an administrator may have logged in by *binding*: a worker ends what is left."""
    return binding.app_space == OPERATORS and binding.bound_at is not None


def session_of(binding: Binding | None) -> Reading[Records]:
    """Read the session that registered or invited *binding*, if that depends on it."""
    return records(binding.session) if binding and binding.session else records()


def binding_of(bindings: Iterable[Binding], credential_id: str) -> Binding | None:
    """Return the living binding of a browser's passkey with this credential id, if there is one."""
    for binding in bindings:
        key = living_key(binding)
        if key and key.passkey and key.passkey.credential_id == credential_id:
            return binding
    return None


def living_key(binding: Binding) -> PublicKey | None:
    """Return the key of a browser's living binding; None for any other binding."""
    if binding.answers or binding.state not in LIVING:
        return None
    return binding.keys[0].key
