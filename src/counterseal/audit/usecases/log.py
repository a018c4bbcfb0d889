"""The audit log for administrators: search it, read names for its GUIDs, and its counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._input_limits import LIST_LIMIT, limit_fits, text_fits
from counterseal._plan import records
from counterseal._transaction import UseCase
from counterseal.audit.decisions import (
    AuditReach,
    decide_reach,
    demand_whole_log,
    name_records,
    read_cursor,
    write_cursor,
)
from counterseal.errors import InvalidField
from counterseal.models import (
    USER_GAUGES,
    Administrator,
    AdminRole,
    AuditEvent,
    AuditQuery,
    ChainedEvent,
    CountKey,
    Gauge,
    GaugeKey,
    Guid,
    LogPlace,
    Operator,
    RecordName,
    SkipReason,
    sum_gauges,
)
from counterseal.models.guid import SHAPE

NAME_BYTES = 64
LONGEST_COUNTS = timedelta(days=31)
EXPORT_LIMIT = 1_000_000
"""Events of one export, at most: a week of a service that is asked a question a second."""
EXPORT_TIME = timedelta(minutes=10)
"""
After so long no further page of an export is read.

How long its reader takes for a page is limited by the server that sends it.
"""
UNDELIVERED = frozenset(
    (event, reason.value)
    for event in ("challenge.push", "binding.push")
    for reason in (SkipReason.UNDELIVERED, SkipReason.LATE)
)
"""How the notifications end that no device got, by the name and the reason of the event."""

_GUID = re.compile(SHAPE)
_EVENT = re.compile(r"[a-z_]{1,32}\.[a-z_]{0,32}")


@attrs.frozen(kw_only=True)
class FoundEvents:
    """
    A page of what a search found.

    Attributes:
        events: Newest first; each has its `event`.
        after: What to give to the next call; None after the last page. A page may be short, or
            empty, before that.
    """

    events: tuple[ChainedEvent, ...]
    after: str | None


@attrs.frozen
class AuditLog(UseCase):
    """
    What administrators read of the audit log, each within its reach.

    One of all companies reads all events; one of a company those of its App Spaces; an App Space
    Admin those of its App Space; User Support of these those of users, devices and challenges.
    An event is there as soon as it is chained: within a second, where the workers run.

    Each verb raises:

    - CredentialRefused: the administrator's time is over, or it was revoked;
    - NotFound: there is no such App Space;
    - Foreign: it is out of the administrator's reach;
    - InvalidField: an argument does not fit.
    """

    def search(
        self,
        *,
        app_space: Guid | None = None,
        subject: Guid | None = None,
        performer: str | None = None,
        event: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        after: str | None = None,
        limit: int = 100,
        by: Administrator,
    ) -> FoundEvents:
        """
        Return a page of events that fit all that is given, newest first.

        Args:
            app_space: Only its events.
            subject: The record that they are about.
            performer: Who did it: an event's `actor`.
            event: A name such as `challenge.issue`, or a noun with its point, `challenge.`.
            since: The earliest time.
            until: Only earlier events.
            reason: The code of a refusal, or the word of a result, such as `undelivered`; empty
                for events that have neither.
            after: The `after` of the page before.
            limit: At most so many, 1 to 1000.
        """
        context = AuditContext(event="audit.search", actor=by.actor, app_space=app_space)
        with refusals(self.ports, context):
            limit_fits(limit)
            _demand_fitting(performer, event, reason)
            query = AuditQuery(
                subject=subject,
                actor=performer,
                event=event,
                since=since,
                until=until,
                reason=reason,
                app_spaces=frozenset(),
            )
            log_place = read_cursor(after)
        return self._search(context, query, log_place, limit, by)

    def undelivered(
        self,
        *,
        app_space: Guid | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 100,
        by: Administrator,
    ) -> FoundEvents:
        """
        Return a page of the ends of notifications that no device got, newest first.

        They are events about questions and new devices, of the names and reasons in `UNDELIVERED`.
        No index has the reason: what is looked at is every event of the App Spaces that *by*
        reaches, or, if these are many, every notification of the service.

        Args:
            app_space: Only its events.
            since: The earliest time.
            until: Only earlier events.
            after: The `after` of the page before.
            limit: At most so many, 1 to 1000.
        """
        context = AuditContext(event="audit.search", actor=by.actor, app_space=app_space)
        with refusals(self.ports, context):
            limit_fits(limit)
            query = AuditQuery(
                since=since, until=until, endings=UNDELIVERED, app_spaces=frozenset()
            )
            log_place = read_cursor(after)
        return self._search(context, query, log_place, limit, by)

    @staticmethod
    def is_undelivered(key: CountKey) -> bool:
        """Tell whether the events that *key* counts are those that `undelivered` returns."""
        return (key.event, key.reason) in UNDELIVERED

    def export(
        self,
        *,
        app_space: Guid | None = None,
        subject: Guid | None = None,
        performer: str | None = None,
        event: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        form: str,
        by: Administrator,
    ) -> Iterator[FoundEvents]:
        """
        Return all pages of what `search` finds, newest first, for somebody who takes them away.

        That it begins is an event, `audit.export`, with the names of what is searched by; it is in
        the log when the call returns. It is of the App Space that is searched, or of that of *by*;
        else only administrators of all companies can read it.

        Each page is read when it is asked for, within the reach that *by* has then. The pages end
        after `EXPORT_LIMIT` events, and no page is read after `EXPORT_TIME`; if the last one has an
        `after`, there are more events than that.

        Args:
            app_space: As of `search`.
            subject: As of `search`.
            performer: As of `search`.
            event: As of `search`.
            since: As of `search`.
            until: As of `search`.
            reason: As of `search`.
            form: What is made of them, for the log; 1 to 64 bytes.
            by: Who exports.
        """
        context = AuditContext(event="audit.export", actor=by.actor, app_space=app_space)
        terms: dict[str, Any] = {
            "actor": performer,
            "event": event,
            "reason": reason,
            "since": since,
            "subject": subject,
            "until": until,
        }
        with refusals(self.ports, context):
            text_fits(form, NAME_BYTES, "form")
            _demand_fitting(performer, event, reason)
            query = AuditQuery(**terms, app_spaces=frozenset())
        self._reach(context, app_space, by)
        filters = {name for name, term in terms.items() if term is not None}
        filters |= {"app_space"} if app_space is not None else set()
        begun_at = self.ports.clock.now()
        export_event = AuditEvent(
            at=begun_at,
            event=context.event,
            actor=context.actor,
            attributes=(("filters", " ".join(sorted(filters)) or "none"), ("form", form)),
            app_space=app_space or getattr(by, "app_space", None),
        )
        self.ports.audit.record(export_event)
        return self._pages(context, query, begun_at + EXPORT_TIME, by)

    def _pages(
        self, context: AuditContext, query: AuditQuery, deadline: datetime, by: Administrator
    ) -> Iterator[FoundEvents]:
        count, log_place = 0, None
        while True:
            limit = min(LIST_LIMIT, EXPORT_LIMIT - count)
            found_events = self._search(context, query, log_place, limit, by)
            count += len(found_events.events)
            yield found_events
            log_place = read_cursor(found_events.after)
            is_over = count >= EXPORT_LIMIT or self.ports.clock.now() >= deadline
            if log_place is None or is_over:
                return

    def _search(
        self,
        context: AuditContext,
        query: AuditQuery,
        after: LogPlace | None,
        limit: int,
        by: Administrator,
    ) -> FoundEvents:
        reach = self._reach(context, context.app_space, by)
        query = attrs.evolve(query, app_spaces=reach.app_spaces, nouns=reach.nouns)
        page = self.ports.audit.search(query, after, limit)
        return FoundEvents(events=page.events, after=write_cursor(page.after))

    def counts(
        self, since: datetime, until: datetime, *, app_space: Guid | None = None, by: Administrator
    ) -> Mapping[CountKey, int]:
        """
        Return how often each event happened, by App Space, hour and reason; at most 31 days.

        They are kept while events are chained, and not counted anew. A key with a reason is a
        refusal with that code, or a result with that word. Telemetry of devices is not counted.

        Args:
            since: Only hours that begin at or after it.
            until: Only hours that begin before it.
            app_space: Only its events; None for all that *by* reaches.
        """
        context = AuditContext(event="audit.count", actor=by.actor, app_space=app_space)
        with refusals(self.ports, context):
            if not timedelta(0) < until - since <= LONGEST_COUNTS:
                raise InvalidField("until", f"not within {LONGEST_COUNTS.days} days after since")
        reach = self._reach(context, app_space, by)
        counts = self.ports.audit.counts(reach.app_spaces, since, until)
        if reach.nouns is None:
            return counts
        return {
            key: count
            for key, count in counts.items()
            if key.event.partition(".")[0] in reach.nouns
        }

    def signed_head(self, *, by: Administrator) -> str | None:
        """
        Return the newest signed head of all partitions; None if nothing is chained.

        A person who keeps it can show later that the log was not cut back to an older state.

        Raises:
            RoleLacking: *by* is not an administrator of all companies: the head counts the events
                of all.
        """
        context = AuditContext(event="audit.head", actor=by.actor)
        self._transactions.act(context, demand_whole_log, by)
        stored = self.ports.audit.signed_head()
        return None if stored is None else stored.token

    def names(self, guids: Iterable[str], *, by: Administrator) -> Mapping[Guid, RecordName]:
        """
        Return what people call the records that events name, for those that *by* may read.

        A record that is out of reach, erased or of a kind without a name is left out. So *by* may
        read the names of administrators of the same App Spaces, or of their company.

        Args:
            guids: Of actors and subjects; other texts are left out.
            by: Who reads.
        """
        context = AuditContext(event="audit.name", actor=by.actor)
        reach = self._reach(context, None, by)
        unique_guids = tuple(sorted({Guid(guid) for guid in guids if _GUID.fullmatch(guid)}))
        return self._transactions.transact(context, records(*unique_guids), name_records, reach, by)

    def _reach(
        self, context: AuditContext, app_space: Guid | None, by: Administrator
    ) -> AuditReach:
        return self._transactions.act(context, decide_reach, by, app_space)


def _demand_fitting(performer: str | None, event: str | None, reason: str | None) -> None:
    """Refuse what no event can have, by InvalidField."""
    text_fits(performer, NAME_BYTES, "actor")
    text_fits(reason, NAME_BYTES, "reason", empty=True)
    if event is not None and not _EVENT.fullmatch(event):
        raise InvalidField("event", "not a name such as challenge.issue or challenge.")


@attrs.frozen
class Gauges(UseCase):
    """How many records there are of a kind and state, as commits have counted them."""

    def read(self, *, app_space: Guid | None = None, by: Administrator) -> Mapping[GaugeKey, int]:
        """
        Return the gauges that are not 0, by App Space and origin.

        They are those of the App Spaces whose audit log the administrator may read. One of all
        companies also reads what belongs to no App Space: callbacks of an older release. User
        Support reads users and challenges only.
        A challenge is counted as pending until a worker has expired it.

        Args:
            app_space: Only its gauges; None for all that *by* reaches.
            by: Who reads them.

        Raises:
            CredentialRefused: The administrator's time is over, or it was revoked.
            NotFound: There is no such App Space.
            Foreign: It is out of the administrator's reach.
            Unavailable: The store did not answer.
        """
        context = AuditContext(event="gauges.read", actor=by.actor, app_space=app_space)
        reach = self._transactions.act(context, decide_reach, by, app_space)
        gauges = self.ports.store.gauges(reach.app_spaces)
        if reach.nouns is None:
            return {key: count for key, count in gauges.items() if count}
        return {key: count for key, count in gauges.items() if count and key.gauge in USER_GAUGES}

    def totals(self, *, app_space: Guid | None = None, by: Administrator) -> Mapping[Gauge, int]:
        """
        Return the sum of each gauge that the role of *by* reads, in order; errors as of `read`.

        Args:
            app_space: Only what is in it; None for all that *by* reaches.
            by: Who reads them.
        """
        sums = sum_gauges(self.read(app_space=app_space, by=by))
        if isinstance(by, Operator) or by.role is not AdminRole.SUPPORT:
            return sums
        return {gauge: count for gauge, count in sums.items() if gauge in USER_GAUGES}
