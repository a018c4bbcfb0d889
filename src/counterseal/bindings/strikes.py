"""Strikes: wrong strong-key signatures, for use cases on the old pattern."""

from __future__ import annotations

from typing import TypeVar

from counterseal._decisions import bindings
from counterseal._decisions.bindings import end_binding as ended
from counterseal.decisions import Act, Decision, settled, tools_of
from counterseal.models import Account
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.facts import Striking

T = TypeVar("T")

__all__ = ["ended", "strike"]


def strike(
    ports: Ports, policy: Policy, facts: Striking, account: Account, *, result: T
) -> Decision[T]:
    """
    Decide what a wrong strong-key signature does to the device.

    Raises:
        Refused: It was no wrong strong-key signature inside a proven call.
    """
    binding, tools = facts.binding, tools_of(ports, policy)
    tools.now = facts.proving.now
    act = Act(event="binding.strike", actor=binding.guid)
    decision = bindings.strike(tools, ports.notifier.kinds(), facts, account, result)
    return settled(decision, (binding, account), act, tools.now)
