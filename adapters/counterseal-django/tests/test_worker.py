"""The worker's duties, on a clock of the test's."""

import logging
import threading
from datetime import timedelta

import attrs
import pytest
from django.test import override_settings

import counterseal as cs
from counterseal.errors import NotFound
from counterseal.models import AddressKind, ChallengeState, PushAddress
from counterseal_django import approvals
from counterseal_django.testing import fake_approvals
from counterseal_django.wiring import configuration, key_files
from counterseal_django.worker import Worker
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

ADDRESS = PushAddress(kind=AddressKind.RELAY, value="somewhere")
PATIENCE = 240


def work_once():
    Worker(threading.Event()).work_once()


def test_it_expires_questions_and_deletes_old_records(configured, sqlite_databases, set_databases):
    clock = FrozenClock()
    set_databases(default={}, counterseal=sqlite_databases.members())
    members = configured | {"PORTS": lambda ports: attrs.evolve(ports, clock=clock)}
    with override_settings(COUNTERSEAL=members):
        key_files(configuration()).create_missing()
        current = approvals()
        fake = FakeService(adapters=lambda _: current.service.ports)
        fake.origin = current.party
        fake.bind("42")
        guid = fake.ask("42", "Pay?").challenge.guid

        def state():
            return current.service.challenges.status(current.party, guid).state

        work_once()
        assert state() is ChallengeState.PENDING
        clock.advance(cs.STANDARD.challenge_life)
        work_once()
        assert state() is ChallengeState.EXPIRED
        clock.advance(timedelta(days=400))
        work_once()
        with pytest.raises(NotFound):
            state()


def test_it_delivers_callbacks_and_notifies_devices(members):
    fake = FakeService()
    phone = fake.bind("42", addresses=(ADDRESS,))
    with override_settings(COUNTERSEAL=members), fake_approvals(fake):
        guid = fake.ask("42", "Pay?", callback=CALLBACK).challenge.guid
        work_once()
        phone.answer(phone.fetch(guid))
        work_once()

    assert [push.message.subject for push in fake.outbox.pushes][:1] == [guid]
    assert [attempt.delivery.url for attempt in fake.sender.attempts] == [CALLBACK]


def test_it_waits_for_a_store_that_fails_and_ends_at_a_signal(
    configured, sqlite_databases, set_databases, caplog
):
    set_databases(default={}, counterseal=sqlite_databases.broken())
    stop, warned = threading.Event(), threading.Event()

    class Warned(logging.Handler):
        def emit(self, record):
            warned.set()

    logger, handler = logging.getLogger("counterseal_django"), Warned()
    logger.addHandler(handler)
    worker = threading.Thread(target=Worker(stop).work)
    worker.start()
    assert warned.wait(PATIENCE)
    stop.set()
    worker.join(PATIENCE)
    logger.removeHandler(handler)
    assert not worker.is_alive()
    assert "store_unavailable" in caplog.text


def test_a_round_that_fails_is_repeated(members, caplog, monkeypatch):
    stop, rounds = threading.Event(), []

    def fail(_):
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise cs.Unavailable.__subclasses__()[0]
        if len(rounds) == 2:
            raise LookupError
        stop.set()

    monkeypatch.setattr("counterseal_django.worker.expire", fail)
    monkeypatch.setattr("counterseal_django.worker.EVERY_ROUND", timedelta(0))
    fake = FakeService()
    with override_settings(COUNTERSEAL=members), fake_approvals(fake):
        Worker(stop).work()
    assert len(rounds) == 3
    assert "fail: store_unavailable" in caplog.text
    assert "LookupError" in caplog.text
