"""Notification workers: they send at once after the commit, and no channel waits for another."""

import contextlib
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest
from click.testing import CliRunner

from counterseal import AuditChain
from counterseal.errors import NotifierUnavailable
from counterseal.memory import MemoryWake
from counterseal.models import (
    OPERATOR,
    AddressKind,
    NotificationState,
    PushAddress,
    PushOutcome,
    PushResult,
)
from counterseal_server import workers as module
from counterseal_server.cli import main
from counterseal_server.commands import notify as command
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.notification_workers import NotificationWorkers
from counterseal_server.plainly import plainly
from counterseal_server.workers import Duty, Workers
from counterseal_testing import FakeService, OutboxNotifier

PATIENCE = 240
"""Seconds; for a machine that has no time."""

RELAY = PushAddress(kind=AddressKind.RELAY, value="relay")
WEB = PushAddress(kind=AddressKind.WEBPUSH, value="web")


class Hanging(OutboxNotifier):
    """Hangs at one kind until it is let go, and rings the others."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.release = threading.Event()
        self.hung = threading.Semaphore(0)
        self.came_back = 0

    def push(self, addresses, message):
        if any(address.kind is self.kind for address in addresses):
            self.hung.release()
            self.release.wait(PATIENCE)
            self.came_back += 1
            raise NotifierUnavailable
        return super().push(addresses, message)


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError("it did not come about")


@pytest.fixture
def notifier():
    return OutboxNotifier()


@pytest.fixture
def world(notifier):
    return FakeService(
        adapters=lambda ports: attrs.evolve(ports, notifier=notifier, wake=MemoryWake())
    )


@pytest.fixture
def runtime(world, tmp_path):
    return SimpleNamespace(
        ports=world.ports,
        policy=world.policy,
        forget=lambda: 0,
        audit_chain=lambda: AuditChain(world.ports, world.policy),
        settings=settings({"data": tmp_path, "senders": 0, "notification_workers": 2}, {}),
    )


@pytest.fixture
def start(runtime):
    started = []

    def begin():
        """Start another process's workers; they are in `begin.started`."""
        metrics = Metrics()
        workers = Workers(runtime, metrics)
        started.append(workers)
        workers.start()
        return metrics

    begin.started = started
    yield begin
    for workers in started:
        workers.stop()


def test_a_notification_is_sent_at_once_after_the_commit(world, notifier, start, monkeypatch):
    monkeypatch.setattr(module, "EVERY_LOOK", timedelta(hours=1))
    rounds = threading.Semaphore(0)
    notify = NotificationWorkers.notify
    monkeypatch.setattr(
        NotificationWorkers, "notify", lambda self: (notify(self), rounds.release())[0]
    )
    world.bind("zoe", addresses=(RELAY,))
    start()
    assert rounds.acquire(timeout=PATIENCE)  # the next one is an hour ahead
    challenges = world.ask("zoe", "Lunch?").challenge
    eventually(lambda: notifier.pushes_for(challenges.guid))


def test_what_came_of_it_is_counted(world, notifier, start):
    world.bind("zoe", addresses=(RELAY, WEB))
    notifier.outcomes[WEB] = PushOutcome(result=PushResult.MISCONFIGURED)
    challenges = world.ask("zoe", "Lunch?").challenge
    metrics = start()
    eventually(lambda: notifier.pushes_for(challenges.guid))
    for line in (
        'counterseal_pushes_total{kind="relay",outcome="delivered"} 1.0',
        'counterseal_pushes_total{kind="webpush",outcome="misconfigured"} 1.0',
        'counterseal_notification_attempts_total{occasion="challenge",outcome="DELIVERED"} 1.0',
        'counterseal_notification_attempts_total{occasion="challenge",outcome="OVER"} 1.0',
    ):
        eventually(lambda line=line: line in metrics.text().decode().splitlines())


def test_what_an_operator_has_to_mend_is_an_error_in_the_log(world, notifier, runtime, caplog):
    world.bind("zoe", addresses=(RELAY,))
    notifier.outcomes[RELAY] = PushOutcome(result=PushResult.REJECTED)
    world.ask("zoe", "Lunch?")
    sending = NotificationWorkers(runtime, Metrics(), lambda: None)
    sending.notify()
    sending.stop()
    (line,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert line == "push by relay: rejected"


class TestAChannelThatHangs:
    @pytest.fixture
    def notifier(self):
        return Hanging(AddressKind.RELAY)

    @pytest.fixture
    def start(self, start, notifier):
        yield start
        notifier.release.set()

    def test_adds_nothing_to_the_call_that_asks(self, world, notifier, start):
        start()
        zoe = world.bind("zoe", addresses=(RELAY,))
        world.ask("zoe", "Lunch?")
        assert notifier.hung.acquire(timeout=PATIENCE)
        challenges = world.ask("zoe", "Tea?").challenge
        assert zoe.answer(challenges).approved
        assert notifier.came_back == 0

    def test_does_not_delay_a_healthy_one(self, world, notifier, start):
        start()
        names = [f"user-{number}" for number in range(40)]
        for name in names:
            world.bind(name, addresses=(RELAY, WEB))
        challenges = [world.ask(name, "Lunch?").challenge.guid for name in names]
        eventually(lambda: all(notifier.pushes_for(guid) for guid in challenges))
        assert notifier.came_back == 0

    def test_of_one_account_leaves_a_place_to_others(self, world, notifier, runtime):
        notifier.kind = None
        slow = PushAddress(kind=AddressKind.RELAY, value="slow")
        world.bind("mallory", addresses=(slow,))
        world.bind("zoe", addresses=(RELAY,))
        for _ in range(3):
            world.ask("mallory", "Lunch?")
        world.ask("zoe", "Lunch?")
        sending = NotificationWorkers(runtime, Metrics(), lambda: None)
        first, second = sending.notifications.find_next({}, 2)
        assert len({first.account, second.account}) == 2
        assert sending.notifications.find_next({first.guid: first}, 2) == (second,)


def test_a_stop_waits_for_what_runs_and_begins_nothing_new(world, notifier, runtime):
    world.bind("zoe", addresses=(RELAY,))
    workers = Workers(runtime, Metrics())
    workers.start()
    workers.stop()
    challenges = world.ask("zoe", "Lunch?").challenge
    assert notifier.pushes_for(challenges.guid) == ()


def test_processes_that_race_notify_once(world, notifier, start):
    world.bind("zoe", addresses=(RELAY,))
    for _ in range(3):
        start()
    challenges = [world.ask("zoe", "Lunch?").challenge.guid for _ in range(5)]
    eventually(lambda: all(notifier.pushes_for(guid) for guid in challenges))
    for workers in start.started:
        workers.stop()
    assert [len(notifier.pushes_for(guid)) for guid in challenges] == [1] * 5
    assert {one.state for one in world.notifications.due()} <= {NotificationState.QUEUED}


def test_notifying_can_be_left_to_others(world, notifier, runtime, tmp_path):
    runtime.settings = settings({"data": tmp_path, "notification_workers": 0, "senders": 0}, {})
    world.bind("zoe", addresses=(RELAY,))
    challenges = world.ask("zoe", "Lunch?").challenge
    swept = threading.Event()
    runtime.forget = lambda: swept.set() or 0
    workers = Workers(runtime, Metrics())
    workers.start()
    assert swept.wait(PATIENCE)  # they are at work
    workers.stop()
    assert notifier.pushes_for(challenges.guid) == ()


@pytest.mark.parametrize(
    ("duties", "expected_count"), [({Duty.NOTIFY}, True), ({Duty.DELIVER, Duty.SWEEP}, False)]
)
def test_only_workers_with_the_duty_notify(world, notifier, runtime, duties, expected_count):
    world.bind("zoe", addresses=(RELAY,))
    challenges = world.ask("zoe", "Lunch?").challenge
    workers = Workers(runtime, Metrics(), duties=duties)
    names = {thread.name for thread in workers._threads}
    assert names == (
        {"counterseal-notifications", "counterseal-wake"}
        if expected_count
        else {
            *("counterseal-audit", "counterseal-expiry", "counterseal-forgetting"),
            "counterseal-gauges",
        }
    )
    workers.start()
    if expected_count:
        eventually(lambda: notifier.pushes_for(challenges.guid))
    workers.stop()
    assert bool(notifier.pushes_for(challenges.guid)) is expected_count


class TestTheCommand:
    @pytest.fixture
    def notify(self, runtime, monkeypatch):
        monkeypatch.setattr(command, "opened", lambda *_: plainly_in(runtime))
        return lambda device: CliRunner().invoke(main, ["notify", "test", device])

    def test_says_what_came_of_each_address(self, world, notifier, notify):
        dead_address = PushAddress(kind=AddressKind.FCM_TOKEN, value="gone")
        zoe = world.bind("zoe", addresses=(dead_address, RELAY, WEB))
        notifier.dead.add(dead_address)
        notifier.outcomes[WEB] = PushOutcome(result=PushResult.LATER, after=timedelta(seconds=90))
        ran = notify(zoe.device.bond.device)
        assert ran.exit_code == 0
        assert ran.output.splitlines() == [
            "fcm_token: gone",
            "relay: delivered",
            "webpush: later, after 90s",
        ]
        assert world.devices.ports.store.get(zoe.device.bond.device)[0].addresses == (RELAY, WEB)

    def test_ends_with_1_if_the_device_was_not_notified(self, world, notifier, notify):
        zoe = world.bind("zoe", addresses=(RELAY,))
        notifier.failing = True
        ran = notify(zoe.device.bond.device)
        assert (ran.exit_code, ran.stdout) == (1, "relay: later\n")
        assert ran.stderr == "nothing was delivered\n"
        ran = notify(world.bind("adam").device.bond.device)
        assert (ran.exit_code, ran.stderr) == (1, "the device has no address\n")

    def test_needs_a_device_that_is_active(self, world, notify):
        zoe = world.bind("zoe", addresses=(RELAY,))
        world.devices.suspend(zoe.device.bond.device, by=OPERATOR)
        assert notify(zoe.device.bond.device).exit_code == 1
        assert notify("nobody").exit_code == 2


@contextlib.contextmanager
def plainly_in(runtime):
    with plainly():
        yield runtime
