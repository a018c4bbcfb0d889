"""Fan-out: one attempt at each address, concurrently, within one time limit."""

import threading
from datetime import timedelta

import httpx2
import pytest

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushOutcome, PushResult
from counterseal_http import FanOut, Forbidden

AMPLE = timedelta(seconds=240)
DELIVERED, GONE, LATER, MISCONFIGURED = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "GONE", "LATER", "MISCONFIGURED")
)


def address(value, kind=AddressKind.WEBPUSH):
    return PushAddress(kind=kind, value=str(value))


@pytest.fixture
def new_fan_out():
    fan_outs = []

    def make(concurrency=4):
        fan_outs.append(FanOut(frozenset({AddressKind.WEBPUSH}), concurrency=concurrency))
        return fan_outs[-1]

    yield make
    for fan_out in fan_outs:
        fan_out.close()


def test_each_address_has_its_outcome_and_a_repeated_one_is_attempted_once(new_fan_out):
    attempted = []

    def attempt(address, budget):
        attempted.append(address.value)
        return GONE if address.value == "1" else DELIVERED

    one, two, foreign = address(1), address(2), address(3, AddressKind.RELAY)
    outcomes = new_fan_out().send((two, foreign, one, two), attempt, AMPLE)

    assert outcomes == (DELIVERED, MISCONFIGURED, GONE, DELIVERED)
    assert sorted(attempted) == ["1", "2"]


def test_an_error_of_one_attempt_does_not_affect_the_others(new_fan_out, caplog):
    errors = {
        "1": Forbidden("not https", final=True),
        "2": httpx2.ConnectError("to https://push.example/secret"),
        "3": RuntimeError("to https://push.example/secret"),
        "4": TimeoutError("over"),
    }

    def attempt(address, budget):
        if address.value in errors:
            raise errors[address.value]
        return DELIVERED

    outcomes = new_fan_out().send([address(number) for number in range(6)], attempt, AMPLE)

    assert outcomes == (DELIVERED, MISCONFIGURED, LATER, LATER, LATER, DELIVERED)
    assert "secret" not in caplog.text
    assert len(caplog.records) == 4


def test_no_more_attempts_run_at_once_than_allowed(new_fan_out):
    lock, running, most = threading.Lock(), 0, 0
    four = threading.Barrier(4, timeout=240)

    def attempt(address, budget):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        four.wait()
        with lock:
            running -= 1
        return DELIVERED

    outcomes = new_fan_out(concurrency=4).send([address(n) for n in range(200)], attempt, AMPLE)

    assert outcomes == (DELIVERED,) * 200
    assert most == 4


def test_a_call_completes_while_others_use_all_threads(new_fan_out):
    fan_out, released = new_fan_out(concurrency=2), threading.Event()
    running = threading.Barrier(4, timeout=240)

    def hang(address, budget):
        running.wait()
        released.wait(240)
        return DELIVERED

    # The first call has its own thread and one of the pool, the second one the other of the pool.
    hanging = [
        threading.Thread(target=fan_out.send, args=([address(1), address(2)], hang, AMPLE)),
        threading.Thread(target=fan_out.send, args=([address(3)], hang, AMPLE)),
    ]
    for thread in hanging:
        thread.start()
    running.wait()
    try:
        outcomes = fan_out.send([address(n) for n in range(9)], lambda *_: DELIVERED, AMPLE)
        assert outcomes == (DELIVERED,) * 9
    finally:
        released.set()
        for thread in hanging:
            thread.join()


def test_an_attempt_that_has_not_started_in_time_is_later(new_fan_out):
    attempted = []

    def attempt(address, budget):
        attempted.append(address)
        return DELIVERED

    assert new_fan_out().send((address(1),), attempt, timedelta(0)) == (LATER,)
    assert attempted == []


def test_a_closed_fan_out_is_unavailable(new_fan_out):
    fan_out = new_fan_out()
    fan_out.close()
    with pytest.raises(NotifierUnavailable):
        fan_out.send((address(1),), lambda *_: DELIVERED, AMPLE)
