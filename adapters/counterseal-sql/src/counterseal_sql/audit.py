"""The audit log: recorded events in one table, and the chains of events in another."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from sqlalchemy import (
    BigInteger,
    BindParameter,
    bindparam,
    cast,
    delete,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from counterseal.models import (
    AuditEvent,
    AuditPage,
    AuditQuery,
    ChainedEvent,
    ChainHead,
    ChainLink,
    CountKey,
    Guid,
    LogPlace,
    SignedHead,
    StoredEvent,
    UnchainedEvents,
)
from counterseal.models.audit_log import event_partition
from counterseal.models.guid import PARTITIONS
from counterseal_records import (
    IndexKey,
    IndexKind,
    Run,
    digest,
    microseconds,
    moment_at,
    read_as,
    search,
)
from counterseal_sql.commits import event_row
from counterseal_sql.connections import Connection
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.rows import (
    read_chained,
    read_head,
    read_place,
    read_unchained,
    unreadable_head,
    write_chained,
    write_count,
    write_place,
)
from counterseal_sql.schema import AUDIT, AUDIT_COUNTS, AUDIT_HEADS, AUDIT_SIGNATURES, EVENTS

ALL_PLACES = (microseconds(datetime.max.replace(tzinfo=UTC)) + 1, 0, 0)
"""Behind the newest event."""

FIRST_MOMENT = microseconds(datetime.min.replace(tzinfo=UTC))

_INSERT = Statement(insert(EVENTS))
_PAGE = Statement(
    select(EVENTS.c.number, EVENTS.c.body)
    .where(EVENTS.c.number > bindparam("after"))
    .order_by(EVENTS.c.number)
    .limit(bindparam("limit"))
)
_DELETE = Statement(delete(EVENTS).where(EVENTS.c.number == bindparam("number_of_one")))

_audit = AUDIT.c
_PLACE_COLUMNS = (_audit.at, _audit.partition, _audit.position)
# SQLite stores also other types in these columns.
_IS_NUMBERED = cast(_audit.position, BigInteger) == _audit.position
_IS_REACHED = _audit.position > (
    select(AUDIT_HEADS.c.base)
    .where(
        AUDIT_HEADS.c.partition == _audit.partition,
        AUDIT_HEADS.c.partition.between(0, PARTITIONS - 1),
    )
    .scalar_subquery()
)
_CHAINED = Statement(
    select(AUDIT)
    .where(_audit.partition == bindparam("of"), _audit.position > bindparam("after"), _IS_NUMBERED)
    .order_by(_audit.position)
    .limit(bindparam("limit"))
)
_ALL_CHAINED = Statement(
    select(AUDIT)
    .where(
        tuple_(*_PLACE_COLUMNS)
        > tuple_(bindparam("at_of"), bindparam("partition_of"), bindparam("position_of"))
    )
    .order_by(*_PLACE_COLUMNS)
    .limit(bindparam("limit"))
)
_MISPLACED = Statement(
    select(_audit.partition, _audit.position)
    .where(or_(not_(_IS_NUMBERED), not_(func.coalesce(_IS_REACHED, false()))))
    .limit(bindparam("limit"))
)
_APPEND = Statement(insert(AUDIT))
_HEADS = Statement(select(AUDIT_HEADS))
_ADVANCE = Statement(
    update(AUDIT_HEADS)
    .where(
        AUDIT_HEADS.c.partition == bindparam("of"),
        AUDIT_HEADS.c.position == bindparam("old_position"),
        AUDIT_HEADS.c.hash == bindparam("old_hash"),
    )
    .values(position=bindparam("new_position"), hash=bindparam("new_hash"))
)
_HASH = Statement(
    select(_audit.hash).where(
        _audit.partition == bindparam("of"), _audit.position == bindparam("through")
    )
)
_DROP = Statement(
    delete(AUDIT).where(
        _audit.partition == bindparam("of"), _audit.position <= bindparam("through")
    )
)
_MOVE_BASE = Statement(
    update(AUDIT_HEADS)
    .where(AUDIT_HEADS.c.partition == bindparam("of"), AUDIT_HEADS.c.base < bindparam("through"))
    .values(base=bindparam("new_base"), base_hash=bindparam("new_base_hash"))
)
_count = AUDIT_COUNTS.c
_COUNTS = Statement(
    select(_count.app_space, _count.hour, _count.name, _count.count).where(
        _count.hour >= bindparam("since"), _count.hour < bindparam("until")
    )
)
_COUNTS_OF_SOME = Statement(
    select(_count.app_space, _count.hour, _count.name, _count.count).where(
        _count.hour >= bindparam("since"),
        _count.hour < bindparam("until"),
        _count.app_space.in_(bindparam("app_spaces", expanding=True)),
    ),
    listed="app_spaces",
)
_signature = AUDIT_SIGNATURES.c
_SIGNED = Statement(
    select(_signature.number, _signature.token).order_by(_signature.number.desc()).limit(1)
)
_FORGET_SIGNATURES = Statement(
    delete(AUDIT_SIGNATURES).where(_signature.number < bindparam("newest"))
)


def _behind(*conditions: Any) -> Statement:
    return Statement(
        select(AUDIT)
        .where(
            *conditions,
            tuple_(*_PLACE_COLUMNS)
            < tuple_(bindparam("at_of"), bindparam("partition_of"), bindparam("position_of")),
            _audit.at >= FIRST_MOMENT,
            _IS_NUMBERED,
            _IS_REACHED,
        )
        .order_by(*(column.desc() for column in _PLACE_COLUMNS))
        .limit(bindparam("limit"))
    )


_KEY: BindParameter[Any] = bindparam("key")
_SEARCHES = {
    IndexKind.TIME: _behind(),
    IndexKind.ACTOR: _behind(_audit.actor == _KEY),
    IndexKind.EVENT: _behind(_audit.event == _KEY),
    IndexKind.NOUN: _behind(_audit.noun == _KEY),
    IndexKind.SUBJECT: _behind(_audit.subject == _KEY),
    IndexKind.APP_SPACE: _behind(_audit.app_space == _KEY),
}


_GUIDS = (IndexKind.SUBJECT, IndexKind.APP_SPACE)


@attrs.frozen
class Entry:
    """
    One recorded event that is not chained yet.

    Attributes:
        number: Names it; no other such event has it.
            SQLite starts again at 1 when there are none.
    """

    number: int
    event: AuditEvent


class _Lost(Exception):
    """Another worker has chained some of these events."""


class SqlAudit:
    """The log of one service, with the events of its commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begin = Statement(
            database.dialect.insert(AUDIT_HEADS)
            .on_conflict_do_nothing()
            .returning(AUDIT_HEADS.c.partition)
        )
        new_count = database.dialect.insert(AUDIT_COUNTS)
        self._add = Statement(
            new_count.on_conflict_do_update(
                index_elements=[AUDIT_COUNTS.c.key],
                set_={"count": AUDIT_COUNTS.c.count + new_count.excluded.count},
            )
        )
        self._sign = Statement(
            database.dialect.insert(AUDIT_SIGNATURES)
            .on_conflict_do_nothing()
            .returning(AUDIT_SIGNATURES.c.number)
        )

    def record(self, event: AuditEvent) -> None:
        """Append *event*."""
        values = event_row(event)
        self._database.write(lambda connection: connection.count(_INSERT, [values]))

    def read(self, *, after: int = 0, limit: int = 1_000) -> tuple[Entry, ...]:
        """
        Return events that are not chained yet, in order.

        On PostgreSQL, an event of a slow transaction can appear after one with a greater number.

        Args:
            after: Return only events with a greater number.
            limit: How many events, at most.
        """
        return tuple(
            Entry(number, read_as(AuditEvent, body)) for number, body in self._page(after, limit)
        )

    def unchained(self, limit: int) -> tuple[UnchainedEvents, ...]:
        """Return events that are in no chain yet, with the heads that they follow."""
        # The heads first: an event that a rival chains meanwhile is then not behind its head.
        heads = self.heads()
        by_partition: dict[int, list[StoredEvent]] = defaultdict(list)
        after = 0
        # A partition whose head cannot be read stays as it is, and stops no other.
        while not by_partition and (page := self._page(after, limit)):
            for number, text in page:
                after = number
                event, body = read_unchained(text)
                partition = event_partition(event, body)
                if heads[partition] != unreadable_head(partition):
                    stored = StoredEvent(event=event, body=body, key=number)
                    by_partition[partition].append(stored)
        return tuple(
            UnchainedEvents(head=heads[partition], events=tuple(events))
            for partition, events in sorted(by_partition.items())
        )

    def append_chain(self, links: tuple[ChainLink, ...]) -> int:
        """
        Append *links* to the chains that they follow, in one transaction; return how many do.

        Raises:
            Indeterminate: The reply was lost.
            StoreUnavailable: The database did not answer, and nothing has changed.
        """
        ordered = sorted(links, key=lambda link: link.head.partition)
        try:
            with self._database.committing() as connection:
                standing = [link for link in ordered if self._advanced(connection, link)]
                if standing:
                    self._move(connection, standing)
        except _Lost:
            return 0
        return len(standing)

    def heads(self) -> tuple[ChainHead, ...]:
        """Return the heads of all partitions."""
        with self._database.reading() as connection:
            rows = connection.rows(_HEADS, {})
        heads = [ChainHead(partition=partition) for partition in range(PARTITIONS)]
        for row in rows:
            if 0 <= row[0] < PARTITIONS:
                heads[row[0]] = read_head(*row)
        return tuple(heads)

    def chained(self, partition: int, after: int, limit: int) -> tuple[ChainedEvent, ...]:
        """Return chained events of a partition behind the position *after*."""
        values = {"of": partition, "after": after, "limit": limit}
        with self._database.reading() as connection:
            rows = connection.rows(_CHAINED, values)
        return tuple(map(read_chained, rows))

    def misplaced(self, limit: int) -> tuple[tuple[int | None, int], ...]:
        """Return where events stand that no chain reaches; it reads the whole table."""
        with self._database.reading() as connection:
            rows = connection.rows(_MISPLACED, {"limit": limit})
        return tuple(
            (
                partition if isinstance(partition, int) else None,
                position if isinstance(position, int) else 0,
            )
            for partition, position in rows
        )

    def all_chained(self) -> Iterable[Sequence[ChainedEvent]]:
        """Return all chained events in pages, oldest first."""
        after = LogPlace(moment_at(0), 0, 0)
        while True:
            values = {**write_place(after), "limit": 1_000}
            with self._database.reading() as connection:
                rows = connection.rows(_ALL_CHAINED, values)
            if not rows:
                return
            yield [read_chained(row) for row in rows]
            after = read_place(rows[-1])

    def drop_chained(self, partition: int, through: int) -> None:
        """Drop archived events of a partition."""
        values = {"of": partition, "through": through}
        with self._database.committing() as connection:
            rows = connection.rows(_HASH, values)
            if not rows:
                return
            base = {"new_base": through, "new_base_hash": bytes(rows[0][0])}
            if connection.count(_MOVE_BASE, [values | base]):
                connection.count(_DROP, [values])

    def search(self, query: AuditQuery, after: LogPlace | None, limit: int) -> AuditPage:
        """Return chained events that fit *query*, newest first; each trip reads one index."""
        return search(query, after, limit, self._fetch)

    def counts(
        self, app_spaces: frozenset[Guid] | None, since: datetime, until: datetime
    ) -> Mapping[CountKey, int]:
        """Return the hourly counts of a time."""
        values: dict[str, Any] = {"since": microseconds(since), "until": microseconds(until)}
        with self._database.reading() as connection:
            if app_spaces is None:
                rows = connection.rows(_COUNTS, values)
            elif app_spaces:
                values["app_spaces"] = tuple(app_spaces)
                rows = connection.rows(_COUNTS_OF_SOME, values)
            else:
                rows = []
        counts = {}
        for app_space, hour, name, count in rows:
            event, reason = json.loads(name)
            key = CountKey(
                app_space=Guid(app_space) if app_space else None,
                hour=moment_at(hour),
                event=event,
                reason=reason,
            )
            counts[key] = int(count)
        return counts

    def signed_head(self) -> SignedHead | None:
        """Return the signed head that was stored last."""
        with self._database.reading() as connection:
            rows = connection.rows(_SIGNED, {})
        return SignedHead(number=rows[0][0], token=rows[0][1]) if rows else None

    def replace_signed_head(self, head: SignedHead) -> bool:
        """Store a signed head in place of the one before it."""
        with self._database.committing() as connection:
            newest = connection.rows(_SIGNED, {})
            if head.number != (newest[0][0] if newest else 0) + 1:
                return False
            if not connection.rows(self._sign, {"number": head.number, "token": head.token}):
                return False
            connection.count(_FORGET_SIGNATURES, [{"newest": head.number}])
        return True

    def _page(self, after: int, limit: int) -> Sequence[tuple[Any, ...]]:
        with self._database.reading() as connection:
            return connection.rows(_PAGE, {"after": after, "limit": limit})

    def _advanced(self, connection: Connection, link: ChainLink) -> bool:
        if link.head == ChainHead(partition=link.head.partition):
            # The first events of a partition make its row.
            return bool(connection.rows(self._begin, attrs.asdict(link.new_head)))
        values = {
            "of": link.head.partition,
            "old_position": link.head.position,
            "old_hash": link.head.hash,
            "new_position": link.new_head.position,
            "new_hash": link.new_head.hash,
        }
        return bool(connection.count(_ADVANCE, [values]))

    def _move(self, connection: Connection, links: Sequence[ChainLink]) -> None:
        """Move the events of links that stand from the recorded to the chained ones."""
        stored = [one for link in links for one in link.stored]
        count = connection.count(_DELETE, [{"number_of_one": one.key} for one in stored])
        if count != len(stored):
            raise _Lost
        connection.count(_APPEND, [write_chained(event) for link in links for event in link.events])
        counts = [write_count(key, count) for link in links for key, count in link.counts.items()]
        if counts:
            counts.sort(key=lambda row: row["key"])
            connection.count(self._add, counts)

    def _fetch(self, keys: Sequence[IndexKey], after: LogPlace | None, count: int) -> list[Run]:
        numbers = ALL_PLACES if after is None else (microseconds(after.at), *after[1:])
        names = ("at_of", "partition_of", "position_of")
        values: dict[str, Any] = {**dict(zip(names, numbers, strict=True)), "limit": count}
        runs = []
        with self._database.reading() as connection:
            for key in keys:
                if key.kind is not IndexKind.TIME:
                    values["key"] = key.text if key.kind in _GUIDS else digest(key.text)
                rows = connection.rows(_SEARCHES[key.kind], values)
                entries = [(read_place(row), read_chained(row)) for row in rows]
                runs.append(Run(entries, complete=len(rows) < count))
        return runs
