"""Rung: what came of an attempt at each address, and how it is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from counterseal.errors import NotifierUnavailable
from counterseal.models import (
    AuditEvent,
    Guid,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.ports import Notifier

Rung: TypeAlias = tuple[tuple[PushAddress, PushOutcome], ...]
"""What came of an attempt at each address of one device."""


def rung(
    notifier: Notifier, addresses: Mapping[Guid, tuple[PushAddress, ...]], message: PushMessage
) -> dict[Guid, Rung]:
    """
    Ring once at the addresses of each device.

    Raises:
        Unavailable: A port other than the notifier failed.
    """
    asked = tuple(address for each in addresses.values() for address in each)
    try:
        outcomes = notifier.push(asked, message) if asked else ()
    except NotifierUnavailable:
        outcomes = (PushOutcome(result=PushResult.LATER),) * len(asked)
    told = iter(tuple(zip(asked, outcomes, strict=True)))
    return {device: tuple(next(told) for _ in each) for device, each in addresses.items()}


def gone(outcomes: Mapping[Guid, Rung]) -> dict[Guid, frozenset[PushAddress]]:
    """Return the addresses that are gone, by device, of devices that have one."""
    dead = {
        device: frozenset(at for at, one in each if one.result is PushResult.GONE)
        for device, each in outcomes.items()
    }
    return {device: each for device, each in dead.items() if each}


def told(
    occasion: Occasion,
    subject: Guid,
    outcomes: Mapping[Guid, Rung],
    now: datetime,
    actor: str,
) -> tuple[AuditEvent, ...]:
    """Return what the audit log records: a line for each address, with what came of it."""
    return tuple(
        push_event(
            occasion,
            subject,
            now,
            actor=actor,
            reason="" if one.result is PushResult.DELIVERED else one.result.value,
            attributes=(("device", device), ("kind", at.kind.value)),
        )
        for device, each in outcomes.items()
        for at, one in each
    )


def push_event(
    occasion: Occasion,
    subject: Guid,
    now: datetime,
    *,
    reason: str,
    actor: str,
    attributes: Iterable[tuple[str, str]] = (),
) -> AuditEvent:
    """Return one line of the audit log about *news* of *subject*."""
    noun = "challenge" if occasion is Occasion.CHALLENGE else "binding"
    return AuditEvent(
        at=now,
        event=f"{noun}.push",
        actor=actor,
        subject=subject,
        reason=reason,
        attributes=(("occasion", occasion.value), *attributes),
    )
