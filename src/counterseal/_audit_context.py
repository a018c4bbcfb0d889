"""
The audit context of a call: who does what to which record, and what of it is recorded.

A committed decision is recorded by its commit, with the events that `events_of` returns. A refusal
commits nothing, and `record_refusal` hands it to the audit log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import attrs

from counterseal._plan import Decision
from counterseal.errors import Refused, TooOften
from counterseal.models import OPERATORS, Account, AppSpace, AuditEvent, Binding, Guid
from counterseal.ports import Ports

MINUTE = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class AuditContext:
    """
    Who does what to which record, for the audit log.

    Attributes:
        event: `noun.verb`.
        actor: A GUID or a role.
        subject: None if there is no record yet.
        app_space: Where it happens; None if it is that of the records that are read.
    """

    event: str
    actor: str
    subject: Guid | None = None
    app_space: Guid | None = None

    def with_subject(self, subject: Guid) -> AuditContext:
        """Return the context of the same call, which is about the record *subject*."""
        return AuditContext(
            event=self.event, actor=self.actor, subject=subject, app_space=self.app_space
        )


def events_of(
    decision: Decision[Any], context: AuditContext, now: datetime, stored: Iterable[Any]
) -> tuple[AuditEvent, ...]:
    """Return the audit events of *decision*, which was made on what each trip returned."""
    events = []
    app_space = context.app_space or app_space_of(context.subject, (decision.writes, *stored))
    for entry in decision.audit:
        event = AuditEvent(
            at=now,
            event=entry.event or context.event,
            actor=entry.actor or context.actor,
            subject=entry.subject,
            reason=entry.reason,
            attributes=entry.attributes,
            app_space=app_space,
        )
        events.append(event)
    return tuple(events)


def app_space_of(subject: Guid | None, trips: Iterable[Any]) -> Guid | None:
    """
    Return the App Space of the record *subject*, or else of the first record that has one.

    All records that a decision reads or writes are of one App Space; only who decides, an
    administrator, can be of none. An administrator's own account and passkeys say nothing of it.

    Args:
        trips: A record, or a tuple of records, each.
    """
    first: Guid | None = None
    proving = (Account, Binding)
    for trip in trips:
        for record in trip if isinstance(trip, tuple) else (trip,):
            is_app_space = isinstance(record, AppSpace)
            app_space: Guid | None = (
                record.guid if is_app_space else getattr(record, "app_space", None)
            )
            if app_space == OPERATORS and isinstance(record, proving) and record.guid != subject:
                continue
            if app_space is not None:
                if subject is None or record.guid == subject:
                    return app_space
                first = first or app_space
    return first


def record_refusal(
    ports: Ports, context: AuditContext, refusal: Refused, stored: Iterable[Any] = ()
) -> None:
    """Record a refusal after the trips that returned *stored*; nothing was committed."""
    ports.audit.record(
        AuditEvent(
            at=ports.clock.now(),
            event=context.event,
            actor=context.actor,
            subject=context.subject,
            reason=refusal.code,
            app_space=context.app_space or app_space_of(context.subject, stored),
        )
    )


class refusals:  # noqa: N801 (a context, named as it is read)
    """Record a refusal that is raised in the block, before a transaction begins."""

    __slots__ = ("_context", "_ports")

    def __init__(self, ports: Ports, context: AuditContext) -> None:
        self._ports = ports
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Refused):
            record_refusal(self._ports, self._context, error)


def demand_rate(ports: Ports, context: AuditContext, key: tuple[str, str], limit: int) -> None:
    """
    Count one more call of *key* in this minute, before it is made.

    Raises:
        TooOften: There were more than *limit*; the refusal is recorded.
    """
    if ports.counters.add(key, MINUTE) > limit:
        refusal = TooOften(f"{key[0]}_rate", MINUTE.total_seconds())
        record_refusal(ports, context, refusal)
        raise refusal
