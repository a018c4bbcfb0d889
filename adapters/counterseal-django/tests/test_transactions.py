"""On SQLite, a call that would wait for its own caller's transaction is refused at once."""

import threading
from contextlib import closing

import pytest
from django.db import connections, transaction

from counterseal_django import StoreInTransaction, approvals, transactions

USER = type("User", (), {"pk": 42})


@pytest.fixture(autouse=True)
def watch():
    """As the app does."""
    transactions.watch()


@pytest.fixture
def one_file(configured, sqlite_databases, set_databases):
    """Let both aliases have one file with a table of the project; return Django's connection."""
    members = sqlite_databases.members()
    set_databases(default=members, counterseal=dict(members))
    connection = connections["default"]
    execute("CREATE TABLE customers (name TEXT)")
    return connection


def execute(sql):
    with closing(connections["default"].cursor()) as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def write():
    execute("INSERT INTO customers VALUES ('Zoe')")


def test_a_call_after_a_write_is_refused(one_file):
    with transaction.atomic():
        write()
        with pytest.raises(StoreInTransaction, match="call Counterseal before the first write"):
            approvals()
    approvals().has_device(USER)
    with transaction.atomic():
        write()
        assert not approvals().has_device(USER)  # reading is no writing
        with pytest.raises(StoreInTransaction):
            approvals().invite(USER)
    approvals().invite(USER)
    assert execute("SELECT count(*) FROM customers") == [(2,)]


def test_a_call_before_the_first_write_is_committed_even_if_the_transaction_is_not(one_file):
    with transaction.atomic():
        execute("SELECT * FROM customers")
        approvals().invite(USER)
        write()
        transaction.set_rollback(True)
    assert execute("SELECT count(*) FROM customers") == [(0,)]
    assert len(approvals().service.accounts.list_devices(approvals().party, "42")) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE customers SET name = 'Adam' WHERE name = 'nobody'",
        "\n  delete from customers where name = 'nobody'",
        "CREATE TABLE orders (number INTEGER)",
        "WITH names AS (SELECT 'Zoe') INSERT INTO customers SELECT * FROM names",
    ],
)
def test_whatever_locks_the_file_is_a_write(one_file, sql):
    approvals()
    with transaction.atomic(), transaction.atomic():
        execute(sql)
        with pytest.raises(StoreInTransaction):
            approvals().invite(USER)


def test_a_transaction_that_locks_the_file_when_it_begins(
    configured, sqlite_databases, set_databases
):
    members = sqlite_databases.members() | {"OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    set_databases(default=members, counterseal=dict(members))
    approvals()
    with transaction.atomic(), pytest.raises(StoreInTransaction):
        approvals().invite(USER)


def test_a_write_of_an_earlier_transaction_is_none_of_this_one(one_file):
    write()
    with transaction.atomic():
        write()
    with transaction.atomic():
        execute("SELECT * FROM customers")
        approvals().invite(USER)


def test_another_thread_waits_and_a_file_of_its_own_needs_not_to(
    one_file, sqlite_databases, set_databases
):
    approvals()
    waiting = threading.Thread(target=lambda: approvals().invite(USER))
    with transaction.atomic():
        write()
        waiting.start()
    waiting.join()
    assert len(approvals().service.accounts.list_devices(approvals().party, "42")) == 1

    set_databases(default=dict(one_file.settings_dict), counterseal=sqlite_databases.members())
    with transaction.atomic():
        write()
        approvals().invite(USER)


def test_djangos_own_wrappers_work_as_before(one_file):
    one_file.close()
    statements = []

    def record(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    # The connection is opened within it.
    with one_file.execute_wrapper(record):
        execute("SELECT 1")
    execute("SELECT 2")
    assert statements == ["SELECT 1"]
    with transaction.atomic():
        write()
        with pytest.raises(StoreInTransaction):
            approvals()


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_postgresql_needs_no_such_order(configured, databases, set_databases):
    members = databases.members()
    set_databases(default=members, counterseal=dict(members))
    with transaction.atomic():
        execute("CREATE TABLE customers (name TEXT)")
        approvals().invite(USER)
        transaction.set_rollback(True)
    assert len(approvals().service.accounts.list_devices(approvals().party, "42")) == 1
