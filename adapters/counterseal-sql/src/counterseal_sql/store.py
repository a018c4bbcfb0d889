"""The store: records in one table, and a commit in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import attrs
from sqlalchemy import bindparam, func, select, true

from counterseal.kinds import RecordKind
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    Gauge,
    GaugeKey,
    Guid,
    Record,
)
from counterseal.models.record import index_of, queue_name
from counterseal.ports import Clock, Due, Ports
from counterseal_records import (
    ROOT,
    microseconds,
    natural_key,
    read_as,
    read_record,
    search_range,
)
from counterseal_sql.audit import SqlAudit
from counterseal_sql.commits import prepare_commit
from counterseal_sql.database import Database
from counterseal_sql.guards import SqlCounters, SqlIdempotency, SqlReplayGuard
from counterseal_sql.part_search import find_accounts
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import GAUGES, RECORDS

_record = RECORDS.c
_owner = RECORDS.alias("owner").c
_GUIDS = _record.guid.in_(bindparam("guids", expanding=True))
_BODIES = select(_record.body)
_BY_GUID = select(_record.guid, _record.body).where(_GUIDS)

_GET = Statement(_BY_GUID, listed="guids")
_GET_WITH_ACCOUNT = Statement(
    _BY_GUID.union_all(
        select(_owner.guid, _owner.body)
        .join(RECORDS, _record.account == _owner.guid)
        .where(_record.guid == bindparam("guid_of_one"))
    ),
    listed="guids",
)
_ACCOUNT = Statement(_BODIES.where(_record.natural_key == bindparam("key")))
_SEARCH = Statement(
    _BODIES.where(_record.search_key >= bindparam("begin"), _record.search_key < bindparam("end"))
    .order_by(_record.search_key)
    .limit(bindparam("limit"))
)
_BINDINGS = Statement(
    _BODIES.where(
        _record.account == bindparam("account"), _record.kind == RecordKind.BINDING.stored_name
    ).order_by(_record.number)
)
_PENDING = Statement(
    _BODIES.where(
        _record.account == bindparam("account"),
        _record.kind == RecordKind.CHALLENGE.stored_name,
        _record.pending == true(),
    ).order_by(_record.number)
)
_CHILDREN = Statement(_BODIES.where(_record.parent == bindparam("parent")).order_by(_record.number))
_IS_DUE = _BODIES.where(_record.kind == bindparam("kind"), _record.due_at <= bindparam("before"))
_DUE = Statement(_IS_DUE.order_by(_record.due_at).limit(bindparam("limit")))
_DUE_IN_QUEUE = Statement(
    _IS_DUE.where(_record.channel == bindparam("channel"))
    .order_by(_record.due_at)
    .limit(bindparam("limit"))
)
_DEAD = Statement(
    _BODIES.where(_record.dead == bindparam("origin"))
    .order_by(_record.number)
    .limit(bindparam("limit"))
)

_KEY_COLUMNS = (GAUGES.c.gauge, GAUGES.c.app_space, GAUGES.c.origin)
_SUM = func.sum(GAUGES.c.count)
_SUMS = select(*_KEY_COLUMNS, _SUM).group_by(*_KEY_COLUMNS).having(_SUM != 0)
_GAUGES = Statement(_SUMS)
_GAUGES_OF_SOME = Statement(
    _SUMS.where(GAUGES.c.app_space.in_(bindparam("app_spaces", expanding=True))),
    listed="app_spaces",
)


class SqlStore:
    """
    The records of one service.

    Args:
        database: The database.
        clock: Dates operations, so that `forget` can delete them; no decision depends on it.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Return the records of *guids*, in one trip; None where there is none."""
        if not guids:
            return ()
        with self._database.reading() as connection:
            rows = connection.rows(_GET, {"guids": guids})
        records = {each: read_record(body) for each, body in rows}
        return tuple(map(records.get, guids))

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """Return the record of *guid*, the account that it is about, and those of *others*."""
        with self._database.reading() as connection:
            rows = connection.rows(
                _GET_WITH_ACCOUNT, {"guids": (guid, *others), "guid_of_one": guid}
            )
        records = {each: read_record(body) for each, body in rows}
        record = records.get(guid)
        account = None if record is None else index_of(record).account
        owner = None if account is None else records.get(account)
        return (record, owner, *map(records.get, others))

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Return the account that the App Space knows by *account_id*."""
        bodies = self._bodies(_ACCOUNT, key=natural_key(app_space, account_id))
        return read_as(Account, bodies[0]) if bodies else None

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """Return the accounts of the App Space whose id begins with *prefix*, in order."""
        begin, end = search_range(app_space, prefix, after)
        bodies = self._bodies(_SEARCH, begin=begin, end=end, limit=limit)
        return tuple(map(partial(read_as, Account), bodies))

    def search_part(
        self, app_space: Guid, part: str, after: Guid | None, limit: int
    ) -> tuple[Account, ...]:
        """Return the accounts of the App Space whose id contains *part*, oldest first."""
        return find_accounts(self._database, app_space, part, after, limit)

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Return all bindings of the account, oldest first."""
        bodies = self._bodies(_BINDINGS, account=account)
        return tuple(map(partial(read_as, Binding), bodies))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Return the account's unfinished challenges, oldest first."""
        bodies = self._bodies(_PENDING, account=account)
        return tuple(map(partial(read_as, Challenge), bodies))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Return the tenancy records under *parent*, oldest first."""
        return tuple(map(read_record, self._bodies(_CHILDREN, parent=parent or ROOT)))

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """Return due records of *kind*, or of *kind* in *queue*, the longest due first."""
        values = {"kind": kind.stored_name, "before": microseconds(before), "limit": limit}
        if queue is None:
            bodies = self._bodies(_DUE, **values)
        else:
            bodies = self._bodies(_DUE_IN_QUEUE, **values, channel=queue_name(queue))
        return tuple(map(read_record, bodies))

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Return the callbacks of *origin* that are dead, oldest first."""
        bodies = self._bodies(_DEAD, origin=origin, limit=limit)
        return tuple(map(partial(read_as, Callback), bodies))

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """Return how many records count in each gauge: a sum of at most 256 rows for each."""
        if app_spaces is not None and not app_spaces:
            return {}
        with self._database.reading() as connection:
            if app_spaces is None:
                rows = connection.rows(_GAUGES, {})
            else:
                rows = connection.rows(_GAUGES_OF_SOME, {"app_spaces": tuple(app_spaces)})
        return {
            GaugeKey(
                Gauge(gauge),
                Guid(app_space) if app_space else None,
                Guid(origin) if origin else None,
            ): int(count)
            for gauge, app_space, origin, count in rows
        }

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes* and record all *audit* events, or do nothing.

        Raises:
            Conflict: A record is not the one that the decision was made on.
            Indeterminate: The reply was lost; commit again with the same *operation*.
            Unavailable: The database did not answer, and nothing has changed.
            PartitionCrossed: The records are not in one partition.
            WrongRecord: A version, a kind or a pairing is impossible.
            OperationReused: *operation* named other changes before.
        """
        commit = prepare_commit(changes, audit, operation, self._clock.now())
        self._database.dialect.commit(commit)

    def _bodies(self, statement: Statement, **values: Any) -> Sequence[str]:
        with self._database.reading() as connection:
            return [body for (body,) in connection.rows(statement, values)]


def with_sql(ports: Ports, database: Database) -> Ports:
    """Return *ports* with every port that stores something on *database*."""
    return attrs.evolve(
        ports,
        store=SqlStore(database, ports.clock),
        audit=SqlAudit(database),
        replay=SqlReplayGuard(database, ports.clock),
        counters=SqlCounters(database, ports.clock),
        idempotency=SqlIdempotency(database),
    )
