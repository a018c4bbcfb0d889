"""What fails in a database, and which error a caller gets."""

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert, make_url, text

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.models import Change
from counterseal_records import digest, microseconds
from counterseal_sql import (
    SqlAudit,
    SqlCounters,
    SqlReplayGuard,
    SqlStore,
    UnfitUrl,
    connect,
    forget,
    upgrade,
)
from counterseal_sql.failures import unavailable
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import EVENTS, REPLAY_KEYS
from counterseal_testing import START, FrozenClock
from counterseal_testing.contracts.race import race
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.contracts.store_worker import StoreWorker

SHORT = timedelta(milliseconds=300)
LONG = timedelta(seconds=5)


@pytest.fixture
def database(server, opened):
    return opened(server.emptied())


@pytest.mark.parametrize("open_", ["reading", "writing"])
def test_a_connection_in_use_at_the_close_is_closed_after_its_use(database, open_):
    with getattr(database, open_)() as connection:
        database.close()
        assert connection.run("SELECT 1") == [(1,)]

    with pytest.raises(Exception, match="closed"):
        connection.run("SELECT 1")


@pytest.fixture
def worker(database):
    audit = SqlAudit(database)
    return StoreWorker(
        SqlStore(database, FrozenClock()), lambda _: [one.event for one in audit.read()]
    )


@pytest.fixture
def company(worker):
    company = RecordFactory().company()
    worker.create(company)
    return company


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?mode=memory&uri=true",
        "mysql://root@localhost/counterseal",
        "counterseal.db",
        "postgresql://counterseal@localhost/x?pooler=maybe",
        "",
    ],
)
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(UnfitUrl):
        connect(url)


def test_the_short_scheme_of_postgresql_is_refused_by_name():
    with pytest.raises(UnfitUrl, match="postgresql://, not with postgres://"):
        connect("postgres://counterseal@localhost/x")


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg2"])
def test_the_driver_in_the_address_does_not_matter(driver, postgres_server, opened):
    url = make_url(postgres_server.emptied()).set(drivername=f"postgresql+{driver}")
    assert SqlStore(opened(url), FrozenClock()).list(None) == ()


def test_a_password_is_not_shown():
    database = connect("postgresql://counterseal:dd8a6f@localhost/x")

    assert "dd8a6f" not in repr(database.engine)


def test_the_log_says_what_failed_and_nothing_that_was_sent(server, opened, caplog):
    database = opened(server.emptied(), patience=SHORT)
    with pytest.raises(StoreUnavailable), database.reading() as connection:
        connection.run("SELECT nothing FROM canary_dd8a6f")

    (line,) = [record.getMessage() for record in caplog.records]
    assert line in {
        "the database failed: OperationalError SQLITE_ERROR",
        "the database refused: a table is missing, so run `upgrade` (42P01)",
    }


@pytest.fixture
def on_sqlite(sqlite_server, opened):
    """Return a worker on a SQLite file, and the file."""
    database = opened(sqlite_server.emptied(), patience=SHORT)
    return StoreWorker(SqlStore(database, FrozenClock()), lambda _: ()), database


def test_a_lock_of_another_process_is_waited_for_and_then_unavailable(on_sqlite):
    worker, database = on_sqlite
    company = RecordFactory().company()
    other = sqlite3.connect(database.engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable):
        worker.commit((None, company), operation="create")
    assert worker.get(company.guid) is None, "readers do not wait"

    other.execute("COMMIT")
    other.close()
    worker.commit((None, company), operation="create")
    assert worker.get(company.guid) == company


def test_a_thread_that_writes_too_long_is_waited_for_and_then_unavailable(on_sqlite):
    worker, database = on_sqlite

    with database.committing(), pytest.raises(StoreUnavailable):
        worker.create(RecordFactory().company())

    worker.create(RecordFactory().company())


def test_a_full_disk_is_unavailable_and_changes_nothing(on_sqlite):
    worker, database = on_sqlite
    records = RecordFactory()
    company = records.company()
    worker.create(company)
    with database.reading() as connection:
        ((pages,),) = connection.run("PRAGMA page_count")
    database.close()

    def fill(connection, _):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sqlalchemy_event.listen(database.engine, "connect", fill)

    with pytest.raises(StoreUnavailable):
        worker.commit(
            (company, next_version(company)),
            (None, records.company(name="x" * 100_000)),
            operation="grow",
        )
    assert worker.get(company.guid) == company

    database.close()
    sqlalchemy_event.remove(database.engine, "connect", fill)
    worker.replace(company, next_version(company))


def test_a_commit_that_fails_at_its_end_is_indeterminate(on_sqlite):
    worker, database = on_sqlite
    records = RecordFactory()
    company = records.company()
    worker.create(company)
    with database.committing() as connection:
        for statement in (
            "CREATE TABLE home (id INTEGER PRIMARY KEY)",
            "CREATE TABLE guest (home INTEGER REFERENCES home DEFERRABLE INITIALLY DEFERRED)",
            """CREATE TRIGGER refuse AFTER UPDATE ON counterseal_records
               BEGIN INSERT INTO guest VALUES (1); END""",
        ):
            connection.run(statement)
    database.close()
    sqlalchemy_event.listen(
        database.engine, "connect", lambda one, _: one.execute("PRAGMA foreign_keys = ON")
    )
    swap = (company, next_version(company))

    with pytest.raises(Indeterminate):
        worker.commit(swap, operation="swap")
    assert worker.get(company.guid) == company

    with database.committing() as connection:
        connection.run("DROP TRIGGER refuse")
    worker.commit(swap, operation="swap")
    assert worker.get(company.guid) == next_version(company)


def test_a_file_that_is_no_database_is_unavailable(tmp_path, opened):
    (tmp_path / "file.db").write_bytes(b"no database" * 1_000)
    store = SqlStore(opened(f"sqlite:///{tmp_path}/file.db"), FrozenClock())

    with pytest.raises(StoreUnavailable):
        store.list(None)


# PostgreSQL


def test_a_row_that_is_locked_is_waited_for_and_then_unavailable(postgres_server, opened, caplog):
    url = postgres_server.emptied()
    worker = StoreWorker(SqlStore(opened(url, patience=SHORT), FrozenClock()), lambda _: ())
    company = RecordFactory().company()
    worker.create(company)

    with opened(url).committing() as connection:
        connection.run("SELECT * FROM counterseal_records FOR UPDATE")
        with pytest.raises(StoreUnavailable):
            worker.commit((company, next_version(company)), operation="swap")

    assert caplog.messages == ["the database failed: LockNotAvailable 55P03"]
    worker.commit((company, next_version(company)), operation="swap")


def test_a_server_that_ends_the_connection_makes_a_commit_indeterminate(
    postgres_server, opened, caplog
):
    database = opened(postgres_server.emptied(), connections=1)
    worker = StoreWorker(SqlStore(database, FrozenClock()), lambda _: ())
    company = RecordFactory().company()
    worker.create(company)
    with database.reading() as connection:
        ((pid,),) = connection.run("SELECT pg_backend_pid()")
    with opened(database.engine.url).writing() as connection:
        connection.run(f"SELECT pg_terminate_backend({pid}, 240000)")
    swap = (company, next_version(company))

    with pytest.raises(Indeterminate):
        worker.commit(swap, operation="swap")
    (line,) = caplog.messages
    assert line.startswith("the reply to a commit was lost: ")
    worker.commit(swap, operation="swap")

    assert worker.get(company.guid) == next_version(company)


def test_after_one_lost_connection_the_idle_ones_are_replaced(postgres_server, opened):
    database = opened(postgres_server.emptied())
    store = SqlStore(database, FrozenClock())
    with database.reading() as first, database.reading() as second:
        pids = [connection.run("SELECT pg_backend_pid()")[0][0] for connection in (first, second)]
    with opened(database.engine.url).writing() as connection:
        for pid in pids:
            connection.run(f"SELECT pg_terminate_backend({pid}, 240000)")

    with pytest.raises(StoreUnavailable):
        store.list(None)

    for _ in pids:
        assert store.list(None) == ()


def test_an_error_that_ends_the_connection_makes_a_commit_indeterminate(
    postgres_server, opened, caplog
):
    """The server names the reason (57P01) and ends the connection: the commit may be applied."""
    database = opened(postgres_server.emptied(), connections=1)
    worker = StoreWorker(SqlStore(database, FrozenClock()), lambda _: ())
    with database.writing() as connection:
        connection.run("""
            CREATE FUNCTION pg_temp.end_connection() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$
        """)
        connection.run("""
            CREATE TEMPORARY TABLE counterseal_events (at bigint, body text)
        """)
        connection.run("""
            CREATE TRIGGER end_connection BEFORE INSERT ON pg_temp.counterseal_events
            FOR EACH ROW EXECUTE FUNCTION pg_temp.end_connection()
        """)

    with pytest.raises(Indeterminate):
        worker.commit((None, RecordFactory().company()), operation="create", audit=(event(),))

    assert caplog.messages == ["the reply to a commit was lost: AdminShutdown 57P01"]


@pytest.mark.parametrize(
    ("query", "prepared"), [({}, True), ({"pooler": "off"}, True), ({"pooler": "on"}, False)]
)
def test_sessions_have_prepared_statements_and_settings_unless_there_is_a_pooler(
    postgres_server, opened, query, prepared
):
    url = make_url(postgres_server.emptied()).update_query_dict(query)
    database = opened(url, connections=1)
    store, audit = SqlStore(database, FrozenClock()), SqlAudit(database)

    store.commit((Change(None, RecordFactory().company()),), (event(),), "create")
    for _ in range(9):
        store.list(None)
    with database.committing() as connection:
        connection.count(Statement(insert(EVENTS)), [{"at": 0, "body": "{}"}] * 2)

    with database.reading() as connection:
        assert bool(connection.run("SELECT name FROM pg_prepared_statements")) is prepared
        assert (connection.run("SHOW lock_timeout") != [("0",)]) is prepared
    with database.inspecting() as connection:
        for _ in range(9):
            connection.execute(text("SELECT 1"))
        names = connection.execute(text("SELECT name FROM pg_prepared_statements")).all()
        assert bool(names) is prepared
    assert "pooler" not in database.engine.url.query
    assert audit.read(limit=1)


def test_another_default_isolation_changes_nothing(postgres_server, opened):
    url = make_url(postgres_server.bare())
    with opened(url).writing() as connection:
        connection.run(
            f"ALTER DATABASE {url.database} SET default_transaction_isolation = 'serializable'"
        )
    upgrade(database := opened(url))
    worker = StoreWorker(SqlStore(database, FrozenClock()), lambda _: ())
    company = RecordFactory().company()
    worker.create(company)
    attempts = [lambda: worker.replace(company, next_version(company))] * 4

    lost = [end.error for end in race(attempts) if end.error is not None]

    assert [type(error) for error in lost] == [Conflict] * 3


def test_the_parameters_of_the_address_apply(postgres_server, opened):
    url = make_url(postgres_server.emptied())
    hosts = (f"{url.query['host']}/nobody", url.query["host"])
    query = {"host": hosts, "connect_timeout": "240", "options": "-c lock_timeout=77"}
    database = opened(url.update_query_dict(query))

    with database.reading() as connection:
        for name, expected in (
            ("lock_timeout", "77ms"),
            ("default_transaction_isolation", "read committed"),
        ):
            assert connection.run(f"SHOW {name}") == [(expected,)]


# Both


def test_no_connection_is_waited_for_and_then_unavailable(server, opened):
    database = opened(server.emptied(), patience=SHORT, connections=1)
    store = SqlStore(database, FrozenClock())

    with database.reading(), pytest.raises(StoreUnavailable):
        store.list(None)

    assert store.list(None) == ()


def test_a_connection_can_be_used_after_a_rollback(worker, company):
    for _ in range(40):  # more than there are connections
        worker.require_refused(Conflict, (None, company))

    worker.replace(company, next_version(company))


def test_any_number_of_old_rows_is_deleted(database):
    clock = FrozenClock()
    until = microseconds(START + LONG)
    with database.writing() as connection:
        keys = [{"key": digest(str(number)), "until": until} for number in range(1_203)]
        connection.count(Statement(insert(REPLAY_KEYS)), keys)
    SqlCounters(database, clock).add(("rate", "a"), LONG)
    store = SqlStore(database, clock)
    store.commit((Change(None, RecordFactory().company()),), (event(),), "create")

    assert forget(database, START + LONG) == 0
    assert SqlReplayGuard(database, clock).first_seen(("proof", "device", "id"), START + 9 * LONG)
    assert forget(database, START + 4 * LONG) == 1_203 + 1
    assert forget(database, START + timedelta(hours=2)) == 1 + 1, "the operation, and a key"
    assert forget(database, START + timedelta(days=20_000)) == 0


def test_the_log_is_read_in_pages(database):
    audit = SqlAudit(database)
    for number in range(5):
        audit.record(event(str(number)))

    first = audit.read(limit=3)
    rest = audit.read(after=first[-1].number)

    assert [one.event.reason for one in first + rest] == list("01234")
    assert audit.read(after=rest[-1].number) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('connection to server at "h", port 1 failed: Connection refused', "Connection refused"),
        ("canary", ""),
    ],
)
def test_the_log_says_why_a_server_is_not_reached(text, reason, caplog):
    error = unavailable(sqlite3.OperationalError(text))
    kind = f"OperationalError ({reason})" if reason else "OperationalError"
    assert caplog.messages == [f"the database failed: {kind}"]
    assert "did not answer" in str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'connection failed: FATAL:  password authentication failed for user "u"',
            'password authentication failed for user "u"',
        ),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "u"', "no pg_hba.conf entry"),
        ('FATAL:  role "u" is not permitted to log in', 'role "u" is not permitted to log in'),
    ],
)
def test_the_log_says_why_a_server_lets_nobody_in(text, reason, caplog):
    error = unavailable(sqlite3.OperationalError(text))
    assert caplog.messages == [f"the database refused: {reason}"]
    assert str(error) == f"the database refused: {reason}"


def test_an_unknown_role_or_database_and_a_table_that_is_missing_or_closed_are_named(
    postgres_server, opened, caplog
):
    url = make_url(postgres_server.emptied())
    with opened(url).writing() as connection:
        connection.run("CREATE ROLE counterseal_reader LOGIN")
    try:
        for address, reason in (
            (url.set(username="canary"), 'role "canary" does not exist'),
            (url.set(database="canary"), 'database "canary" does not exist'),
            (
                url.set(username="counterseal_reader"),
                "the role has no permission (42501, counterseal_records)",
            ),
            (
                postgres_server.bare(),
                "a table is missing, so run `upgrade` (42P01, counterseal_records)",
            ),
        ):
            caplog.clear()
            with pytest.raises(StoreUnavailable) as raised:
                SqlStore(opened(address), FrozenClock()).list(None)
            assert caplog.messages == [f"the database refused: {reason}"]
            assert str(raised.value) == f"the database refused: {reason}"
    finally:
        with opened(url).writing() as connection:
            connection.run("DROP ROLE counterseal_reader")
