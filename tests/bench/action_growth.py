"""
What each verb of `Actions` costs on PostgreSQL, with few and with many approved actions stored.

    nox -s "bench(growth)"

The service asks one account about five actions, and its device approves them. These rows are read
back, and copied for account after account with other GUIDs. Then whole use cases are measured at
each size, and compared with bare statements on the same table. A verb that changes an action gets
one that was copied for it, so that the number of unused ones stays as it is.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import attrs
import psycopg
import sql_growth
from redis_growth import Growth
from redis_stored import EACH, SAMPLE
from service import TRANSFER, Service
from sql_growth import (
    COPY,
    INSERT,
    SELECT,
    UPDATE,
    Pattern,
    blank_rows,
    databases,
    exit_code,
    show,
)
from verdicts import scaled

import counterseal as cs
from counterseal.approvals.records import approved_action_guid
from counterseal.models import Guid, Question, UseState

SIZES = scaled((1_000, 100_000), (1_000, 2_000))
ROUNDS = scaled(15, 2)
FRESH, BARE = 10**9, 2 * 10**9
"""The numbers of the first accounts that are copied for a verb, and for a bare statement."""

BESIDE = {
    "consume": "INSERT",
    "report": "UPDATE",
    "withdraw": "UPDATE",
    "status": "SELECT",
    "expire one": "UPDATE",
    "look for expired ones": "SELECT",
}
"""Each verb, and the bare statement that it may grow as much as."""

Call = Callable[[], object]


@attrs.frozen
class Later:
    """A clock that is a day ahead: each approval is over."""

    clock: Any

    def now(self) -> datetime:
        """Return the time of tomorrow."""
        tomorrow: datetime = self.clock.now() + timedelta(days=1)
        return tomorrow


@attrs.frozen
class Stocked:
    """
    A database with many approved actions.

    Attributes:
        guids: Challenges of some of them.
    """

    service: Service
    connection: psycopg.Connection[Any]
    pattern: Pattern
    size: int
    guids: Sequence[Guid]
    numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    @property
    def actions(self) -> cs.Actions:
        """The verbs that are measured."""
        return cs.Actions(self.service.ports, self.service.policy)

    def prepared(self, name: str) -> Callable[[int], Sequence[Call]]:
        """Return a function that prepares calls of one verb, or of a bare statement."""
        makers: dict[str, Callable[[int], Sequence[Call]]] = {
            "consume": self._consume,
            "report": self._report,
            "withdraw": lambda count: self._of_fresh(count, self.actions.withdraw),
            "status": self._status,
            "expire one": self._expire,
            "look for expired ones": lambda count: [self.actions.expire] * count,
            "SELECT": self._select,
            "UPDATE": self._update,
            "INSERT": self._insert,
        }
        return makers[name]

    def fresh(self, count: int) -> list[Guid]:
        """Copy more accounts; return so many challenges whose actions nobody has used."""
        guids: list[Guid] = []
        with self.connection.cursor() as cursor, cursor.copy(COPY) as copy:
            while len(guids) < count:
                own, rows = self.pattern.clone(FRESH + self.numbers())
                for row in rows:
                    copy.write_row(row)
                guids += challenges_of(own)
        return guids[:count]

    def _of_fresh(self, count: int, verb: Callable[..., object]) -> Sequence[Call]:
        return [partial(verb, self.service.party, guid) for guid in self.fresh(count)]

    def _consume(self, count: int) -> Sequence[Call]:
        party, consume = self.service.party, self.actions.consume
        return [partial(consume, party, guid, TRANSFER.arguments) for guid in self.fresh(count)]

    def _report(self, count: int) -> Sequence[Call]:
        party, guids = self.service.party, self.fresh(count)
        for guid in guids:
            self.actions.consume(party, guid, TRANSFER.arguments)
        return [partial(self.actions.report, party, guid, UseState.EXECUTED) for guid in guids]

    def _status(self, count: int) -> Sequence[Call]:
        party, status = self.service.party, self.actions.status
        return [partial(status, party, guid) for guid in random.sample(self.guids, count)]

    def _expire(self, count: int) -> Sequence[Call]:
        self.fresh(count)
        service = self.service
        ports = attrs.evolve(service.ports, clock=Later(service.ports.clock))
        expire = cs.Actions(ports, service.policy).expire
        return [partial(expire, 1)] * count

    def _select(self, count: int) -> Sequence[Call]:
        def select(guid: Guid) -> object:
            return self.connection.execute(SELECT, (guid,), prepare=True).fetchone()

        return [partial(select, guid) for guid in random.sample(self.guids, count)]

    def _update(self, count: int) -> Sequence[Call]:
        def update(guid: Guid, version: int, body: str) -> object:
            return self.connection.execute(UPDATE, (version, body, guid, version), prepare=True)

        calls = []
        for guid in random.sample(self.guids, count):
            action = approved_action_guid(guid)
            version, body = self.connection.execute(SELECT, (action,)).fetchone() or (0, "")
            calls.append(partial(update, action, version, body))
        return calls

    def _insert(self, count: int) -> Sequence[Call]:
        def insert(row: list[Any]) -> object:
            return self.connection.execute(INSERT, row, prepare=True)

        return [
            partial(insert, self.pattern.clone(BARE + self.numbers())[1][-1]) for _ in range(count)
        ]


def challenges_of(guids: Sequence[Guid]) -> list[Guid]:
    """Return those of one account's GUIDs that are challenges."""
    return list(guids[2 : 2 + EACH])


def derive(guids: list[Guid]) -> list[Guid]:
    """Return the GUIDs of what one account has approved."""
    return [approved_action_guid(guid) for guid in challenges_of(guids)]


def pattern(service: Service, connection: psycopg.Connection[Any]) -> Pattern:
    """Let the adapter write the rows of one account that approved five actions."""
    bound, _, account_id = service.account()
    challenges = cs.Challenges(service.ports, service.policy)
    answers = cs.Answers(service.ports, service.policy)
    guids = [bound.binding.account, bound.binding.guid]
    # Later than the end of the measurement, and earlier than the worker's clock.
    until = service.ports.clock.now() + timedelta(hours=12)
    action = attrs.evolve(TRANSFER, valid_until=until)
    for _ in range(EACH):
        question = Question(account_id=account_id, content=action)
        challenge = challenges.issue(service.party, question).challenge
        answers.answer(service.call(challenge))
        guids.append(challenge.guid)
    guids += derive(guids)
    space = service.party.app_space.guid
    return Pattern(space, blank_rows(connection, guids, space, account_id), derive, EACH)


def fill(service: Service, connection: psycopg.Connection[Any], size: int) -> Stocked:
    """Write *size* approved actions, five for each account."""
    pattern_rows = pattern(service, connection)
    sample = set(random.Random(size).sample(range(size // EACH), min(size, SAMPLE) // EACH))
    guids: list[Guid] = []
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for number in range(size // EACH):
            own, rows = pattern_rows.clone(number)
            for row in rows:
                copy.write_row(row)
            if number in sample:
                guids += challenges_of(own)
    connection.execute("VACUUM ANALYZE counterseal_records")
    return Stocked(service, connection, pattern_rows, size, guids)


@contextmanager
def stocked(sizes: Sequence[int]) -> Iterator[list[Stocked]]:
    """Fill a database for each size, all on one server."""
    with databases(sizes) as services:
        stocks = []
        for size, (service, connection) in zip(sizes, services, strict=True):
            begun = time.monotonic()
            stocks.append(fill(service, connection, size))
            print(f"{size:,} actions written in {time.monotonic() - begun:.0f} s", flush=True)
        yield stocks


def measure(sizes: tuple[int, int]) -> list[Growth]:
    """Measure each verb with few and with many approved actions."""
    few, many = sizes
    with stocked(sizes) as stocks:
        measured = sql_growth.costs(
            {
                f"{name} {stock.size}": (stock.connection, stock.prepared(name))
                for stock in stocks
                for name in {*BESIDE, *BESIDE.values()}
            },
            ROUNDS,
        )
    return [
        Growth(what, *(measured[f"{name} {size}"] for name in (what, bare) for size in (few, many)))
        for what, bare in BESIDE.items()
    ]


def main() -> int:
    """Measure and print; return 1 where a verb grows by far more than its statement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--many", type=int, default=SIZES[1], help="the larger number")
    # The session hands over what it hands to `sql_growth.py`.
    few, many = SIZES[0], parser.parse_known_args()[0].many
    measured = measure((few, many))
    show(measured, few, many, BESIDE)
    return exit_code(measured)


if __name__ == "__main__":
    sys.exit(main())
