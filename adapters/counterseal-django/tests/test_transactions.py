"""On SQLite, a call that would wait for its own caller's transaction is refused at once."""

import threading
from contextlib import closing

import pytest
from django.db import OperationalError, connections, transaction

from counterseal_django import StoreInTransaction, approvals, transactions

USER = type("User", (), {"pk": 42})
PATIENCE = 240


@pytest.fixture
def one_file(configured, sqlite_databases, set_databases):
    """Let both aliases have one file with a table of the project; return Django's connection."""
    members = sqlite_databases.members()
    set_databases(default=members, counterseal=dict(members))
    execute("CREATE TABLE customers (name TEXT)")
    return connections["default"]


def execute(sql):
    with closing(connections["default"].cursor()) as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def write():
    execute("INSERT INTO customers VALUES ('Zoe')")


def count_invitations():
    return len(approvals().service.accounts.list_devices(approvals().party, "42"))


@pytest.mark.parametrize("statement", ["SELECT * FROM customers", "DELETE FROM customers"])
def test_a_call_that_writes_is_refused_and_one_that_reads_is_not(one_file, statement):
    with transaction.atomic():
        execute(statement)
        with pytest.raises(StoreInTransaction, match="before or after `atomic`"):
            approvals()  # which creates the tenancy
        write()
    approvals()
    with transaction.atomic():
        execute(statement)
        assert not approvals().has_device(USER)
        with pytest.raises(StoreInTransaction):
            approvals().invite(USER)
        write()
    assert count_invitations() == 0
    approvals().invite(USER)
    assert count_invitations() == 1


def test_without_the_refusal_the_transaction_could_not_write(one_file, monkeypatch):
    """Not even where it had only read: that is why both are refused."""
    approvals()
    monkeypatch.setattr(transactions, "_is_open", lambda _: False)
    with transaction.atomic():
        execute("SELECT * FROM customers")
        approvals().invite(USER)
        with pytest.raises(OperationalError, match="database is locked"):
            write()


def test_a_transaction_without_atomic_is_one_too(one_file):
    approvals()
    transaction.set_autocommit(False)
    try:
        write()
        with pytest.raises(StoreInTransaction):
            approvals().invite(USER)
        transaction.commit()
        approvals().invite(USER)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_another_thread_waits(one_file):
    approvals()
    waiting = threading.Thread(target=lambda: approvals().invite(USER))
    with transaction.atomic():
        write()
        waiting.start()
    waiting.join(PATIENCE)
    assert count_invitations() == 1


def test_a_file_of_its_own_needs_no_order(configured, sqlite_databases, set_databases):
    set_databases(default=sqlite_databases.bare(), counterseal=sqlite_databases.members())
    with transaction.atomic():
        execute("CREATE TABLE customers (name TEXT)")
        approvals().invite(USER)
        transaction.set_rollback(True)
    assert count_invitations() == 1


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_postgresql_needs_no_order(configured, databases, set_databases):
    """And what is committed stays, although the transaction is rolled back."""
    members = databases.members()
    set_databases(default=members, counterseal=dict(members))
    with transaction.atomic():
        execute("CREATE TABLE customers (name TEXT)")
        approvals().invite(USER)
        transaction.set_rollback(True)
    assert count_invitations() == 1
