"""Waiting: how often it polls, and how it ends, by a clock that only the test moves."""

from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from counterseal.models import ChallengeState
from counterseal_client import AskedTooOften, NotFound, Overloaded, ReplyLost
from counterseal_client.waiting import HOLD, Poll, Waiting


class Service:
    """Ends the request at a time, holds polls or does not, and records when they came."""

    def __init__(self, reply, *, ends=float("inf"), holds=True, errors=()):
        self.time = 0.0
        self.reply = reply
        self.ends = ends
        self.holds = holds
        self.errors = list(errors)
        self.polls = []
        self.retry_after = None

    def poll(self, hold):
        self.polls.append((self.time, hold))
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error
        if self.holds and hold:
            self.time = min(self.time + hold, max(self.time, self.ends))
        ended = self.time >= self.ends
        state = ChallengeState.EXPIRED if ended else ChallengeState.PENDING
        return Poll(request=attrs.evolve(self.reply, state=state), retry_after=self.retry_after)

    def sleep(self, seconds):
        assert seconds > 0
        self.time += seconds

    def waiting(self):
        return Waiting(poll=self.poll, sleep=self.sleep, monotonic=lambda: self.time)

    def until(self, seconds):
        return self.waiting().until(timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def reply(make_story):
    return make_story(do=lambda *_: None).reply


def test_a_service_that_holds_the_call_is_polled_once(reply):
    service = Service(reply, ends=7.0)
    assert service.until(60).finished
    assert service.polls == [(0.0, HOLD)]
    assert service.time == 7.0


def test_the_next_poll_follows_when_one_is_over(reply):
    service = Service(reply, ends=60.0)
    assert service.until(90).finished
    assert [hold for _, hold in service.polls] == [HOLD] * 3


def test_a_service_that_does_not_hold_is_polled_less_and_less_often(reply):
    service = Service(reply, ends=100.0, holds=False)
    assert service.until(120).finished
    times = [time for time, _ in service.polls]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert max(gaps) == 10.0
    assert len(gaps) < 20


def test_waiting_ends_at_its_timeout(reply):
    for holds in (True, False):
        service = Service(reply, holds=holds)
        assert not service.until(40).finished
        assert service.time == 40.0


def test_the_last_poll_is_at_the_end(reply):
    service = Service(reply, ends=39.9, holds=False)
    assert service.until(40).finished


@pytest.mark.parametrize("timeout", [0, -5])
def test_no_time_is_one_poll(reply, timeout):
    service = Service(reply)
    assert not service.until(timeout).finished
    assert service.polls == [(0.0, 0)]


def test_no_poll_comes_before_retry_after(reply):
    service = Service(reply, holds=False)
    service.retry_after = timedelta(seconds=12)
    service.until(30)
    assert [time for time, _ in service.polls] == [0.0, 12.0, 24.0, 30.0]


def test_no_pause_is_shorter_than_the_shortest(reply):
    service = Service(reply, holds=False)
    service.retry_after = timedelta(0)
    service.until(10)
    assert len(service.polls) <= 41


@pytest.mark.parametrize(
    "error",
    [
        ReplyLost(),
        Overloaded(retry_after=timedelta(seconds=2)),
        AskedTooOften("too_often", 429, retry_after=timedelta(seconds=2)),
    ],
    ids=lambda each: each.code,
)
def test_a_failure_in_between_is_not_raised(reply, error):
    service = Service(reply, ends=9.0, errors=[error, error])
    assert service.until(30).finished


def test_a_failure_at_the_end_is_raised(reply):
    service = Service(reply, holds=False, errors=[ReplyLost()] * 99)
    with pytest.raises(ReplyLost):
        service.until(20)
    assert service.time == 20.0


def test_a_refusal_ends_it(reply):
    service = Service(reply, errors=[NotFound("not_found", 404)])
    with pytest.raises(NotFound):
        service.until(20)
    assert len(service.polls) == 1
