"""
Strikes: a device's wrong signatures by its strong key, which most likely are wrong PINs.

Each strike adds one to the count in the device's binding. The last one that the policy allows
revokes the device. An accepted answer under a strong key resets the count
(`counterseal.challenges.decisions.answers`).
"""

from __future__ import annotations

from typing import TypeVar

from counterseal._plan import AuditEntry, Decision, Tools
from counterseal.accounts.decisions.account_events import (
    NewAccountEvent,
    build_account_events,
    device_revoked_events,
)
from counterseal.accounts.records import Account
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import end_binding, with_binding
from counterseal.bindings.records import BindingState
from counterseal.challenges.rules.answering import StrikeFacts
from counterseal.errors import StrongKeyMissed
from counterseal.machines import step
from counterseal.models import Record, revise
from counterseal.models.events import AccountEventKind
from counterseal.models.push import AddressKind
from counterseal.outbox.decisions.outbox import build_revocation_notifications

R = TypeVar("R")


def count_strike(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    facts: StrikeFacts,
    account: Account,
    result: R,
) -> Decision[R]:
    """
    Count a wrong signature by the strong key; the last one that is allowed revokes the device.

    The refusal is raised after the commit of the strike. The account is committed, too: it counts
    the account event that tells origins of the strike, and a revoked device is removed from it.
    """
    binding, now = facts.binding, tools.now
    state = step(BINDING, binding.state, BindingEvent.STRIKE, facts)
    strikes = binding.strikes + 1
    refusal = StrongKeyMissed(max(0, facts.policy.strike_limit - strikes))
    entry = AuditEntry(binding.guid, "binding.strike", refusal.code)
    new_event = NewAccountEvent(AccountEventKind.STRIKE, device=binding.guid)
    if state is not BindingState.REVOKED:
        counted_account, events = build_account_events(tools, revise(account), new_event)
        return Decision(
            result=result,
            writes=(revise(binding, strikes=strikes), counted_account, *events),
            audit=(entry,),
            refusal=refusal,
        )
    revoked_binding = end_binding(binding, state, now, strikes=strikes)
    devices = with_binding(account.devices, revoked_binding, now)
    updated_account, events = build_account_events(
        tools,
        revise(account, devices=devices, mailed_link=None),
        new_event,
        *device_revoked_events(binding),
    )
    notifications: tuple[Record, ...] = build_revocation_notifications(
        tools, served_kinds, account, binding.guid
    )
    return Decision(
        result=result,
        writes=(revoked_binding, updated_account, *events, *notifications),
        audit=(entry, AuditEntry(binding.guid, "binding.revoke", refusal.code)),
        refusal=refusal,
    )
