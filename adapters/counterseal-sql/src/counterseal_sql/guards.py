"""
The guards: replay keys, counts and reservations.

Each method is one statement, so that no other caller writes between its read and its write.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
from sqlalchemy import ColumnElement, and_, bindparam, case, not_, true, update

from counterseal.models import Guid, Reservation
from counterseal.ports import Clock
from counterseal_records import MICROSECOND, digest, microseconds, moment_at
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import COUNTS, REPLAY_KEYS, RESERVATIONS


class SqlReplayGuard:
    """Remembers each key until a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        new = database.dialect.insert(REPLAY_KEYS)
        self._see = Statement(
            new.on_conflict_do_update(
                index_elements=[REPLAY_KEYS.c.key],
                set_={"until": new.excluded.until},
                where=REPLAY_KEYS.c.until <= bindparam("now"),
            ).returning(REPLAY_KEYS.c.key)
        )

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """Tell whether *key* is new, and remember it until *until*."""
        values = {
            "key": digest(*key),
            "until": microseconds(until),
            "now": microseconds(self._clock.now()),
        }
        return bool(self._database.remember(lambda connection: connection.rows(self._see, values)))


class SqlCounters:
    """Counts in fixed windows; a count is that of two, so that a burst across both is counted."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        new, old = database.dialect.insert(COUNTS), COUNTS.c
        later = new.excluded.window > old.window
        # A clock that was set back counts in the newest window: too much, and never too little.
        self._add = Statement(
            new.on_conflict_do_update(
                index_elements=[old.key],
                set_={
                    "before": case(
                        (new.excluded.window == old.window + 1, old.count),
                        (later, 0),
                        else_=old.before,
                    ),
                    "count": case((later, 1), else_=old.count + 1),
                    "window": case((later, new.excluded.window), else_=old.window),
                    "until": case((later, new.excluded.until), else_=old.until),
                },
            ).returning(old.before + old.count)
        )

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """Count one more, and return the count: at least that of the last *window*."""
        length = window // MICROSECOND
        number = microseconds(self._clock.now()) // length
        values = {
            "key": digest(*key, str(length)),
            "window": number,
            "before": 0,
            "count": 1,
            "until": (number + 2) * length,
        }
        ((count,),) = self._database.remember(lambda connection: connection.rows(self._add, values))
        return int(count)


class SqlIdempotency:
    """Reservations by scope and key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        new, old = database.dialect.insert(RESERVATIONS), RESERVATIONS.c
        has_ended = old.until <= bindparam("now")
        lapsed = and_(
            not_(old.finished),
            old.fingerprint == new.excluded.fingerprint,
            old.lease_until <= bindparam("now"),
        )

        def unless_in_force(name: str) -> ColumnElement[Any]:
            return case((has_ended | lapsed, new.excluded[name]), else_=old[name])

        replaced = {column.name: unless_in_force(column.name) for column in old}
        self._begin = Statement(
            new.on_conflict_do_update(
                index_elements=[old.key],
                set_=replaced | {"guid": case((has_ended, new.excluded.guid), else_=old.guid)},
            ).returning(
                old.fingerprint, old.guid, old.holder, old.lease_until, old.until, old.finished
            )
        )
        self._finish = Statement(
            update(RESERVATIONS)
            .where(old.key == bindparam("key_of_one"), old.guid == bindparam("reserved"))
            .values(finished=true())
            .returning(old.guid)
        )

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """Reserve, or return the reservation that is in force."""
        values = {
            "key": _key(reservation),
            "fingerprint": reservation.fingerprint,
            "guid": reservation.guid,
            "holder": reservation.holder,
            "lease_until": microseconds(reservation.lease_until),
            "until": microseconds(reservation.until),
            "finished": reservation.finished,
            "now": microseconds(now),
        }
        ((fingerprint, guid, holder, lease_until, until, finished),) = self._database.remember(
            lambda connection: connection.rows(self._begin, values)
        )
        return attrs.evolve(
            reservation,
            fingerprint=fingerprint,
            guid=Guid(guid),
            holder=holder,
            lease_until=moment_at(lease_until),
            until=moment_at(until),
            finished=bool(finished),
        )

    def finish(self, reservation: Reservation) -> None:
        """Mark the reservation as finished."""
        values = {"key_of_one": _key(reservation), "reserved": reservation.guid}
        self._database.remember(lambda connection: connection.rows(self._finish, values))


def _key(reservation: Reservation) -> bytes:
    scope, origin = reservation.scope
    return digest(scope.value, origin, reservation.key)
