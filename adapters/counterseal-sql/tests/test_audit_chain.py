# ruff: noqa: S608 (the tests' own texts)
"""The audit log's chain: changes made by SQL alone are found, and killed workers leave no gap."""

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import settings
from sqlalchemy import text
from sqlalchemy.dialects.sqlite import pysqlite

from counterseal import STANDARD, AuditChain, AuditLog, keys
from counterseal.audit.decisions import CURSOR
from counterseal.audit.documents import archive_line, read_archive_line
from counterseal.audit.rules import INSERTED, UNSEARCHABLE, counts_of, event_hash
from counterseal.errors import InvalidField
from counterseal.models import OPERATOR, AuditQuery
from counterseal.models.guid import mint
from counterseal_records import IndexKind
from counterseal_sql import SqlAudit, with_sql
from counterseal_sql.audit import _SEARCHES
from counterseal_testing import FakeService
from counterseal_testing.clock import START
from counterseal_testing.contracts.audit_chain import HOUR, events_of_many
from counterseal_testing.contracts.chain_oracle import first_wrong
from counterseal_testing.contracts.record_factory import event

PARTITION, EVENTS = 7, 12
FEW, MANY = 10, 1_000
COPIES = {"counterseal_audit": "copied", "counterseal_audit_heads": "copied_heads"}
"""The tables that are tampered with, and those that restore them."""
OF_ONE = f"WHERE partition = {PARTITION} AND position = :position"


class Tampering:
    """Somebody who may write to the database, and knows how the log is stored."""

    def __init__(self, database, seed):
        self._numbers = random.Random(seed)  # noqa: S311 (a test's)
        self._database = database
        for table, copy in COPIES.items():
            self.run(f"CREATE TABLE {copy} AS SELECT * FROM {table}")

    def run(self, sql, **values):
        with self._database.inspecting() as connection:
            result = connection.execute(text(sql), values)
            return result.fetchall() if result.returns_rows else []

    def restore(self):
        for table, copy in COPIES.items():
            self.run(f"DELETE FROM {table}")
            self.run(f"INSERT INTO {table} SELECT * FROM {copy}")

    def change(self):
        """Change something, and return the first position that is to be reported."""
        position = self._numbers.randrange(1, EVENTS + 1)
        kinds = [name for name in dir(self) if name.startswith("by_")]
        return getattr(self, self._numbers.choice(kinds))(position)

    def by_removing(self, position):
        self.run(f"DELETE FROM counterseal_audit {OF_ONE}", position=position)
        return position

    def by_another_body(self, position):
        actor = f"actor{self._numbers.randrange(10**6)}"
        sql = "UPDATE counterseal_audit SET body = replace(body, 'actor', :actor)"
        self.run(f"{sql} {OF_ONE}", actor=actor, position=position)
        return position

    def by_another_hash(self, position):
        sql = f"UPDATE counterseal_audit SET hash = :hash {OF_ONE}"
        self.run(sql, hash=self._numbers.randbytes(32), position=position)
        return position

    def by_another_time_for_searches(self, position):
        self.run(f"UPDATE counterseal_audit SET at = at + 1 {OF_ONE}", position=position)
        return position

    def by_another_app_space_for_searches(self, position):
        sql = f"UPDATE counterseal_audit SET app_space = :other {OF_ONE}"
        self.run(sql, other=mint(9, bytes(15)), position=position)
        return position

    def by_another_actor_for_searches(self, position):
        sql = f"UPDATE counterseal_audit SET actor = :other {OF_ONE}"
        self.run(sql, other=bytes(32), position=position)
        return position

    def by_changing_places(self, position):
        other = position % EVENTS + 1
        move = f"UPDATE counterseal_audit SET position = :target {OF_ONE}"
        for source, target in ((position, 10**6), (other, position), (10**6, other)):
            self.run(move, target=target, position=source)
        return min(position, other)

    def by_inserting(self, position):
        later = f"WHERE partition = {PARTITION} AND position >= :position"
        self.run(
            f"UPDATE counterseal_audit SET position = position + 1000001 {later}", position=position
        )
        self.run(
            f"UPDATE counterseal_audit SET position = position - 1000000 {later}", position=10**6
        )
        columns = "at, actor, event, noun, subject, app_space, hash"
        self.run(
            f"INSERT INTO counterseal_audit (partition, position, {columns}, body)"
            f" SELECT partition, CAST(:position AS bigint), {columns}, body || ' ' FROM"
            f" counterseal_audit WHERE partition = {PARTITION} AND position = :source",
            position=position,
            source=position + 1,
        )
        return position

    def by_inserting_below_the_base(self, position):
        self.copy(position, partition=PARTITION, position=0)
        return 0

    def by_another_partition(self, position):
        self.copy(position, partition=self._numbers.choice([-1, 300]), position=position)
        return position

    def copy(self, source, **target):
        columns = "at, actor, event, noun, subject, app_space, hash, body"
        self.run(
            f"INSERT INTO counterseal_audit (partition, position, {columns})"
            f" SELECT CAST(:partition AS integer), CAST(:position AS bigint), {columns}"
            f" FROM counterseal_audit WHERE partition = {PARTITION} AND position = {source}",
            **target,
        )

    def by_cutting(self, position):
        self.run(
            f"DELETE FROM counterseal_audit WHERE partition = {PARTITION}"
            " AND position >= :position",
            position=position,
        )
        return position

    def by_cutting_with_the_head(self, position):
        self.by_cutting(position)
        last = self.run(f"SELECT hash FROM counterseal_audit {OF_ONE}", position=position - 1) or [
            (bytes(32),)
        ]
        self.head(position=position - 1, hash=last[0][0])
        return position

    def by_dropping_as_if_archived(self, position):
        ((base_hash,),) = self.run(
            f"SELECT hash FROM counterseal_audit {OF_ONE}", position=position
        )
        self.run(
            f"DELETE FROM counterseal_audit WHERE partition = {PARTITION}"
            " AND position <= :position",
            position=position,
        )
        self.head(base=position, base_hash=base_hash)
        return position

    def by_hashing_anew(self, position):
        self.run(f"UPDATE counterseal_audit SET body = body || ' ' {OF_ONE}", position=position)
        rows = self.run(
            f"SELECT position, body, hash FROM counterseal_audit WHERE partition = {PARTITION}"
            " ORDER BY position"
        )
        previous = bytes(rows[position - 2][2]) if position > 1 else bytes(32)
        for number, body, _ in rows[position - 1 :]:
            previous = event_hash(PARTITION, number, previous, body.encode())
            self.run(
                f"UPDATE counterseal_audit SET hash = :hash {OF_ONE}",
                hash=previous,
                position=number,
            )
        self.head(hash=previous)
        return EVENTS  # the signed head shows that something before it was changed

    def by_another_head(self, _):
        self.head(hash=self._numbers.randbytes(32))
        return EVENTS

    def head(self, **values):
        names = ", ".join(f"{name} = :{name}" for name in values)
        where = f"WHERE partition = {PARTITION}"
        self.run(f"UPDATE counterseal_audit_heads SET {names} {where}", **values)


@pytest.fixture
def database(server, opened):
    database = opened(server.emptied())
    yield database
    with database.inspecting() as connection:
        for copy in COPIES.values():
            connection.execute(text(f"DROP TABLE IF EXISTS {copy}"))


@pytest.fixture
def chain(database):
    return chain_of_many(database)


def chain_of_many(database):
    service = FakeService(adapters=lambda ports: with_sql(ports, database))
    chain = AuditChain(service.ports, service.policy)
    for number in range(EVENTS):
        one = event(f"{number}", subject=mint(PARTITION, bytes(15)), actor=f"actor {number}")
        service.ports.audit.record(one)
    while chain.chain():
        pass
    assert chain.sign()
    return chain


@pytest.mark.timeout(900)  # if `thorough`
def test_random_changes_by_sql_are_found_where_they_were_made(chain, database):
    assert chain.verify().tamperings == ()
    tampering = Tampering(database, seed=17)
    for _ in range(MANY if settings().max_examples >= MANY else FEW):
        expected = tampering.change()
        assert min(one.position for one in chain.verify().tamperings) == expected
        tampering.restore()
    assert chain.verify().tamperings == ()


@pytest.mark.parametrize(
    "name", [name for name in dir(Tampering) if name.startswith("by_")], ids=lambda name: name[3:]
)
def test_each_kind_of_change_is_found(chain, database, name):
    expected = getattr(Tampering(database, seed=1), name)(4)
    assert min(one.position for one in chain.verify().tamperings) == expected


def search_all(chain):
    query = AuditQuery(subject=mint(PARTITION, bytes(15)))
    by_subject = chain.ports.audit.search(query, None, 100)
    assert chain.ports.audit.search(AuditQuery(), None, 100) == by_subject
    return by_subject.events


@pytest.mark.parametrize(
    ("partition", "position"), [(PARTITION, 0), (PARTITION, -3), (PARTITION, 3), (300, 9), (-1, 9)]
)
def test_no_search_finds_what_no_chain_reaches_and_it_is_reported(
    chain, database, partition, position
):
    chain.archive(lambda _: None, drop=True)
    for number in range(EVENTS, EVENTS + 3):
        one = event(f"{number}", subject=mint(PARTITION, bytes(15)))
        chain.ports.audit.record(one)
    chain.chain()
    assert chain.sign()
    before = search_all(chain)
    assert len(before) == 3
    tampering = Tampering(database, seed=1)
    tampering.copy(EVENTS + 2, partition=partition, position=position)
    assert search_all(chain) == before
    signs = [(one.partition, one.position, one.problem) for one in chain.verify().tamperings]
    assert signs == [(partition, position, INSERTED)]


HEADS = "UPDATE counterseal_audit_heads SET"
EVERYWHERE = {
    "head-position": f"{HEADS} position = -5 WHERE partition = {PARTITION}",
    "head-base": f"{HEADS} base = 2000000 WHERE partition = {PARTITION}",
    "head-too-great": f"{HEADS} position = 9223372036854775807 WHERE partition = {PARTITION}",
    "late": "UPDATE counterseal_audit SET at = 9000000000000000000 WHERE position = 3",
    "early": "UPDATE counterseal_audit SET at = -9000000000000000000 WHERE position = 3",
    "body": "UPDATE counterseal_audit SET body = 'unreadable' WHERE position = 3",
}
ONLY_SQLITE = {
    "hash": "UPDATE counterseal_audit SET hash = 'x' WHERE position = 3",
    "hash-number": "UPDATE counterseal_audit SET hash = 7 WHERE position = 3",
    "body-bytes": "UPDATE counterseal_audit SET body = x'ff' WHERE position = 3",
    "at": "UPDATE counterseal_audit SET at = 'x' WHERE position = 3",
    "position": "UPDATE counterseal_audit SET position = 'x' WHERE position = 3",
    "fraction": "UPDATE counterseal_audit SET position = 3.5 WHERE position = 3",
    "partition": "UPDATE counterseal_audit SET partition = 'x'"
    f" WHERE partition = {PARTITION} AND position = 3",
    "head-text": f"{HEADS} position = 'x' WHERE partition = {PARTITION}",
    "head-base-text": f"{HEADS} base = 'x' WHERE partition = {PARTITION}",
    "head-hash": f"{HEADS} hash = 'x' WHERE partition = {PARTITION}",
}


def require_reported(chain, database, sql):
    Tampering(database, seed=1).run(sql)
    assert chain.verify().tamperings
    chain.ports.audit.search(AuditQuery(), None, 100)
    for subject in (None, mint(PARTITION, bytes(15))):
        chain.ports.audit.record(event("later", subject=subject))
    for _ in range(3):
        chain.chain()
    chain.sign()
    chain.archive(lambda page: b"".join(map(archive_line, page)), drop=False)
    report = chain.verify()
    assert report.tamperings
    assert report.unchained <= 1, "only the partition that was changed may wait"


@pytest.mark.parametrize("sql", EVERYWHERE.values(), ids=EVERYWHERE)
def test_values_out_of_range_are_reported_and_stop_nothing_else(chain, database, sql):
    require_reported(chain, database, sql)


@pytest.mark.parametrize("sql", ONLY_SQLITE.values(), ids=ONLY_SQLITE)
def test_values_of_another_type_are_reported_and_stop_nothing_else(sqlite_server, opened, sql):
    database = opened(sqlite_server.emptied())
    require_reported(chain_of_many(database), database, sql)


@pytest.mark.parametrize("body", ["unreadable", "two\nlines", "{}", "ä"])
def test_a_recorded_event_that_cannot_be_read_is_chained_and_reported(chain, database, body):
    tampering = Tampering(database, seed=1)
    tampering.run("INSERT INTO counterseal_events (at, body) VALUES (1, :body)", body=body)
    assert chain.verify().unchained == 1
    before = len(chain.ports.audit.search(AuditQuery(), None, 100).events)
    chain.ports.audit.record(event("later"))
    assert chain.chain() == 2
    assert chain.chain() == 0
    assert chain.sign()
    (sign,) = chain.verify().tamperings
    assert sign.problem == UNSEARCHABLE
    assert len(chain.ports.audit.search(AuditQuery(), None, 100).events) == before + 1
    lines = []
    chain.archive(lambda page: lines.extend(map(archive_line, page)), drop=True)
    assert chain.verify(archive=map(read_archive_line, lines)).tamperings == ()


@pytest.mark.parametrize("moment", [2**50, 253402300799999999])
@pytest.mark.parametrize("position", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_an_invented_cursor_is_an_error_of_its_field_or_a_page(chain, moment, position):
    after = keys.b64url(CURSOR.pack(moment, 255, position))
    log = AuditLog(chain.ports, chain.policy)
    if position < 2**63:
        log.search(after=after, by=OPERATOR)
        return
    with pytest.raises(InvalidField):
        log.search(after=after, by=OPERATOR)


WORKER = """
import sys
from counterseal.audit.rules import extend
from counterseal_sql import SqlAudit, connect

audit = SqlAudit(connect(sys.argv[1]))
while batches := audit.unchained(3):
    audit.append_chain(tuple(map(extend, batches)))
    print("chained", flush=True)
print("done", flush=True)
"""


def test_workers_that_are_killed_leave_no_gap_and_count_once(server, opened):
    database = opened(server.emptied())
    url = database.engine.url.render_as_string(hide_password=False)
    audit, events = SqlAudit(database), events_of_many() * 3
    for one in events:
        audit.record(one)
    command = [sys.executable, "-c", WORKER, url]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for worker, steps in zip(workers, (1, 4), strict=True):
        for _ in range(steps):
            worker.stdout.readline()
        worker.kill()
    for worker in workers:
        worker.communicate()
    chain = AuditChain(with_sql(FakeService().ports, database), STANDARD)
    while chain.chain():
        pass

    stored = []
    for head in audit.heads():
        chained = audit.chained(head.partition, 0, 1_000)
        assert not first_wrong(
            head.partition, [(one.position, one.hash, one.body) for one in chained]
        )
        assert len(chained) == head.position
        stored += [one.event for one in chained]
    assert Counter(map(repr, stored)) == Counter(map(repr, events))
    assert audit.counts(None, START - HOUR, START + 99 * HOUR) == counts_of(events)


def test_what_becomes_visible_later_is_chained_later(postgres_server, opened):
    """On PostgreSQL, a slow transaction has smaller numbers than what is chained already."""
    database = opened(postgres_server.emptied())
    audit = SqlAudit(database)
    chain = AuditChain(with_sql(FakeService().ports, database), STANDARD)
    insert = "INSERT INTO counterseal_events (at, body) SELECT at, body FROM counterseal_events"
    audit.record(event("first"))
    with database.inspecting() as slow:
        slow.exec_driver_sql("BEGIN")
        slow.exec_driver_sql(insert)
        audit.record(event("second"))
        assert chain.chain() == 2
        assert chain.chain() == 0
        slow.exec_driver_sql("COMMIT")
    assert chain.chain() == 1
    assert sum(head.position for head in audit.heads()) == 3
    assert chain.sign()
    assert chain.verify().tamperings == ()


@pytest.mark.parametrize("kind", IndexKind)
def test_a_search_reads_an_index(sqlite_server, opened, kind):
    database = opened(sqlite_server.emptied())
    values = {"at_of": 2**62, "partition_of": 0, "position_of": 0, "limit": 10}
    if kind is not IndexKind.TIME:
        values["key"] = "" if kind in (IndexKind.SUBJECT, IndexKind.APP_SPACE) else b""
    with database.reading() as connection:
        compiled = _SEARCHES[kind].compiled(pysqlite.dialect(), values)
        plan = connection._driver.execute(
            f"EXPLAIN QUERY PLAN {compiled.text}", compiled.parameters(values)
        ).fetchall()
    (*_, step), *others = plan
    # The base of the event's partition is looked up by its primary key.
    assert [step.split()[0] for *_, step in others] == ["CORRELATED", "SEARCH"]
    column = "at" if kind is IndexKind.TIME else kind.name.lower()
    assert step.startswith("SEARCH")
    assert f"USING INDEX counterseal_audit_{column} " in step
