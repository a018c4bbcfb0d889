# ruff: noqa: S608 (the tests' own texts)
"""The audit log's chain: changes made by SQL alone are found, and killed workers leave no gap."""

from types import MappingProxyType

import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.sqlite import pysqlite

from counterseal import STANDARD, AuditChain, AuditLog, keys
from counterseal.audit.decisions import CURSOR
from counterseal.audit.documents import archive_line
from counterseal.audit.rules import INSERTED
from counterseal.errors import InvalidField
from counterseal.models import OPERATOR, AuditQuery
from counterseal.models.guid import mint
from counterseal_records import IndexKind
from counterseal_sql import SqlAudit, with_sql
from counterseal_sql.audit import _SEARCHES
from counterseal_testing import FakeService
from counterseal_testing.contracts.audit_tampering import BASE, SUBJECT, AuditTampering
from counterseal_testing.contracts.record_factory import event
from counterseal_testing.contracts.stored_chain import (
    CHANGES,
    PARTITION,
    StoredChain,
    StoredEntry,
)

COLUMNS = "partition, position, at, actor, event, noun, subject, app_space, hash, body"
OF_ONE = f"WHERE partition = {PARTITION}"
READ_HEAD = f"SELECT base, base_hash, position, hash FROM counterseal_audit_heads {OF_ONE}"
READ_ENTRIES = f"SELECT {COLUMNS} FROM counterseal_audit {OF_ONE} ORDER BY position"
DELETE_ENTRIES = f"DELETE FROM counterseal_audit {OF_ONE}"
WRITE_ENTRY = f"INSERT INTO counterseal_audit ({COLUMNS}) VALUES (:{COLUMNS.replace(', ', ', :')})"
WRITE_HEAD = (
    "UPDATE counterseal_audit_heads SET base = :base, base_hash = :base_hash,"
    f" position = :position, hash = :hash {OF_ONE}"
)
WRITE_EVENT = "INSERT INTO counterseal_events (at, body) VALUES (1, :body)"

HEADS = "UPDATE counterseal_audit_heads SET"
EVERYWHERE = {
    "head-position": f"{HEADS} position = -5 WHERE partition = {PARTITION}",
    "head-base": f"{HEADS} base = 2000000 WHERE partition = {PARTITION}",
    "head-too-great": f"{HEADS} position = 9223372036854775807 WHERE partition = {PARTITION}",
    "late": "UPDATE counterseal_audit SET at = 9000000000000000000 WHERE position = 6",
    "early": "UPDATE counterseal_audit SET at = -9000000000000000000 WHERE position = 6",
    "body": "UPDATE counterseal_audit SET body = 'unreadable' WHERE position = 6",
}
ONLY_SQLITE = {
    "hash": "UPDATE counterseal_audit SET hash = 'x' WHERE position = 6",
    "hash-number": "UPDATE counterseal_audit SET hash = 7 WHERE position = 6",
    "body-bytes": "UPDATE counterseal_audit SET body = x'ff' WHERE position = 6",
    "at": "UPDATE counterseal_audit SET at = 'x' WHERE position = 6",
    "position": "UPDATE counterseal_audit SET position = 'x' WHERE position = 6",
    "fraction": "UPDATE counterseal_audit SET position = 6.5 WHERE position = 6",
    "partition": "UPDATE counterseal_audit SET partition = 'x'"
    f" WHERE partition = {PARTITION} AND position = 6",
    "head-text": f"{HEADS} position = 'x' WHERE partition = {PARTITION}",
    "head-base-text": f"{HEADS} base = 'x' WHERE partition = {PARTITION}",
    "head-hash": f"{HEADS} hash = 'x' WHERE partition = {PARTITION}",
}


def run(database, sql, **values):
    with database.inspecting() as connection:
        connection.execute(text(sql), values)


def _searched_by(chain, position, **columns):
    entry = chain.entries[position]
    return chain.replace(position, columns={**entry.columns, **columns}), position


def move(chain, position, _):
    return _searched_by(chain, position, at=chain.entries[position].columns["at"] + 1)


def reassign(chain, position, _):
    return _searched_by(chain, position, app_space=mint(8, bytes(15)))


def rename(chain, position, _):
    return _searched_by(chain, position, actor=bytes(32))


class TestSqlAuditTampering(AuditTampering):
    changes = MappingProxyType({**CHANGES, "time": move, "App Space": reassign, "actor": rename})

    @pytest.fixture
    def new_audit(self, server, opened):
        return lambda: SqlAudit(opened(server.emptied()))

    def stored_chain(self, audit):
        with audit._database.inspecting() as connection:
            ((base, base_hash, position, last_hash),) = connection.execute(text(READ_HEAD))
            entries = {
                row.position: StoredEntry(bytes(row.hash), row.body.encode(), row._asdict())
                for row in connection.execute(text(READ_ENTRIES))
            }
        return StoredChain(base, bytes(base_hash), position, bytes(last_hash), entries)

    def store_chain(self, audit, chain):
        head = attrs.asdict(chain, filter=lambda field, _: field.name != "entries")
        rows = [
            {**entry.columns, "position": number, "hash": entry.hash, "body": entry.body.decode()}
            for number, entry in chain.entries.items()
        ]
        with audit._database.inspecting() as connection:
            connection.execute(text(DELETE_ENTRIES))
            connection.execute(text(WRITE_ENTRY), rows)
            connection.execute(text(WRITE_HEAD), head)

    def record_body(self, audit, body):
        run(audit._database, WRITE_EVENT, body=body.decode())

    def opening(self, audit):
        url = audit._database.engine.url.render_as_string(hide_password=False)
        return f"from counterseal_sql import SqlAudit, connect\naudit = SqlAudit(connect({url!r}))"

    @pytest.mark.parametrize(
        ("partition", "position"),
        [(PARTITION, 0), (PARTITION, -3), (PARTITION, BASE), (300, 9), (-1, 9)],
    )
    def test_no_search_finds_what_no_chain_reaches_and_it_is_reported(
        self, new_audit, partition, position
    ):
        audit = new_audit()
        chain = self.archived_chain(audit)
        before = audit.search(AuditQuery(), None, 100)
        (row, *_) = self.stored_chain(audit).entries.values()
        run(
            audit._database,
            WRITE_ENTRY,
            **{**row.columns, "partition": partition, "position": position},
        )
        assert audit.search(AuditQuery(), None, 100) == before
        assert audit.search(AuditQuery(subject=SUBJECT), None, 100) == before
        signs = [(one.partition, one.position, one.problem) for one in chain.verify().tamperings]
        assert signs == [(partition, position, INSERTED)]

    @pytest.mark.parametrize("sql", EVERYWHERE.values(), ids=EVERYWHERE)
    def test_values_out_of_range_are_reported_and_stop_nothing_else(self, new_audit, sql):
        self.require_reported(new_audit(), sql)

    @pytest.mark.parametrize("sql", ONLY_SQLITE.values(), ids=ONLY_SQLITE)
    def test_values_of_another_type_are_reported_and_stop_nothing_else(
        self, sqlite_server, opened, sql
    ):
        self.require_reported(SqlAudit(opened(sqlite_server.emptied())), sql)

    def require_reported(self, audit, sql):
        chain = self.archived_chain(audit)
        run(audit._database, sql)
        assert chain.verify().tamperings
        audit.search(AuditQuery(), None, 100)
        for subject in (None, SUBJECT):
            audit.record(event("later", subject=subject))
        for _ in range(3):
            chain.chain()
        chain.sign()
        chain.archive(lambda page: b"".join(map(archive_line, page)), drop=False)
        report = chain.verify()
        assert report.tamperings
        assert report.unchained <= 1, "only the partition that was changed may wait"

    @pytest.mark.parametrize("moment", [2**50, 253402300799999999])
    @pytest.mark.parametrize("position", [0, 2**63 - 1, 2**63, 2**64 - 1])
    def test_an_invented_cursor_is_an_error_of_its_field_or_a_page(
        self, new_audit, moment, position
    ):
        chain = self.archived_chain(new_audit())
        after = keys.b64url(CURSOR.pack(moment, 255, position))
        log = AuditLog(chain.ports, chain.policy)
        if position < 2**63:
            log.search(after=after, by=OPERATOR)
            return
        with pytest.raises(InvalidField):
            log.search(after=after, by=OPERATOR)


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
