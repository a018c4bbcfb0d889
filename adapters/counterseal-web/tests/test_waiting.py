"""Waiting: woken by the bell, one look for all, a bounded number of places."""

import asyncio
import json
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest

from counterseal.errors import StoreUnavailable
from counterseal_asgi import waiters as async_waiters
from counterseal_web import Service, Settings, waiters
from counterseal_web.waiting import Waits

BASE = "https://service.example"

SOON = 240
"""Seconds after which a test gives up on a thread."""


class Bell:
    """A wake that tells when somebody waits, and wakes when the test says so."""

    def __init__(self):
        self.waiting = threading.Semaphore(0)
        self.waits = []
        self._lock = threading.Lock()
        self._sleepers = deque()
        self._wakes = 0

    def notify(self, guid):
        pass

    def wait(self, guid, timeout):
        self._sleeper(guid, timeout).result(SOON)

    async def wait_async(self, guid, timeout):
        await asyncio.wrap_future(self._sleeper(guid, timeout))

    def wake(self):
        """Wake the one that has waited longest, or else the next one."""
        with self._lock:
            while self._sleepers:
                sleeper = self._sleepers.popleft()
                if sleeper.set_running_or_notify_cancel():
                    sleeper.set_result(None)
                    return
            self._wakes += 1

    def _sleeper(self, guid, timeout):
        sleeper = Future()
        with self._lock:
            self.waits.append((guid, timeout))
            if self._wakes:
                self._wakes -= 1
                sleeper.set_result(None)
            else:
                self._sleepers.append(sleeper)
        self.waiting.release()
        return sleeper


class Counting:
    """A store that counts how often each request is looked at."""

    def __init__(self, store):
        self._store = store
        self.reads = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def get_with_account(self, guid, *others):
        self.reads.append(guid)
        return self._store.get_with_account(guid, *others)


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(16) as pool:
        yield pool


class Crowd:
    """
    Threads that wait, counted as they begin to, in a time that only the test moves.

    Attributes:
        seconds: What has passed.
    """

    def __init__(self, threads):
        self.submit = threads.submit
        self.arrived = threading.Semaphore(0)
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds

    def come(self, number):
        """Return when *number* more are among those who wait for a request."""
        for _ in range(number):
            assert self.arrived.acquire(timeout=SOON)


@pytest.fixture
def crowd(threads, monkeypatch):
    made, begin = Crowd(threads), Waits.begin

    def counted(self, *args):
        made.arrived.release()
        return begin(self, *args)

    monkeypatch.setattr(Waits, "begin", counted)
    for driver in (waiters, async_waiters):
        monkeypatch.setattr(driver, "time", made)
    return made


@pytest.fixture
def waiting(kit, world, bell):
    """The service with the test's bell, and a limit of three who wait."""

    def make(**settings):
        ports = attrs.evolve(world.ports, wake=bell, store=Counting(world.ports.store))
        app = kit.application(ports, **{"waiters": 3, **settings})
        return kit.shop_of(world, app.test_client(), world.origin), app, ports

    return make


@pytest.fixture
def rivals(kit, world, waiting, handset):
    """Two places, and two origins that each wait for a request: their shops and its GUIDs."""
    shop, app, _ = waiting(waiters=2)
    other = kit.shop_of(world, app.test_client(), world.new_origin(world.app_space, "Another"))
    return app, (shop, kit.ask(shop).json["guid"]), (other, kit.ask(other).json["guid"])


def long_poll(app, shop, guid, wait=30):
    path = f"/request/getRequest?requestGuid={guid}&wait={wait}"
    return app.test_client().get(path, headers=shop.headers)


def test_a_long_poll_returns_when_the_request_ends(kit, waiting, bell, threads, handset):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    handset.answer(guid)
    bell.wake()
    reply = polled.result(SOON)
    assert (reply.status_code, reply.json["status"]) == (200, "ANSWERED")
    assert bell.waits == [(guid, timedelta(seconds=1))]


def test_being_seen_does_not_end_a_long_poll(kit, waiting, bell, threads, handset):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    handset.show(guid)
    bell.wake()
    assert bell.waiting.acquire(timeout=SOON)
    assert not polled.done()
    handset.disown(guid)
    bell.wake()
    assert polled.result(SOON).json["status"] == "DISOWNED"


def test_the_deadline_ends_a_long_poll_though_nothing_is_stored(kit, world, waiting, bell, threads):
    world.bind("user-42")
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    world.clock.advance(world.policy.challenge_life)
    bell.wake()
    assert polled.result(SOON).json["status"] == "EXPIRED"


def test_a_finished_request_is_returned_at_once(kit, waiting, bell, handset):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    handset.answer(guid)
    assert long_poll(app, shop, guid).json["status"] == "ANSWERED"
    assert bell.waits == []


def test_a_wait_that_is_over_tells_how_the_request_stands(kit, world, handset):
    app = kit.application(world.ports, wait_limit=timedelta(milliseconds=20))
    shop = kit.shop_of(world, app.test_client(), world.origin)
    guid = kit.ask(shop).json["guid"]
    reply = long_poll(app, shop, guid)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")


@pytest.mark.parametrize("wait", ["-1", "1.5", "x", "", "99999"])
def test_a_wait_is_a_number_of_seconds(kit, shop, handset, wait):
    guid = kit.ask(shop).json["guid"]
    reply = shop.get(f"/request/{guid}?wait={wait}")
    assert (reply.status_code, reply.json["field"]) == (400, "wait")


def test_all_who_wait_for_one_request_share_each_look(kit, waiting, bell, crowd, handset):
    shop, app, ports = waiting(waiters=8)
    guid = kit.ask(shop).json["guid"]
    polls = [crowd.submit(long_poll, app, shop, guid) for _ in range(8)]
    assert bell.waiting.acquire(timeout=SOON)
    crowd.come(8)
    handset.answer(guid)
    ports.store.reads.clear()
    bell.wake()
    assert {poll.result(SOON).json["status"] for poll in polls} == {"ANSWERED"}
    assert len(bell.waits) == 1
    assert ports.store.reads.count(guid) == 1


def test_a_follower_takes_over_when_the_one_who_looks_gives_up(kit, waiting, bell, crowd, handset):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    short = crowd.submit(long_poll, app, shop, guid, wait=1)
    assert bell.waiting.acquire(timeout=SOON)
    long = crowd.submit(long_poll, app, shop, guid, wait=30)
    crowd.come(2)
    crowd.seconds += 1.1  # the short one's second; the bell holds it past its time
    bell.wake()
    assert short.result(SOON).json["status"] == "PENDING"
    assert bell.waiting.acquire(timeout=SOON)
    handset.answer(guid)
    bell.wake()
    assert long.result(SOON).json["status"] == "ANSWERED"


def test_more_than_may_wait_are_told_when_to_come_back(kit, waiting, bell, threads, handset):
    shop, app, _ = waiting(waiters=1)
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    reply = long_poll(app, shop, guid)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")
    assert reply.headers["Retry-After"] == "1"
    stream = shop.get(f"/request/events?requestGuid={guid}")
    assert (stream.status_code, stream.json["code"]) == (503, "busy")
    assert stream.headers["Retry-After"] == "1"
    handset.answer(guid)
    bell.wake()
    assert polled.result(SOON).json["status"] == "ANSWERED"
    stream = shop.get(f"/request/events?requestGuid={guid}")
    assert stream.status_code == 200


def test_who_has_all_places_gives_one_to_another_origin(rivals, bell, threads, handset):
    app, (shop, guid), (other, theirs) = rivals
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    pieces = iter(stream.response)
    next(pieces), next(pieces)
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    arriving = threads.submit(long_poll, app, other, theirs)
    assert bell.waiting.acquire(timeout=SOON)
    # The stream was there first: it ends, though its request has not.
    bell.wake()
    assert events(pieces) == []
    stream.close()
    assert long_poll(app, shop, guid).headers["Retry-After"] == "1"
    handset.answer(guid)
    handset.answer(theirs)
    bell.wake(), bell.wake()
    for waited in (polled, arriving):
        reply = waited.result(SOON)
        assert reply.json["status"] == "ANSWERED"
        assert "Retry-After" not in reply.headers


def test_a_long_poll_that_has_to_go_tells_how_it_stands(rivals, bell, threads, handset):
    app, (shop, guid), (other, theirs) = rivals
    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    arriving = threads.submit(long_poll, app, other, theirs)
    assert bell.waiting.acquire(timeout=SOON)
    handset.answer(theirs)
    bell.wake(), bell.wake()
    reply = polled.result(SOON)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")
    assert reply.headers["Retry-After"] == "1"
    assert arriving.result(SOON).json["status"] == "ANSWERED"
    stream.close()


def test_a_failing_look_is_503_and_leaves_the_place(kit, waiting, bell, threads, handset):
    shop, app, ports = waiting(waiters=1)
    guid = kit.ask(shop).json["guid"]

    def broken(*_):
        ports.store.get_with_account = ports.store._store.get_with_account
        raise StoreUnavailable

    polled = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    ports.store.get_with_account = broken
    bell.wake()
    assert polled.result(SOON).status_code == 503
    again = threads.submit(long_poll, app, shop, guid)
    assert bell.waiting.acquire(timeout=SOON)
    handset.answer(guid)
    bell.wake()
    assert again.result(SOON).json["status"] == "ANSWERED"


def events(pieces):
    """Read what a stream says: the names of its events, and their documents."""
    text = b"".join(pieces).decode()
    blocks = [block.split("\n") for block in text.split("\n\n") if "data: " in block]
    return [
        (block[0].removeprefix("event: "), json.loads(block[2].removeprefix("data: ")))
        for block in blocks
    ]


def test_a_stream_tells_every_state_until_the_end(kit, waiting, bell, threads, handset):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    path = f"/api/request/events?requestGuid={guid}"
    reply = app.test_client().get(path, headers=shop.headers, buffered=False)
    assert (reply.status_code, reply.mimetype) == (200, "text/event-stream")
    pieces = iter(reply.response)
    assert next(pieces).startswith(b"retry: ")
    told = [next(pieces)]
    later = threads.submit(list, pieces)
    assert bell.waiting.acquire(timeout=SOON)
    handset.show(guid)
    bell.wake()
    assert bell.waiting.acquire(timeout=SOON)
    handset.answer(guid)
    bell.wake()
    told += later.result(SOON)
    names = [name for name, _ in events(told)]
    assert names == ["PENDING", "SEEN", "ANSWERED"]
    assert events(told)[-1][1] == shop.get(f"/request/{guid}").json


def test_a_silent_stream_beats(kit, world, handset):
    app = kit.application(world.ports, beat_every=timedelta(milliseconds=10))
    shop = kit.shop_of(world, app.test_client(), world.origin)
    guid = kit.ask(shop).json["guid"]
    reply = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    pieces = iter(reply.response)
    next(pieces), next(pieces)
    assert next(pieces) == b": still waiting\n\n"
    reply.close()


def test_a_stream_that_nobody_reads_gives_its_place_back(kit, waiting, bell, handset):
    shop, _, _ = waiting(waiters=1)
    guid = kit.ask(shop).json["guid"]
    for _ in range(3):
        reply = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
        assert reply.status_code == 200
        reply.close()
    reply = shop.call("HEAD", f"/request/events?requestGuid={guid}", buffered=False)
    reply.close()
    assert shop.get(f"/request/events?requestGuid={guid}", buffered=False).status_code == 200


def test_when_the_service_closes_everybody_goes(world, kit, bell, threads, handset):
    service = Service(attrs.evolve(world.ports, wake=bell), world.policy, Settings(public_url=BASE))
    app = kit.served(service)
    shop = kit.shop_of(world, app.test_client(), world.origin)
    guid = kit.ask(shop).json["guid"]
    polls = [threads.submit(long_poll, app, shop, guid) for _ in range(2)]
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    assert bell.waiting.acquire(timeout=SOON)
    service.close()
    bell.wake()
    assert {poll.result(SOON).json["status"] for poll in polls} == {"PENDING"}
    assert [name for name, _ in events(stream.response)] == ["PENDING"]
    stream.close()
    late = long_poll(app, shop, guid)
    assert (late.status_code, late.headers["Retry-After"]) == (200, "1")
