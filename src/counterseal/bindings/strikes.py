"""Strikes: wrong strong-key signatures are counted, and the last one that policy allows revokes."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import attrs

from counterseal.bindings.news import revoked
from counterseal.bindings.roster import enlisted
from counterseal.decisions import Decision
from counterseal.errors import StrongKeyMissed
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import Account, AuditEvent, Binding, BindingState, Change
from counterseal.ports import Ports
from counterseal.rules.facts import Striking

T = TypeVar("T")


def strike(
    ports: Ports, facts: Striking, account: Account, now: datetime, result: T
) -> Decision[T]:
    """
    Decide what a wrong strong-key signature does to the device.

    Args:
        account: The binding's; a guard of the commit, and off its roster goes a revoked device.
        result: What the use case would return if the decision did not refuse.

    Raises:
        Refused: It was no wrong strong-key signature inside a proven call.
    """
    binding = facts.binding
    state = step(BINDING, binding.state, BindingEvent.STRIKE, facts)
    strikes = binding.strikes + 1
    if state is BindingState.REVOKED:
        struck = attrs.evolve(ended(binding, state, now), strikes=strikes)
        held = enlisted(account, struck, now)
        told = revoked(ports, facts.policy, account, binding.guid, now=now)
    else:
        struck = attrs.evolve(binding, version=binding.version + 1, strikes=strikes)
        held, told = account, ()
    refusal = StrongKeyMissed(max(0, facts.policy.strike_limit - strikes))
    event = AuditEvent(
        at=now,
        event="binding.strike",
        actor=binding.guid,
        subject=binding.guid,
        reason=refusal.code,
    )
    revocation = attrs.evolve(event, event="binding.revoke")
    return Decision(
        changes=(Change(binding, struck), Change(account, held), *told),
        audit=(event, revocation) if state is BindingState.REVOKED else (event,),
        result=result,
        refusal=refusal,
    )


def ended(binding: Binding, state: BindingState, now: datetime) -> Binding:
    """Return *binding* as it ends at *now* in *state*, which `step` has decided."""
    return attrs.evolve(
        binding, version=binding.version + 1, state=state, suspended_by=None, ended_at=now
    )
