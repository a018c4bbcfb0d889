"""Workers: they deliver, expire and forget, outlive what fails, and stop when told."""

import copy
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest

from counterseal import Answers, AuditChain, Callbacks
from counterseal.bindings.usecases import invitations
from counterseal.errors import SenderUnavailable, StoreUnavailable
from counterseal.models import OPERATOR, ChallengeState, Change, DeliveryOutcome, Guid
from counterseal.ports import Due
from counterseal.wire.members import format_time
from counterseal_server import callback_workers
from counterseal_server import workers as module
from counterseal_server.attempts import Attempts
from counterseal_server.configuration import settings
from counterseal_server.head_memory import FileHeadMemory
from counterseal_server.metrics import Metrics
from counterseal_server.workers import Duty, Workers
from counterseal_sql import connect, forget, upgrade, with_sql
from counterseal_testing import FakeService
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.service import CALLBACK

PATIENCE = 240
"""Seconds; for a machine that has no time."""

OTHER_CALLBACK = "https://other.example/"


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError("it did not come about")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    for name in ("EVERY_LOOK", "EVERY_SWEEP", "EVERY_FORGETTING", "AFTER_FAILURE"):
        monkeypatch.setattr(module, name, timedelta(milliseconds=10))


@pytest.fixture
def database(tmp_path):
    database = connect(f"sqlite:///{tmp_path}/counterseal.db")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def world(database):
    return FakeService(adapters=lambda ports: with_sql(ports, database))


@pytest.fixture
def start(world, database, tmp_path):
    started = []

    def begin(*, senders=4, **more):
        runtime = SimpleNamespace(
            ports=world.ports,
            policy=world.policy,
            forget=forgetting(world, database),
            audit_chain=lambda: AuditChain(world.ports, world.policy, FileHeadMemory(tmp_path)),
            settings=settings({"data": tmp_path, "senders": senders}, {}),
        )
        metrics = Metrics()
        workers = Workers(runtime, metrics, **more)
        started.append(workers)
        # What the process serves stores its callbacks with the slots of its workers.
        begin.world = copy.copy(world)
        begin.world.answers = Answers(runtime.ports, world.policy)
        workers.start()
        return metrics

    yield begin
    for workers in started:
        workers.stop()


def forgetting(world, database):
    return lambda: forget(database, world.ports.clock.now())


def answered(world, origin=None, callback=CALLBACK, account="zoe"):
    phone = world.bind(account)
    issued = world.ask(account, "Lunch?", origin=origin, callback=callback)
    phone.answer(phone.fetch(issued.challenge.guid))
    return issued.challenge.guid


def counted(metrics, line):
    return eventually(lambda: line in metrics.text().decode().splitlines())


def test_a_callback_is_delivered_once_by_any_number_of_them(world, start):
    answered(world)
    metrics = [start(duties={Duty.DELIVER}) for _ in range(3)]
    eventually(lambda: world.sender.attempts)
    eventually(lambda: not world.callbacks.due())
    line = b'counterseal_callback_attempts_total{outcome="DELIVERED"} 1.0'
    eventually(lambda: sum(line in one.text() for one in metrics) == 1)
    assert len(world.sender.attempts) == 1


@pytest.mark.parametrize(("status", "text"), [(500, "HTTP 500"), (None, "no answer")])
def test_the_log_says_what_came_of_an_attempt(world, start, caplog, status, text):
    caplog.set_level("INFO")
    world.sender.script(DeliveryOutcome(status=status))
    answered(world)
    guid = world.origin.origin.guid
    start(duties={Duty.DELIVER})
    (callback,) = eventually(
        lambda: [
            each for each in world.callbacks.list_queued(guid, 9, by=OPERATOR) if each.attempts
        ]
    )
    at = format_time(callback.next_at)
    line = f"callback {callback.guid}: QUEUED, attempt 1: {text}; next attempt at {at}"
    eventually(lambda: line in [record.getMessage() for record in caplog.records])


def test_however_many_bindings_cannot_be_ended_others_end(world, start, monkeypatch):
    monkeypatch.setattr(invitations, "PAGES", 2)
    factory = RecordFactory()
    for number in range(250):
        lost = factory.binding(factory.account(f"{number}"), deadline=world.clock.now())
        world.ports.store.commit((Change(None, lost),), (), f"{number}")
    binding = world.invitations.invite(world.origin, "zoe").binding
    world.clock.advance(world.policy.session_token_life)
    metrics = start(duties={Duty.SWEEP})
    counted(metrics, 'counterseal_swept_total{kind="invitation"} 1.0')
    assert world.ports.store.get(binding)[0].due_at is None


def test_a_receiver_that_hangs_keeps_only_its_own_origin_waiting(world, start, monkeypatch):
    hung, goes_on = set(), threading.Event()
    send = world.sender.send

    def hanging(delivery):
        if delivery.url == CALLBACK:
            hung.add(dict(delivery.headers)["webhook-id"])
            goes_on.wait(PATIENCE)
        return send(delivery)

    monkeypatch.setattr(world.sender, "send", hanging)
    for _ in range(5):
        answered(world)
        world.clock.advance(timedelta(minutes=5))
    try:
        start(duties={Duty.DELIVER})
        eventually(lambda: len(hung) == 2)
        guid = world.new_origin(world.app_space, "Other shop").origin.guid
        world.administration.allow_callback(guid, OTHER_CALLBACK)
        answered(world, world.administration.relying_party(guid), OTHER_CALLBACK)
        eventually(lambda: [one.delivery.url for one in world.sender.attempts] == [OTHER_CALLBACK])
        assert len(hung) == 2
    finally:
        goes_on.set()


def test_a_send_that_has_ended_takes_the_next_at_once(world, start, monkeypatch):
    """No look at the store in between: each of these would have taken the longest pause."""
    never = timedelta(seconds=PATIENCE)
    monkeypatch.setattr(module, "EVERY_LOOK", never)
    monkeypatch.setattr(callback_workers, "EVERY_LOOK", never)
    for number in range(20):
        answered(world, account=f"user-{number}")
    start(duties={Duty.DELIVER}, senders=2)
    eventually(lambda: len(world.sender.attempts) == 20)


def test_an_answer_wakes_the_worker(world, start, monkeypatch):
    never = timedelta(seconds=PATIENCE)
    monkeypatch.setattr(module, "EVERY_LOOK", never)
    monkeypatch.setattr(callback_workers, "EVERY_LOOK", never)
    waits = threading.Event()
    wait = world.ports.wake.wait

    def waiting(guid, timeout):
        waits.set()
        wait(guid, timeout)

    monkeypatch.setattr(world.ports.wake, "wait", waiting)
    metrics = start(duties={Duty.DELIVER})
    # The first look finds nothing, and the next one by itself is minutes away.
    counted(metrics, 'counterseal_worker_rounds_total{worker="callbacks"} 1.0')
    eventually(waits.is_set)
    answered(world)
    eventually(lambda: world.sender.attempts)


def test_a_callback_of_this_process_needs_no_look(world, start, monkeypatch):
    def refuse(*_):
        raise AssertionError

    world.bind("zoe")
    monkeypatch.setattr(Callbacks, "find_due", refuse)
    metrics = start(duties={Duty.DELIVER})
    answered(start.world, account="mia")
    counted(metrics, 'counterseal_callback_attempts_total{outcome="DELIVERED"} 1.0')
    assert len(world.sender.attempts) == 1


def test_a_receiver_that_hangs_leaves_slots_to_callbacks_of_other_origins(
    world, start, monkeypatch
):
    goes_on, urls = threading.Event(), []
    send = world.sender.send

    def hanging(delivery):
        urls.append(delivery.url)
        if delivery.url == CALLBACK:
            goes_on.wait(PATIENCE)
        return send(delivery)

    monkeypatch.setattr(world.sender, "send", hanging)
    guid = world.new_origin(world.app_space, "Other shop").origin.guid
    world.administration.allow_callback(guid, OTHER_CALLBACK)
    start(duties={Duty.DELIVER}, senders=4)
    try:
        for number in range(5):
            answered(start.world, account=f"user-{number}")
        eventually(lambda: len(urls) == 2)
        answered(start.world, world.administration.relying_party(guid), OTHER_CALLBACK)
        eventually(lambda: OTHER_CALLBACK in urls)
        assert urls.count(CALLBACK) == 2, "half of the slots"
    finally:
        goes_on.set()
    eventually(lambda: len(world.sender.attempts) == 6)


def test_while_callbacks_wait_only_other_origins_have_slots(world, tmp_path, monkeypatch):
    goes_on = threading.Event()
    monkeypatch.setattr(
        world.sender, "send", lambda _: goes_on.wait(PATIENCE) and DeliveryOutcome(status=204)
    )
    for number in range(5):
        answered(world, account=f"user-{number}")
    (callback, *_) = world.ports.store.due(Due.CALLBACK, world.clock.now(), 9)
    runtime = SimpleNamespace(
        ports=world.ports,
        policy=world.policy,
        settings=settings({"data": tmp_path, "senders": 4}, {}),
    )
    delivering = callback_workers.CallbackWorkers(runtime, Metrics(), threading.Event())
    delivering.start()
    try:
        delivering.deliver()
        assert not delivering.reserve(callback)
        assert delivering.reserve(attrs.evolve(callback, guid=Guid("a"), origin=Guid("b")))
    finally:
        goes_on.set()
        delivering.stop()


def test_no_slot_is_reserved_before_the_start_and_after_the_end(world, tmp_path, caplog):
    runtime = SimpleNamespace(
        ports=world.ports,
        policy=world.policy,
        settings=settings({"data": tmp_path, "senders": 4}, {}),
    )
    stop = threading.Event()
    delivering = callback_workers.CallbackWorkers(runtime, Metrics(), stop)
    callback = RecordFactory().callback(RecordFactory().account())
    assert not delivering.reserve(callback)
    delivering.start()
    assert delivering.reserve(callback)
    delivering.release(callback)
    assert delivering.reserve(callback)
    stop.set()
    assert not delivering.reserve(RecordFactory().callback(RecordFactory().account()))
    # Its commit ended after the workers: nothing is raised, and the lease ends by itself.
    delivering.begin(callback)
    delivering.stop()
    assert delivering.reserve(callback) is False


def test_an_origin_with_a_long_backlog_that_hangs_does_not_delay_another(world, start, monkeypatch):
    """More is due of it than any look reads first."""
    goes_on = threading.Event()
    send = world.sender.send

    def hanging(delivery):
        if delivery.url == CALLBACK:
            goes_on.wait(PATIENCE)
        return send(delivery)

    monkeypatch.setattr(world.sender, "send", hanging)
    guid = world.new_origin(world.app_space, "Other shop").origin.guid
    world.administration.allow_callback(guid, OTHER_CALLBACK)
    for number in range(30):
        answered(world, account=f"user-{number}")
    try:
        start(duties={Duty.DELIVER}, senders=4)
        for count in range(1, 4):
            answered(world, world.administration.relying_party(guid), OTHER_CALLBACK)
            world.clock.advance(timedelta(seconds=1))
            eventually(
                lambda count=count: (
                    [one.delivery.url for one in world.sender.attempts] == [OTHER_CALLBACK] * count
                )
            )
    finally:
        goes_on.set()


def test_what_is_over_is_expired_and_forgotten(world, start):
    world.bind("zoe")
    challenge = world.ask("zoe", "Lunch?").challenge.guid
    metrics = start()
    world.clock.advance(timedelta(minutes=11))
    counted(metrics, 'counterseal_swept_total{kind="challenge"} 1.0')
    (record,) = world.ports.store.get(challenge)
    assert record.state is ChallengeState.EXPIRED

    world.clock.advance(timedelta(days=60))
    eventually(lambda: world.ports.store.get(challenge) == (None,))


@pytest.mark.parametrize("full_count", [100, 101])
def test_a_sweep_that_was_full_goes_on_without_a_pause(start, monkeypatch, full_count):
    counts = [7, full_count]

    class Full:
        def __init__(self, *_):
            pass

        def expire(self, _, *, read_further):
            return counts.pop() if counts else 0

    monkeypatch.setattr(module, "EVERY_SWEEP", timedelta(hours=1))
    monkeypatch.setattr(module, "Sessions", Full)
    metrics = start(duties={Duty.SWEEP})
    counted(metrics, f'counterseal_swept_total{{kind="session"}} {full_count + 7}.0')


def test_they_outlive_what_fails(start, monkeypatch, caplog):
    failures = [StoreUnavailable(), RuntimeError("canary")]

    class Failing:
        def __init__(self, *_):
            pass

        def expire(self, _):
            if failures:
                raise failures.pop()
            return 0

    monkeypatch.setattr(module, "Logins", Failing)
    metrics = start()
    counted(metrics, 'counterseal_worker_failures_total{worker="expiry"} 2.0')
    assert "expiry: store_unavailable" in caplog.text


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(SenderUnavailable(), "unavailable"), (RuntimeError("canary"), "failed")],
)
def test_an_attempt_that_fails_here_is_counted(world, start, monkeypatch, failure, outcome):
    def fail(_):
        raise failure

    monkeypatch.setattr(world.sender, "send", fail)
    answered(world)
    metrics = start(duties={Duty.DELIVER})
    line = f'counterseal_callback_attempts_total{{outcome="{outcome}"}} 1.0'
    counted(metrics, line)


def test_a_callback_that_arrives_after_it_was_dropped_is_counted(world, start, monkeypatch):
    send = world.sender.send

    def drop(delivery):
        guid = dict(delivery.headers)["webhook-id"]
        world.callbacks.drop(guid, by=OPERATOR)
        return send(delivery)

    monkeypatch.setattr(world.sender, "send", drop)
    answered(world)
    metrics = start(duties={Duty.DELIVER})
    counted(metrics, 'counterseal_callback_attempts_total{outcome="DROPPED"} 1.0')


def test_they_stop_at_a_signal(world, start, database, tmp_path):
    runtime = SimpleNamespace(
        ports=world.ports,
        policy=world.policy,
        forget=forgetting(world, database),
        audit_chain=lambda: AuditChain(world.ports, world.policy),
        settings=settings({"data": tmp_path}, {}),
    )
    before = set(threading.enumerate())
    workers = Workers(runtime, Metrics())
    workers.start()
    assert set(threading.enumerate()) - before
    workers.stop()
    assert not set(threading.enumerate()) - before


def test_an_attempt_that_cannot_begin_is_not_under_way(monkeypatch):
    """When the interpreter ends, its pools take no more; what is due stays due."""
    callback = RecordFactory().callback(RecordFactory().account())
    attempts = Attempts(
        "callback", lambda record: record, lambda *_: None, describe=str, slots=1, freed=list
    )
    attempts.begin(callback, "callbacks")
    attempts.stop()
    with pytest.raises(RuntimeError):
        attempts.begin(callback, "callbacks")
    assert attempts.under_way == {}

    ended = SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    attempts.begin(callback, "callbacks")
    assert attempts.under_way == {}
