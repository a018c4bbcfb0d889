"""
Events: a worker publishes an account's event in the log of its App Space, and origins read there.

An entry gets the next number of the log when it is published, and not when its event happens. So a
reader that has seen a number has seen, or can read, every entry with a smaller number.

One commit in the App Space's partition appends the entry and queues the origins' callbacks. The
next one, in the account's partition, marks the event as published. After a crash between the two,
the account's stream shows that the event is published.
"""

from __future__ import annotations

import attrs

from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    records,
    require,
    tenancy_records_of,
)
from counterseal.accounts.chart import ACCOUNT_EVENT, PublishingEvent
from counterseal.accounts.rules import receives
from counterseal.errors import InvalidField, WrongState
from counterseal.events.documents import AccountEventPage, DescribedEvent, read_cursor, write_cursor
from counterseal.machines import step
from counterseal.models import (
    Account,
    AccountEvent,
    AccountEventState,
    Callback,
    CallbackState,
    DeadReason,
    EventLog,
    EventStream,
    Guid,
    LoggedEvent,
    Origin,
    Record,
    revise,
)
from counterseal.models.events import (
    account_event_guid,
    event_callback_guid,
    event_log_guid,
    event_stream_guid,
    logged_event_guid,
)
from counterseal.outbox.chart import CALLBACK
from counterseal.outbox.decisions.callbacks import Composed, sign_and_compose
from counterseal.wire.members import write_record

PROBES = 32
"""Entries that one trip looks at to find the oldest one that is still kept."""


@attrs.define
class Publication:
    """
    The outcome of an attempt to publish an event.

    Attributes:
        earlier: The account's event that has to be published first; None if this one is published.
    """

    earlier: Guid | None = None


async def publish(stored: Records, tools: Tools) -> Decision[Publication]:
    """Decide to append the event to the log of its App Space, unless an earlier one is missing."""
    event = require(stored[0], AccountEvent)
    if event.state is AccountEventState.PUBLISHED:
        return Decision(result=Publication())
    space = event.app_space
    log, stream, earlier = await records(
        event_log_guid(space),
        event_stream_guid(space, event.account),
        account_event_guid(event.account, event.number - 1),
    )
    log = log if isinstance(log, EventLog) else None
    stream = stream if isinstance(stream, EventStream) else None
    last = 0 if stream is None else stream.last
    if event.number <= last:
        return Decision(result=Publication())
    if (
        event.number > last + 1
        and isinstance(earlier, AccountEvent)
        and earlier.state is AccountEventState.UNPUBLISHED
    ):
        return Decision(result=Publication(earlier=earlier.guid))
    origins = _receivers(event, await tenancy_records_of(space), tools)
    deliveries = {} if stream is None else dict(stream.deliveries)
    guids = (deliveries[origin.guid] for origin in origins if origin.guid in deliveries)
    callbacks = {
        record.origin: record for record in await records(*guids) if isinstance(record, Callback)
    }
    return _append(tools, _Publishing(event, log, stream, origins), callbacks)


def mark_published(stored: Records, _: Tools) -> Decision[None]:
    """Decide that an event is published; WrongState, unrecorded, if it already is."""
    event = require(stored[0], AccountEvent)
    try:
        state = step(ACCOUNT_EVENT, event.state, PublishingEvent.PUBLISH, None)
    except WrongState as refusal:
        return Decision(result=None, refusal=refusal, unrecorded=True)
    return Decision(result=None, writes=(revise(event, state=state),))


@attrs.define
class _Publishing:
    event: AccountEvent
    log: EventLog | None
    stream: EventStream | None
    origins: tuple[Origin, ...]
    """Those that the event is delivered to."""


def _receivers(event: AccountEvent, listed: Records, tools: Tools) -> tuple[Origin, ...]:
    return tuple(
        record
        for record in listed
        if isinstance(record, Origin)
        and record.events_url is not None
        and receives(record, event.kind, tools.now)
    )


def _append(
    tools: Tools, publishing: _Publishing, earlier: dict[Guid, Callback]
) -> Decision[Publication]:
    event, log, stream, now = publishing.event, publishing.log, publishing.stream, tools.now
    keep_until = now + tools.policy.events_retention
    if log is not None:
        # In the order of their numbers entries are forgotten, whatever the policy was.
        keep_until = max(keep_until, log.newest_end)
    number = 1 if log is None else log.last + 1
    entry = LoggedEvent(
        guid=logged_event_guid(event.app_space, number),
        app_space=event.app_space,
        number=number,
        event=event.guid,
        kind=event.kind,
        account=event.account,
        sequence=event.number,
        device=event.device,
        challenge=event.challenge,
        happened_at=event.created_at,
        created_at=now,
        keep_until=keep_until,
    )
    writes: list[Record] = [_log(event, log, entry), entry]
    deliveries = {} if stream is None else dict(stream.deliveries)
    for origin in publishing.origins:
        callback, waited_for = _deliver(entry, origin, earlier.get(origin.guid))
        writes += [callback] if waited_for is None else [callback, waited_for]
        deliveries[origin.guid] = callback.guid
    if stream is None:
        writes.append(
            EventStream(
                guid=event_stream_guid(event.app_space, event.account),
                app_space=event.app_space,
                account=event.account,
                last=event.number,
                deliveries=tuple(deliveries.items()),
                created_at=now,
            )
        )
    else:
        writes.append(revise(stream, last=event.number, deliveries=tuple(deliveries.items())))
    return Decision(
        result=Publication(),
        writes=tuple(writes),
        audit=(AuditEntry(event.guid),),
    )


def _log(event: AccountEvent, log: EventLog | None, entry: LoggedEvent) -> EventLog:
    if log is not None:
        return revise(log, last=entry.number, newest_end=entry.keep_until)
    return EventLog(
        guid=event_log_guid(event.app_space),
        app_space=event.app_space,
        last=entry.number,
        newest_end=entry.keep_until,
        created_at=entry.created_at,
    )


def _deliver(
    entry: LoggedEvent, origin: Origin, earlier: Callback | None
) -> tuple[Callback, Callback | None]:
    """Return the callback, and the earlier one, if it has to be over first."""
    assert origin.events_url is not None  # noqa: S101 (a receiver; for the type checker)
    guid = event_callback_guid(entry.app_space, entry.event, origin.guid)
    waits = earlier is not None and earlier.state is CallbackState.QUEUED
    callback = Callback(
        guid=guid,
        state=CALLBACK.initial,
        event=entry.guid,
        waits_for=earlier.guid if earlier is not None and waits else None,
        account=entry.account,
        origin=origin.guid,
        app_space=entry.app_space,
        url=origin.events_url,
        # One that still waits then is dead, since its event is too old to be sent.
        next_at=entry.keep_until if waits else entry.created_at,
        created_at=entry.created_at,
        keep_until=entry.keep_until,
    )
    if earlier is None or not waits:
        return callback, None
    return callback, revise(earlier, successor=guid)


def compose_event(
    tools: Tools, callback: Callback, origin: Origin, event: LoggedEvent, account: Account | None
) -> Composed:
    """Compose the callback about *event*, of which the origin may get several under one id."""
    if tools.now >= event.keep_until:
        return DeadReason.FORGOTTEN
    if not receives(origin, event.kind, tools.now):
        return DeadReason.FORBIDDEN
    document = write_record(describe(event, account))
    return sign_and_compose(tools, callback, origin, event.event, document)


# Reading


@attrs.define
class _Page:
    """The part of the log that an origin reads: at most *limit* entries after *after*."""

    origin: Origin
    after: int | None
    limit: int
    last: int

    def guids(self, first: int) -> tuple[Guid, ...]:
        end = min(first + self.limit, self.last + 1)
        return tuple(logged_event_guid(self.origin.app_space, each) for each in range(first, end))


async def read_log(
    stored: Records, tools: Tools, origin: Origin, after: str | None, limit: int
) -> Decision[AccountEventPage]:
    """Decide to return the events after the cursor *after*, or from the oldest kept event on."""
    log = stored[0]
    last = log.last if isinstance(log, EventLog) else 0
    number = None if after is None else read_cursor(after, origin.app_space)
    if number is not None and number > last:
        raise InvalidField("after", "a cursor of another service or time")
    page = _Page(origin, number, limit, last)
    first, gap = (number or 0) + 1, False
    entries = await records(*page.guids(first))
    if entries and not _is_stored(entries[0], tools):
        first, gap = await _oldest_after(first, page, tools), number is not None
        entries = await records(*page.guids(first))
    end = first + len(entries) - 1
    own_entries = tuple(
        entry
        for entry in entries
        if isinstance(entry, LoggedEvent) and entry.kind in origin.event_kinds
    )
    accounts = await records(*dict.fromkeys(entry.account for entry in own_entries))
    return Decision(
        result=AccountEventPage(
            events=describe_all(own_entries, accounts),
            next=write_cursor(end, origin.app_space),
            more=end < last,
            gap=gap,
        )
    )


async def _oldest_after(forgotten: int, page: _Page, tools: Tools) -> int:
    """Return the first number after *forgotten* that is kept, or one more than the last."""
    available, space = page.last + 1, page.origin.app_space
    while available - forgotten > 1:
        stride = max(1, (available - forgotten) // (PROBES + 1))
        numbers = tuple(range(forgotten + stride, available, stride))
        entries = await records(*(logged_event_guid(space, number) for number in numbers))
        probes = dict(zip(numbers, entries, strict=True))
        forgotten, available = _narrow(probes, tools, forgotten, available)
    return available


def _narrow(
    probes: dict[int, Record | None], tools: Tools, forgotten: int, available: int
) -> tuple[int, int]:
    """Return the last number that is forgotten, and the first after it that is available."""
    for number, entry in probes.items():
        if _is_stored(entry, tools):
            return forgotten, number
        forgotten = number
    return forgotten, available


def _is_stored(entry: Record | None, tools: Tools) -> bool:
    return isinstance(entry, LoggedEvent) and tools.now < entry.keep_until


def describe_all(entries: tuple[LoggedEvent, ...], accounts: Records) -> tuple[DescribedEvent, ...]:
    """Return what an origin reads of *entries*, with the accounts as they are now."""
    by_guid = {one.guid: one for one in accounts if isinstance(one, Account)}
    return tuple(describe(entry, by_guid.get(entry.account)) for entry in entries)


def describe(entry: LoggedEvent, account: Account | None) -> DescribedEvent:
    """Return what an origin reads of *entry*; an erased account has no id any more."""
    erased = account is None or account.erased_at is not None
    return DescribedEvent(
        type=entry.kind.value,
        guid=entry.event,
        account=entry.account,
        account_id=None if account is None or erased else account.account_id,
        app_space=entry.app_space,
        sequence=entry.sequence,
        device=entry.device,
        request=entry.challenge,
        happened_at=entry.happened_at,
    )
