"""
Searching the audit log by one index at a time, newest first.

A store has an index for each `IndexKind`, in the order of `LogPlace`. A search reads the one that
says most of the query, a limited number of entries, and leaves out what does not fit the rest.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs

from counterseal.models import AuditEvent, AuditPage, AuditQuery, ChainedEvent, LogPlace
from counterseal_records.bodies import RecordUnreadable, read_as

EXAMINED = 3_000
"""
How many entries a search looks at, at most, before it returns what fits of them.

A page of a portal is there within 300 ms, however rare what it lists is.
"""

APP_SPACES = 8
"""Of more App Spaces than these, no search reads the index of each."""

BATCH = 500
"""How many entries are read of one key in one trip, at most."""


class IndexKind(enum.Enum):
    """The indexes of the log."""

    SUBJECT = "s"
    ACTOR = "a"
    APP_SPACE = "p"
    EVENT = "e"
    NOUN = "n"
    TIME = "t"


@attrs.frozen
class IndexKey:
    """One index, and what is looked up in it; for `TIME`, an empty text."""

    kind: IndexKind
    text: str = ""


@attrs.frozen
class Run:
    """Entries of one key with their places, newest first; `complete` if there are no older ones."""

    entries: Sequence[tuple[LogPlace, ChainedEvent]]
    complete: bool


Fetch: TypeAlias = Callable[[Sequence[IndexKey], LogPlace | None, int], Sequence[Run]]
"""Reads at most so many entries of each key behind a place; there may be several runs of a key."""


def index_keys(event: AuditEvent) -> tuple[IndexKey, ...]:
    """Return the keys by which an event is found."""
    keys = [
        IndexKey(IndexKind.ACTOR, event.actor),
        IndexKey(IndexKind.EVENT, event.event),
        IndexKey(IndexKind.NOUN, noun_of(event)),
        IndexKey(IndexKind.TIME),
    ]
    if event.subject is not None:
        keys.append(IndexKey(IndexKind.SUBJECT, event.subject))
    if event.app_space is not None:
        keys.append(IndexKey(IndexKind.APP_SPACE, event.app_space))
    return tuple(keys)


def noun_of(event: AuditEvent) -> str:
    """Return the noun of an event's name."""
    return event.event.partition(".")[0]


def read_event(body: str | bytes) -> AuditEvent | None:
    """Return the event in *body*; None if it cannot be read."""
    try:
        return read_as(AuditEvent, body)
    except RecordUnreadable:
        return None


def read_recorded(body: bytes) -> tuple[AuditEvent | None, bytes]:
    """
    Return a recorded event and the bytes to chain.

    What is no event becomes a JSON text of one line, so that it stops neither another event nor
    an archive.
    """
    event = read_event(body)
    if event is None or not body.isascii() or len(body.splitlines()) != 1:
        return None, json.dumps(body.decode("utf-8", "backslashreplace")).encode("ascii")
    return event, body


def search(query: AuditQuery, after: LogPlace | None, limit: int, fetch: Fetch) -> AuditPage:
    """Return a page of what fits *query*, which *fetch* reads from the store."""
    keys = _keys_of(query)
    if not keys or (query.since and query.until and query.since >= query.until):
        return AuditPage(events=(), after=None)
    if query.until is not None:
        end = LogPlace(query.until, 0, 0)
        after = end if after is None else min(after, end)
    events: list[ChainedEvent] = []
    examined, count = 0, min(BATCH, limit + 1)
    while True:
        batch, complete = _merge(fetch(keys, after, count))
        for log_place, chained in batch:
            if query.since is not None and log_place.at < query.since:
                return AuditPage(events=tuple(events), after=None)
            if len(events) == limit:
                return AuditPage(events=tuple(events), after=after)
            after = log_place
            examined += 1
            if chained.event is not None and query.matches(chained.event):
                events.append(chained)
        if complete:
            return AuditPage(events=tuple(events), after=None)
        if examined >= EXAMINED:
            return AuditPage(events=tuple(events), after=after)
        count = BATCH


def _keys_of(query: AuditQuery) -> tuple[IndexKey, ...]:
    """Return the keys, of one index, whose entries together have all that fits *query*."""
    if query.subject is not None:
        return (IndexKey(IndexKind.SUBJECT, query.subject),)
    if query.actor is not None:
        return (IndexKey(IndexKind.ACTOR, query.actor),)
    if query.app_spaces is not None and len(query.app_spaces) <= APP_SPACES:
        return tuple(IndexKey(IndexKind.APP_SPACE, one) for one in sorted(query.app_spaces))
    if query.event is not None and query.event.endswith("."):
        return (IndexKey(IndexKind.NOUN, query.event[:-1]),)
    if query.event is not None or query.endings is not None:
        names = {name for name, _ in query.endings or ()} if query.event is None else {query.event}
        return tuple(IndexKey(IndexKind.EVENT, name) for name in sorted(names))
    return (IndexKey(IndexKind.TIME),)


def _merge(runs: Sequence[Run]) -> tuple[list[tuple[LogPlace, ChainedEvent]], bool]:
    """Return the entries of all runs up to the first gap, and whether there is none."""
    entries = [entry for run in runs for entry in run.entries]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    last_places = [run.entries[-1][0] for run in runs if not run.complete]
    if not last_places:
        return entries, True
    frontier = max(last_places)
    return [entry for entry in entries if entry[0] >= frontier], False
