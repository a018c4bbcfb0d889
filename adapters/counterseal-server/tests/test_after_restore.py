"""After a restore the service waits until nothing from before can count again."""

import json
import threading
from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from counterseal import STANDARD, STRICT
from counterseal.errors import InvalidField
from counterseal_server import web
from counterseal_server.after_restore import NOTE, Restored, RestoreWait, note_restore
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime
from counterseal_server.serving import StartLater
from counterseal_testing import START, FrozenClock

MINUTE = timedelta(minutes=1)
PORTAL = {"COUNTERSEAL_PORTAL": "1", "COUNTERSEAL_PUBLIC_URL": "https://auth.example.com"}
SECONDS = st.integers(0, 86_400).map(lambda seconds: timedelta(seconds=seconds))
LIVES = ("challenge_life_limit", "session_token_life", "login_life", "ceremony_life")
"""How long things stay open that a person answers or uses; each begins before the backup."""

SHORT = st.integers(1, 600).map(lambda seconds: timedelta(seconds=seconds))


@given(
    lived=st.tuples(SECONDS, SHORT), called=SECONDS, window=st.tuples(SHORT, SHORT), later=SECONDS
)
def test_nothing_from_before_is_open_when_the_wait_ends(lived, called, window, later):
    (issued, life), (past, future) = lived, window
    backed_up_at = START + timedelta(days=1)
    restored_at = backed_up_at + later
    policy = evolve(STANDARD, proof_past=past, proof_future=future)
    ends_at = Restored(backed_up_at=backed_up_at, restored_at=restored_at).ends_at(policy)

    # A challenge of the backup, however its policy was: answered after it, it is open no more.
    assert backed_up_at - issued + life <= ends_at
    # A call to the lost store, by a clock ahead as far as it may be: it is stale.
    assert restored_at - called + future + past <= ends_at
    # And no longer than one of the two reasons asks for.
    assert ends_at in {backed_up_at + 10 * MINUTE, restored_at + past + future}


@pytest.mark.parametrize("name", LIVES)
def test_no_policy_allows_a_longer_life_than_the_wait_assumes(name):
    assert {getattr(policy, name) for policy in (STANDARD, STRICT)} <= {
        timedelta(seconds=seconds) for seconds in range(601)
    }
    with pytest.raises(Exception, match=name):
        evolve(STANDARD, **{name: 10 * MINUTE + timedelta(seconds=1)})


def test_a_backup_of_yesterday_waits_for_replays_only(tmp_path):
    now = START + timedelta(days=1)
    Restored(backed_up_at=START, restored_at=now).write(tmp_path)
    clock = FrozenClock(now)

    assert RestoreWait(tmp_path, STANDARD, clock).remaining() == 6 * MINUTE


def test_it_goes_on_where_it_was_and_ends_once(tmp_path):
    clock = FrozenClock()
    note_restore(tmp_path, STANDARD, clock)
    assert RestoreWait(tmp_path, STANDARD, clock).remaining() == 10 * MINUTE
    clock.advance(4 * MINUTE)

    note_restore(tmp_path, STANDARD, clock)  # started again, with the option again
    wait = RestoreWait(tmp_path, STANDARD, clock)
    assert wait.remaining() == 6 * MINUTE
    clock.advance(6 * MINUTE)
    assert wait.remaining() == timedelta(0)
    assert wait.wait(threading.Event(), MINUTE)

    assert not (tmp_path / NOTE).exists()
    assert RestoreWait(tmp_path, STANDARD, clock).ends_at is None
    note_restore(tmp_path, STANDARD, clock)  # another restore
    assert RestoreWait(tmp_path, STANDARD, clock).remaining() == 10 * MINUTE


def test_a_note_whose_time_is_over_is_none_of_the_next_restore(tmp_path):
    clock = FrozenClock()
    note_restore(tmp_path, STANDARD, clock)
    clock.advance(60 * MINUTE)

    note_restore(tmp_path, STANDARD, clock)

    assert RestoreWait(tmp_path, STANDARD, clock).remaining() == 10 * MINUTE


def test_where_nothing_can_be_written_only_this_process_waits(tmp_path):
    clock, data = FrozenClock(), tmp_path / "unwritable"
    restored = note_restore(data, STANDARD, clock)
    wait = RestoreWait(data, STANDARD, clock, restored)
    assert wait.remaining() == 10 * MINUTE
    assert wait.restored_at == clock.now()
    clock.advance(10 * MINUTE)
    assert wait.wait(threading.Event(), MINUTE)
    # Nobody else waits.
    assert RestoreWait(data, STANDARD, clock).remaining() == timedelta(0)
    assert not data.exists()


def test_a_clock_that_is_behind_waits_longer(tmp_path):
    Restored(backed_up_at=START, restored_at=START).write(tmp_path)
    behind = FrozenClock(START - 3 * MINUTE)

    assert RestoreWait(tmp_path, STANDARD, behind).remaining() == 13 * MINUTE


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"backedUpAt": "soon", "restoredAt": "now"}'])
def test_a_broken_note_is_refused_and_not_ignored(tmp_path, text):
    (tmp_path / NOTE).write_text(text)

    with pytest.raises(InvalidField, match=r"after-restore\.json cannot be read"):
        RestoreWait(tmp_path, STANDARD, FrozenClock())
    with pytest.raises(InvalidField, match=r"after-restore\.json cannot be read"):
        note_restore(tmp_path, STANDARD, FrozenClock())


class FakeWorkers:
    def __init__(self):
        self.calls = []
        self.started = threading.Event()

    def start(self):
        self.calls.append("start")
        self.started.set()

    def stop(self):
        self.calls.append("stop")


def test_workers_start_at_once_without_a_restore(tmp_path):
    workers = FakeWorkers()
    later = StartLater(RestoreWait(tmp_path, STANDARD, FrozenClock()), workers)

    later.start()
    later.stop()

    assert workers.calls == ["start", "stop"]


def test_no_worker_starts_during_the_wait(tmp_path):
    workers = FakeWorkers()
    note_restore(tmp_path, STANDARD, FrozenClock())
    later = StartLater(RestoreWait(tmp_path, STANDARD, FrozenClock()), workers)

    later.start()
    later.stop()

    assert workers.calls == []
    assert (tmp_path / NOTE).exists()


def test_no_worker_starts_after_a_stop():
    class Wait:
        def remaining(self):
            return timedelta(0)

        def wait(self, *_):
            later.stop()  # a signal, just when the wait is over
            return True

    workers = FakeWorkers()
    later = StartLater(Wait(), workers)

    later.start()

    assert workers.calls == []


def test_workers_start_when_the_wait_ends(tmp_path):
    class Clock:
        moments = iter(START + number * MINUTE for number in range(100))

        def now(self):
            return next(self.moments)

    workers = FakeWorkers()
    restored_at = START - 10 * MINUTE
    Restored(backed_up_at=restored_at, restored_at=restored_at).write(tmp_path)
    note = datetime.fromisoformat(json.loads((tmp_path / NOTE).read_text())["restoredAt"])
    assert note == restored_at
    policy = evolve(STANDARD, proof_past=9 * MINUTE, proof_future=MINUTE + timedelta(seconds=1))
    wait = RestoreWait(tmp_path, policy, Clock())
    later = StartLater(wait, workers)

    later.start()

    assert workers.started.wait(60)
    assert not (tmp_path / NOTE).exists()
    later.stop()


def test_until_it_is_over_every_call_gets_503(create_data, tmp_path):
    output = create_data(tmp_path / "data")
    note_restore(tmp_path / "data", STANDARD, FrozenClock())
    with Runtime(settings({"data": tmp_path / "data"}, PORTAL)) as runtime:
        runtime.prepare()
        clock = FrozenClock(START + timedelta(seconds=0.5))
        wait = RestoreWait(tmp_path / "data", STANDARD, clock)
        service = web.use_cases(runtime)
        client = Client(web.ServerApplication(runtime, service, Metrics(), wait=wait))
        headers = {"Authorization": output["authorization"]}

        def call(path, method="GET"):
            return client.open(path, method=method, headers=headers)

        for path, method in [
            ("/request/add", "POST"),
            ("/device/answer", "POST"),
            ("/.well-known/jwks.json", "GET"),
            ("/portal", "GET"),
            ("/nowhere", "GET"),
        ]:
            reply = call(path, method)
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "600"), path
            assert reply.json["code"] == "busy"
            assert reply.json["detail"] == "the service was restored, and serves after a wait"
        assert call("/readyz").json == {"status": "unready", "failing": ["after_restore"]}
        assert [call(path).status_code for path in ("/readyz", "/healthz", "/metrics")] == [
            503,
            200,
            200,
        ]
        clock.advance(10 * MINUTE)
        assert call("/readyz").status_code == 200
        assert call("/.well-known/jwks.json").status_code == 200
        assert call("/nowhere").status_code == 404
