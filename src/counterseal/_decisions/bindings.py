"""
Bindings: an account's list of its living devices, and what a wrong strong-key signature does.

Functions that one decision calls for several bindings take and return the list of devices, and
not the account, which is revised once.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from counterseal._decisions.outbox import build_revocation_notifications
from counterseal._decisions.plan import AuditEntry, Decision, Tools
from counterseal.errors import StrongKeyMissed
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import Record, revise
from counterseal.models.account import Account, Device
from counterseal.models.binding import LIVING, AddressKind, Authority, Binding, BindingState
from counterseal.rules.answering import Striking
from counterseal.rules.standing import Standing, living

R = TypeVar("R")


def with_binding(
    devices: tuple[Device, ...], binding: Binding, now: datetime
) -> tuple[Device, ...]:
    """
    Return an account's list of devices with *binding* in it, if it is living.

    Invitations whose deadline has passed are removed from the list.
    """
    others = tuple(device for device in living(devices, now) if device.binding != binding.guid)
    if binding.state not in LIVING:
        return others
    device = Device(
        binding=binding.guid,
        state=binding.state,
        deadline=binding.deadline,
        addresses=binding.addresses,
    )
    return (*others, device)


def end_binding(
    binding: Binding, state: BindingState, now: datetime, *, strikes: int | None = None
) -> Binding:
    """Return *binding* as it ends in *state*, which `step` has decided."""
    strike_count = binding.strikes if strikes is None else strikes
    return revise(binding, state=state, suspended_by=None, ended_at=now, strikes=strike_count)


def change_standing(binding: Binding, event: BindingEvent, authority: Authority) -> Binding:
    """Return *binding* as *authority* suspends or resumes it."""
    state = step(BINDING, binding.state, event, Standing(binding=binding, authority=authority))
    suspended_by = authority if state is BindingState.SUSPENDED else None
    return revise(binding, state=state, suspended_by=suspended_by)


def strike(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    facts: Striking,
    account: Account,
    result: R,
) -> Decision[R]:
    """
    Count a wrong strong-key signature; the last one that the policy allows revokes the device.

    The refusal is raised after the commit, which guards the account, or writes it without the
    revoked device.
    """
    binding, now = facts.binding, tools.now
    state = step(BINDING, binding.state, BindingEvent.STRIKE, facts)
    strikes = binding.strikes + 1
    refusal = StrongKeyMissed(max(0, facts.policy.strike_limit - strikes))
    entry = AuditEntry(binding.guid, "binding.strike", refusal.code)
    if state is not BindingState.REVOKED:
        return Decision(
            result=result,
            writes=(revise(binding, strikes=strikes),),
            guards=(account,),
            audit=(entry,),
            refusal=refusal,
        )
    revoked_binding = end_binding(binding, state, now, strikes=strikes)
    devices = with_binding(account.devices, revoked_binding, now)
    notifications: tuple[Record, ...] = build_revocation_notifications(
        tools, served_kinds, account, binding.guid
    )
    return Decision(
        result=result,
        writes=(revoked_binding, revise(account, devices=devices), *notifications),
        audit=(entry, AuditEntry(binding.guid, "binding.revoke", refusal.code)),
        refusal=refusal,
    )
