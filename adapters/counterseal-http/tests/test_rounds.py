"""Rounds: one attempt at each address, several at once, all within one time."""

import threading
from datetime import timedelta

import httpx2
import pytest

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushOutcome, PushResult
from counterseal_http import Forbidden, Rounds

AMPLE = timedelta(seconds=240)
DELIVERED, GONE, LATER, MISCONFIGURED = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "GONE", "LATER", "MISCONFIGURED")
)


def address(value, kind=AddressKind.WEBPUSH):
    return PushAddress(kind=kind, value=str(value))


@pytest.fixture
def new_rounds():
    made = []

    def make(at_once=4):
        made.append(Rounds(frozenset({AddressKind.WEBPUSH}), at_once=at_once))
        return made[-1]

    yield make
    for rounds in made:
        rounds.close()


def test_each_address_has_its_outcome_and_a_repeated_one_is_rung_once(new_rounds):
    tried = []

    def attempt(each, left):
        tried.append(each.value)
        return GONE if each.value == "1" else DELIVERED

    one, two, foreign = address(1), address(2), address(3, AddressKind.RELAY)
    outcomes = new_rounds().make((two, foreign, one, two), attempt, AMPLE)

    assert outcomes == (DELIVERED, MISCONFIGURED, GONE, DELIVERED)
    assert sorted(tried) == ["1", "2"]


def test_what_one_attempt_raises_is_its_own(new_rounds, caplog):
    raised = {
        "1": Forbidden("not https", final=True),
        "2": httpx2.ConnectError("to https://push.example/secret"),
        "3": RuntimeError("to https://push.example/secret"),
        "4": TimeoutError("over"),
    }

    def attempt(each, left):
        if each.value in raised:
            raise raised[each.value]
        return DELIVERED

    outcomes = new_rounds().make([address(number) for number in range(6)], attempt, AMPLE)

    assert outcomes == (DELIVERED, MISCONFIGURED, LATER, LATER, LATER, DELIVERED)
    assert "secret" not in caplog.text
    assert len(caplog.records) == 4


def test_no_more_run_at_once_than_may(new_rounds):
    lock, running, most = threading.Lock(), 0, 0
    four = threading.Barrier(4, timeout=240)

    def attempt(each, left):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        four.wait()
        with lock:
            running -= 1
        return DELIVERED

    outcomes = new_rounds(at_once=4).make([address(n) for n in range(200)], attempt, AMPLE)

    assert outcomes == (DELIVERED,) * 200
    assert most == 4


def test_a_round_goes_on_where_another_one_holds_all_threads(new_rounds):
    rounds, held, over = new_rounds(at_once=2), threading.Barrier(4, timeout=240), threading.Event()

    def hang(each, left):
        held.wait()
        over.wait(240)
        return DELIVERED

    # The first round has its own thread and one of the pool's, the next one the pool's other.
    hanging = [
        threading.Thread(target=rounds.make, args=([address(1), address(2)], hang, AMPLE)),
        threading.Thread(target=rounds.make, args=([address(3)], hang, AMPLE)),
    ]
    for thread in hanging:
        thread.start()
    held.wait()
    try:
        got = rounds.make([address(n) for n in range(9)], lambda *_: DELIVERED, AMPLE)
        assert got == (DELIVERED,) * 9
    finally:
        over.set()
        for thread in hanging:
            thread.join()


def test_what_has_not_begun_in_time_is_later(new_rounds):
    tried = []

    def attempt(each, left):
        tried.append(each)
        return DELIVERED

    assert new_rounds().make((address(1),), attempt, timedelta(0)) == (LATER,)
    assert tried == []


def test_closed_rounds_are_unavailable(new_rounds):
    rounds = new_rounds()
    rounds.close()
    with pytest.raises(NotifierUnavailable):
        rounds.make((address(1),), lambda *_: DELIVERED, AMPLE)
