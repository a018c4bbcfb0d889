"""
Events: an account's events are published to the origins of its App Space, which can read them.

A worker publishes what is due: in the log of the App Space, and as callbacks. Two workers that
publish one event at once append it once.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._input_limits import limit_fits
from counterseal._plan import records
from counterseal._transaction import UseCase
from counterseal.errors import Refused, Unavailable
from counterseal.events import decisions as events
from counterseal.events.documents import AccountEventPage
from counterseal.models import AccountEvent, Guid, Record, RelyingParty
from counterseal.models.events import event_log_guid
from counterseal.ports import Due
from counterseal.tenancy.rules.authorization import OriginPermission

MOST = 10_000
"""How many due events are read at once, at most, if the first ones fail."""


@attrs.frozen
class Events(UseCase):
    """What workers and origins do with the events of accounts."""

    def publish_due(self, limit: int = 100) -> int:
        """
        Publish the events that are due, about *limit* at most; return how many were.

        Events of an App Space that fails stay due: it reads on past them, up to `MOST`.

        Raises:
            Unavailable: A port failed; other App Spaces' events are published.
        """
        published, size = 0, limit
        failures: dict[Guid, Unavailable] = {}
        while True:
            events = self.ports.store.due(Due.ACCOUNT_EVENT, self.ports.clock.now(), size)
            published += self._publish_all(events, failures)
            if not failures:
                return published
            if published >= limit or len(events) < size or size >= MOST:
                raise next(iter(failures.values()))
            size = min(2 * size, MOST)

    def _publish_all(self, events: Iterable[Record], failures: dict[Guid, Unavailable]) -> int:
        """Publish *events*, except of App Spaces in *failures*; add those that fail to it."""
        published = 0
        for event in events:
            if not isinstance(event, AccountEvent) or event.app_space in failures:
                continue
            try:
                published += self.publish(event.guid)
            except Refused:
                # Another worker was faster, or an account's later event came first.
                continue
            except Unavailable as failure:
                failures[event.app_space] = failure
        return published

    def publish(self, event: Guid) -> int:
        """
        Publish one event, and the account's earlier ones before it; return how many.

        Raises:
            NotFound: There is no such event.
            WrongState: It is published already.
            Contended: Other workers were faster each time.
        """
        published, waiting = 0, [event]
        while waiting:
            guid = waiting[-1]
            context = AuditContext(event="account_event.publish", actor="worker", subject=guid)
            publication = self._transactions.transact(context, records(guid), events.publish)
            if publication.earlier is not None:
                waiting.append(publication.earlier)
                continue
            self._transactions.transact(context, records(guid), events.mark_published)
            waiting.pop()
            published += 1
        return published

    def read(
        self, party: RelyingParty, *, after: str | None = None, limit: int = 100
    ) -> AccountEventPage:
        """
        Return the events of the App Space's accounts that the origin wants, oldest first.

        They are in the order in which they were published. A reader that has read an event has
        read every event with a lower number, even one that happened later.

        Args:
            after: The `next` of an earlier page; None begins with the oldest event that is kept.
            limit: How many events of the log are looked at; the page may have fewer.

        Raises:
            InvalidField: *after* is no cursor of this App Space, or the limit is not one that can
                be asked for.
        """
        context = self._permit(party, OriginPermission.USERS, "event.read")
        with refusals(self.ports, context):
            limit_fits(limit)
        first = records(event_log_guid(party.app_space.guid))
        return self._transactions.transact(
            context, first, events.read_log, party.origin, after, limit
        )
