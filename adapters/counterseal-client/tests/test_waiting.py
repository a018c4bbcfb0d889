"""Waiting: how often it looks, and how it ends, in a time that only the test moves."""

from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from counterseal.models import ChallengeState
from counterseal_client import AskedTooOften, NotThere, Overloaded, ReplyLost
from counterseal_client.waiting import HOLD, Look, Waiting


class Service:
    """Ends the request at a time, holds looks or does not, and keeps when it was looked at."""

    def __init__(self, told, *, ends=float("inf"), holds=True, troubles=()):
        self.time = 0.0
        self.told = told
        self.ends = ends
        self.holds = holds
        self.troubles = list(troubles)
        self.looks = []
        self.pause = None

    def look(self, hold):
        self.looks.append((self.time, hold))
        if self.troubles:
            trouble = self.troubles.pop(0)
            if trouble is not None:
                raise trouble
        if self.holds and hold:
            self.time = min(self.time + hold, max(self.time, self.ends))
        ended = self.time >= self.ends
        state = ChallengeState.EXPIRED if ended else ChallengeState.PENDING
        return Look(request=attrs.evolve(self.told, state=state), pause=self.pause)

    def sleep(self, seconds):
        assert seconds > 0
        self.time += seconds

    def waiting(self):
        return Waiting(look=self.look, sleep=self.sleep, monotonic=lambda: self.time)

    def until(self, seconds):
        return self.waiting().until(timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def told(tell):
    return tell(do=lambda *_: None).told


def test_a_service_that_holds_is_asked_once_and_tells_at_once(told):
    service = Service(told, ends=7.0)
    assert service.until(60).finished
    assert service.looks == [(0.0, HOLD)]
    assert service.time == 7.0


def test_it_is_asked_again_when_a_look_is_over(told):
    service = Service(told, ends=60.0)
    assert service.until(90).finished
    assert [hold for _, hold in service.looks] == [HOLD] * 3


def test_one_that_does_not_hold_is_asked_ever_more_seldom(told):
    service = Service(told, ends=100.0, holds=False)
    assert service.until(120).finished
    times = [time for time, _ in service.looks]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert max(gaps) == 10.0
    assert len(gaps) < 20


def test_time_is_over_when_it_is(told):
    for holds in (True, False):
        service = Service(told, holds=holds)
        assert not service.until(40).finished
        assert service.time == 40.0


def test_the_last_look_is_at_the_end(told):
    service = Service(told, ends=39.9, holds=False)
    assert service.until(40).finished


@pytest.mark.parametrize("timeout", [0, -5])
def test_no_time_is_one_look(told, timeout):
    service = Service(told)
    assert not service.until(timeout).finished
    assert service.looks == [(0.0, 0)]


def test_it_is_left_alone_as_long_as_it_asks(told):
    service = Service(told, holds=False)
    service.pause = timedelta(seconds=12)
    service.until(30)
    assert [time for time, _ in service.looks] == [0.0, 12.0, 24.0, 30.0]


def test_no_wish_makes_it_hurry(told):
    service = Service(told, holds=False)
    service.pause = timedelta(0)
    service.until(10)
    assert len(service.looks) <= 41


@pytest.mark.parametrize(
    "trouble",
    [
        ReplyLost(),
        Overloaded(retry_after=timedelta(seconds=2)),
        AskedTooOften("too_often", 429, retry_after=timedelta(seconds=2)),
    ],
    ids=lambda each: each.code,
)
def test_trouble_in_between_is_none(told, trouble):
    service = Service(told, ends=9.0, troubles=[trouble, trouble])
    assert service.until(30).finished


def test_trouble_at_the_end_is_told(told):
    service = Service(told, holds=False, troubles=[ReplyLost()] * 99)
    with pytest.raises(ReplyLost):
        service.until(20)
    assert service.time == 20.0


def test_a_refusal_ends_it(told):
    service = Service(told, troubles=[NotThere("not_found", 404)])
    with pytest.raises(NotThere):
        service.until(20)
    assert len(service.looks) == 1
