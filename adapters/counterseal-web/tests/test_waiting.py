"""Waiting: ended by a wake-up, one load for all that wait, a bounded number of slots."""

import asyncio
import gc
import json
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from werkzeug.test import create_environ

from counterseal.credentials.documents import write_basic
from counterseal.errors import StoreUnavailable
from counterseal.models import Scheme
from counterseal_web import Service, Settings
from counterseal_web.waiting import Waits
from counterseal_web.wsgi import WsgiApplication

pytestmark = pytest.mark.sync_and_async

BASE = "https://service.example"

SOON = 30
"""Seconds after which a test gives up on a thread: a lost wake-up is to fail in seconds."""


class ManualWake:
    """
    A fake of `Wake` that counts who waits, and wakes when the test calls `wake`.

    Attributes:
        notifies: Whether `notify` wakes too.
    """

    def __init__(self):
        self.notifies = False
        self.waiting = threading.Semaphore(0)
        self.waits = []
        self._lock = threading.Lock()
        self._sleepers = deque()
        self._wakes = deque()
        self._ended = False

    def notify(self, guid):
        if self.notifies:
            self.wake(guid)

    def wait(self, guid, timeout):
        self._sleeper(guid, timeout).result(SOON)

    async def wait_async(self, guid, timeout):
        await asyncio.wrap_future(self._sleeper(guid, timeout))

    def wake(self, guid=None):
        """Wake the one that has waited longest, for *guid* or for any, or else the next one."""
        with self._lock:
            if self._ended:
                return
            for waited_guid, sleeper in list(self._sleepers):
                if guid in {None, waited_guid}:
                    self._sleepers.remove((waited_guid, sleeper))
                    if sleeper.set_running_or_notify_cancel():
                        sleeper.set_result(None)
                        return
            self._wakes.append(guid)

    def end(self):
        """End every wait by an error, and those to come, so that a test that failed ends."""
        with self._lock:
            self._ended = True
            sleepers = [sleeper for _, sleeper in self._sleepers]
        for sleeper in sleepers:
            if sleeper.set_running_or_notify_cancel():
                sleeper.set_exception(StoreUnavailable())

    def _sleeper(self, guid, timeout):
        sleeper = Future()
        with self._lock:
            if self._ended:
                raise StoreUnavailable
            self.waits.append((guid, timeout))
            wakes = [wake for wake in self._wakes if wake in {None, guid}]
            if wakes:
                self._wakes.remove(wakes[0])
                sleeper.set_result(None)
            else:
                self._sleepers.append((guid, sleeper))
        self.waiting.release()
        return sleeper


class Counting:
    """A store that counts how often each request is read."""

    def __init__(self, store):
        self._store = store
        self.reads = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def get_with_account(self, guid, *others):
        self.reads.append(guid)
        return self._store.get_with_account(guid, *others)


@pytest.fixture
def manual_wake():
    return ManualWake()


@pytest.fixture
def threads(manual_wake):
    with ThreadPoolExecutor(16) as pool:
        yield pool
        manual_wake.end()


class Clients:
    """
    Threads that wait, counted as they begin.

    Attributes:
        seconds: What has passed on the clock that only the test moves.
    """

    def __init__(self, threads):
        self.submit = threads.submit
        self.arrived = threading.Semaphore(0)
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds

    def await_waits(self, number):
        """Return when *number* more have begun to wait for a request."""
        for _ in range(number):
            assert self.arrived.acquire(timeout=SOON)


@pytest.fixture
def clients(threads, monkeypatch):
    made_clients, begin = Clients(threads), Waits.begin

    def counted(self, *args):
        made_clients.arrived.release()
        return begin(self, *args)

    monkeypatch.setattr(Waits, "begin", counted)
    return made_clients


@pytest.fixture
def slot_calls(monkeypatch):
    """Count the calls that have got a slot, or none."""
    semaphore, take_slot = threading.Semaphore(0), Waits.take_slot

    def counted(self, *args):
        slot = take_slot(self, *args)
        semaphore.release()
        return slot

    monkeypatch.setattr(Waits, "take_slot", counted)
    return semaphore


@pytest.fixture
def waiting(kit, world, manual_wake):
    """The service with the test's wake-ups, and three slots."""

    def make(**settings):
        ports = attrs.evolve(world.ports, wake=manual_wake, store=Counting(world.ports.store))
        app = kit.application(ports, **{"waiters": 3, **settings})
        return kit.shop_of(world, app.test_client(), world.origin), app, ports

    return make


@pytest.fixture
def two_origins(kit, world, waiting, device_client):
    """Two slots, and two origins, each with a request that it waits for."""
    shop, app, _ = waiting(waiters=2)
    other = kit.shop_of(world, app.test_client(), world.new_origin(world.app_space, "Another"))
    return app, (shop, kit.ask(shop).json["guid"]), (other, kit.ask(other).json["guid"])


def long_poll(app, shop, guid, wait=30):
    path = f"/request/getRequest?requestGuid={guid}&wait={wait}"
    return app.test_client().get(path, headers=shop.headers)


def test_a_long_poll_returns_when_the_request_ends(
    kit, waiting, manual_wake, threads, device_client
):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.answer(guid)
    manual_wake.wake()
    reply = polled.result(SOON)
    assert (reply.status_code, reply.json["status"]) == (200, "ANSWERED")
    assert manual_wake.waits == [(guid, timedelta(seconds=1))]


def test_being_seen_does_not_end_a_long_poll(kit, waiting, manual_wake, threads, device_client):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.show(guid)
    manual_wake.wake()
    assert manual_wake.waiting.acquire(timeout=SOON)
    assert not polled.done()
    device_client.disown(guid)
    manual_wake.wake()
    assert polled.result(SOON).json["status"] == "DISOWNED"


def test_the_deadline_ends_a_long_poll_though_nothing_is_stored(
    kit, world, waiting, manual_wake, threads
):
    world.bind("user-42")
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    world.clock.advance(world.policy.challenge_life)
    manual_wake.wake()
    assert polled.result(SOON).json["status"] == "EXPIRED"


def test_a_finished_request_is_returned_at_once(kit, waiting, manual_wake, device_client):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    device_client.answer(guid)
    assert long_poll(app, shop, guid).json["status"] == "ANSWERED"
    assert manual_wake.waits == []


def test_a_wait_that_is_over_returns_the_request_as_it_is(kit, world, device_client):
    app = kit.application(world.ports, monotonic=kit.TickingClock(60))
    shop = kit.shop_of(world, app.test_client(), world.origin)
    guid = kit.ask(shop).json["guid"]
    reply = long_poll(app, shop, guid)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")


@pytest.mark.parametrize("wait", ["-1", "1.5", "x", "", "99999"])
def test_a_wait_is_a_number_of_seconds(kit, shop, device_client, wait):
    guid = kit.ask(shop).json["guid"]
    reply = shop.get(f"/request/{guid}?wait={wait}")
    assert (reply.status_code, reply.json["field"]) == (400, "wait")


def test_all_that_wait_for_one_request_share_each_load(
    kit, waiting, manual_wake, clients, device_client
):
    shop, app, ports = waiting(waiters=8)
    guid = kit.ask(shop).json["guid"]
    polls = [clients.submit(long_poll, app, shop, guid) for _ in range(8)]
    assert manual_wake.waiting.acquire(timeout=SOON)
    clients.await_waits(8)
    device_client.answer(guid)
    ports.store.reads.clear()
    manual_wake.wake()
    assert {poll.result(SOON).json["status"] for poll in polls} == {"ANSWERED"}
    assert len(manual_wake.waits) == 1
    assert ports.store.reads.count(guid) == 1


def test_a_follower_loads_when_the_one_that_loads_gives_up(
    kit, waiting, manual_wake, clients, device_client
):
    shop, app, _ = waiting(monotonic=clients.monotonic)
    guid = kit.ask(shop).json["guid"]
    short = clients.submit(long_poll, app, shop, guid, wait=1)
    assert manual_wake.waiting.acquire(timeout=SOON)
    long = clients.submit(long_poll, app, shop, guid, wait=30)
    clients.await_waits(2)
    clients.seconds += 1.1  # the short one's second; no wake-up comes before its time is over
    manual_wake.wake()
    assert short.result(SOON).json["status"] == "PENDING"
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.answer(guid)
    manual_wake.wake()
    assert long.result(SOON).json["status"] == "ANSWERED"


def test_a_follower_loads_when_a_load_fails(kit, waiting, manual_wake, clients, device_client):
    shop, app, ports = waiting()
    guid = kit.ask(shop).json["guid"]

    def broken(*_):
        ports.store.get_with_account = ports.store._store.get_with_account
        raise StoreUnavailable

    polls = [clients.submit(long_poll, app, shop, guid) for _ in range(2)]
    assert manual_wake.waiting.acquire(timeout=SOON)
    clients.await_waits(2)
    ports.store.get_with_account = broken
    manual_wake.wake()
    assert manual_wake.waiting.acquire(timeout=SOON), "the follower waits for the wake-up"
    device_client.answer(guid)
    manual_wake.wake()
    assert sorted(poll.result(SOON).status_code for poll in polls) == [200, 503]


def test_a_call_without_a_slot_gets_retry_after(kit, waiting, manual_wake, threads, device_client):
    shop, app, _ = waiting(waiters=1)
    guid = kit.ask(shop).json["guid"]
    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    reply = long_poll(app, shop, guid)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")
    assert reply.headers["Retry-After"] == "1"
    stream = shop.get(f"/request/events?requestGuid={guid}")
    assert (stream.status_code, stream.json["code"]) == (503, "busy")
    assert stream.headers["Retry-After"] == "1"
    device_client.answer(guid)
    manual_wake.wake()
    assert polled.result(SOON).json["status"] == "ANSWERED"
    stream = shop.get(f"/request/events?requestGuid={guid}")
    assert stream.status_code == 200


def test_an_origin_with_all_slots_loses_one_to_another(
    two_origins, manual_wake, threads, slot_calls, device_client
):
    app, (shop, guid), (other, theirs) = two_origins
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    pieces = iter(stream.response)
    next(pieces), next(pieces)
    polled = threads.submit(long_poll, app, shop, guid)
    assert all(slot_calls.acquire(timeout=SOON) for _ in ("the stream", "the long poll"))
    assert manual_wake.waiting.acquire(timeout=SOON)
    arriving = threads.submit(long_poll, app, other, theirs)
    assert manual_wake.waiting.acquire(timeout=SOON)
    # The stream was there first: it ends, though its request has not.
    manual_wake.wake(guid)
    assert events(pieces) == []
    stream.close()
    assert long_poll(app, shop, guid).headers["Retry-After"] == "1"
    device_client.answer(guid)
    device_client.answer(theirs)
    manual_wake.wake(guid), manual_wake.wake(theirs)
    for waited in (polled, arriving):
        reply = waited.result(SOON)
        assert reply.json["status"] == "ANSWERED"
        assert "Retry-After" not in reply.headers


def test_a_long_poll_that_loses_its_slot_returns_the_request_as_it_is(
    two_origins, manual_wake, threads, device_client
):
    app, (shop, guid), (other, theirs) = two_origins
    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    manual_wake.notifies = True
    arriving = threads.submit(long_poll, app, other, theirs)
    reply = polled.result(SOON)
    assert (reply.status_code, reply.json["status"]) == (200, "PENDING")
    assert reply.headers["Retry-After"] == "1"
    device_client.answer(theirs)
    manual_wake.wake(theirs)
    assert arriving.result(SOON).json["status"] == "ANSWERED"
    stream.close()


def test_a_load_that_fails_is_503_and_frees_the_slot(
    kit, waiting, manual_wake, threads, device_client
):
    shop, app, ports = waiting(waiters=1)
    guid = kit.ask(shop).json["guid"]

    def broken(*_):
        ports.store.get_with_account = ports.store._store.get_with_account
        raise StoreUnavailable

    polled = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    ports.store.get_with_account = broken
    manual_wake.wake()
    assert polled.result(SOON).status_code == 503
    again = threads.submit(long_poll, app, shop, guid)
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.answer(guid)
    manual_wake.wake()
    assert again.result(SOON).json["status"] == "ANSWERED"


def events(pieces):
    """Read what a stream says: the names of its events, and their documents."""
    text = b"".join(pieces).decode()
    blocks = [block.split("\n") for block in text.split("\n\n") if "data: " in block]
    return [
        (block[0].removeprefix("event: "), json.loads(block[2].removeprefix("data: ")))
        for block in blocks
    ]


def test_a_stream_has_every_state_until_the_end(kit, waiting, manual_wake, threads, device_client):
    shop, app, _ = waiting()
    guid = kit.ask(shop).json["guid"]
    path = f"/api/request/events?requestGuid={guid}"
    reply = app.test_client().get(path, headers=shop.headers, buffered=False)
    assert (reply.status_code, reply.mimetype) == (200, "text/event-stream")
    pieces = iter(reply.response)
    assert next(pieces).startswith(b"retry: ")
    pieces_read = [next(pieces)]
    later = threads.submit(list, pieces)
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.show(guid)
    manual_wake.wake()
    assert manual_wake.waiting.acquire(timeout=SOON)
    device_client.answer(guid)
    manual_wake.wake()
    pieces_read += later.result(SOON)
    names = [name for name, _ in events(pieces_read)]
    assert names == ["PENDING", "SEEN", "ANSWERED"]
    assert events(pieces_read)[-1][1] == shop.get(f"/request/{guid}").json


def test_a_silent_stream_beats(kit, waiting, manual_wake, clients, device_client):
    beat = timedelta(seconds=15)
    shop, _, _ = waiting(monotonic=clients.monotonic, look_every=beat * 2, beat_every=beat)
    guid = kit.ask(shop).json["guid"]
    reply = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    pieces = iter(reply.response)
    next(pieces), next(pieces)
    for _ in range(2):
        piece = clients.submit(next, pieces)
        assert manual_wake.waiting.acquire(timeout=SOON)
        clients.seconds += beat.total_seconds()
        manual_wake.wake()
        assert piece.result(SOON) == b": still waiting\n\n"
    assert manual_wake.waits[:2] == [(guid, beat)] * 2
    reply.close()


def test_a_stream_that_nobody_reads_frees_its_slot(kit, waiting, manual_wake, device_client):
    shop, app, _ = waiting(waiters=1)
    if app.port is not None:
        pytest.skip("over a socket the server notices it with the next piece, and not before")
    guid = kit.ask(shop).json["guid"]
    for _ in range(3):
        reply = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
        assert reply.status_code == 200
        reply.close()
    reply = shop.call("HEAD", f"/request/events?requestGuid={guid}", buffered=False)
    reply.close()
    assert shop.get(f"/request/events?requestGuid={guid}", buffered=False).status_code == 200


def test_when_the_service_closes_every_wait_ends(world, kit, manual_wake, threads, device_client):
    service = Service(
        attrs.evolve(world.ports, wake=manual_wake), world.policy, Settings(public_url=BASE)
    )
    app = kit.served(service)
    shop = kit.shop_of(world, app.test_client(), world.origin)
    guid = kit.ask(shop).json["guid"]
    polls = [threads.submit(long_poll, app, shop, guid) for _ in range(2)]
    stream = shop.get(f"/request/events?requestGuid={guid}", buffered=False)
    assert manual_wake.waiting.acquire(timeout=SOON)
    manual_wake.notifies = True
    service.close()
    assert {poll.result(SOON).json["status"] for poll in polls} == {"PENDING"}
    assert [name for name, _ in events(stream.response)] == ["PENDING"]
    stream.close()
    late = long_poll(app, shop, guid)
    assert (late.status_code, late.headers["Retry-After"]) == (200, "1")


class WsgiHost:
    """A WSGI application with one slot, and a request that a stream waits for."""

    def __init__(self, world):
        self.service = Service(world.ports, world.policy, Settings(public_url=BASE, waiters=1))
        self._app = WsgiApplication(self.service)
        world.bind("user-42")
        self.guid = world.ask("user-42", "Pay?").challenge.guid
        party = world.origin.origin.guid
        credential = write_basic(world.credentials.issue(party, Scheme.BASIC).secret, guid=party)
        self.headers = {"Authorization": credential}

    def stream(self, start_response, method="GET"):
        """Call the application as a server does, for a stream."""
        path = f"/request/events?requestGuid={self.guid}"
        return self._app(create_environ(path, method=method, headers=self.headers), start_response)

    def status(self):
        """Return the status of one more stream, which is closed."""
        statuses = []
        close = getattr(self.stream(lambda status, _: statuses.append(status)), "close", None)
        if close is not None:
            close()
        return statuses[0]


@pytest.fixture
def host(world):
    # What only the collector of cycles would free is not free.
    gc.disable()
    yield WsgiHost(world)
    gc.enable()


def test_a_stream_whose_head_cannot_be_sent_frees_its_slot(host):
    def unsendable(*_):
        raise ConnectionError

    with pytest.raises(ConnectionError) as raised:
        host.stream(unsendable)
    # The server still logs the error, whose frames have the response.
    assert host.status() == "200 OK"
    assert raised.value.__traceback__ is not None


@pytest.mark.parametrize("pieces_read", range(3))
def test_a_stream_that_is_closed_or_dropped_frees_its_slot(host, pieces_read):
    for end in ("close", "drop"):
        body = host.stream(lambda *_: None)
        for _ in range(pieces_read):
            next(iter(body))
        assert host.status() == "503 Service Unavailable"
        if end == "close":
            body.close()
        else:
            del body
        assert host.status() == "200 OK"


def test_a_stream_that_is_asked_for_by_head_frees_its_slot(host):
    assert host.stream(lambda *_: None, "HEAD") == []
    assert host.status() == "200 OK"


def test_all_faces_of_a_service_share_its_slots(kit, host):
    client = kit.served(host.service).test_client()
    path = f"/request/events?requestGuid={host.guid}"
    body = host.stream(lambda *_: None)
    assert client.get(path, headers=host.headers).status_code == 503
    body.close()
    stream = client.get(path, headers=host.headers, buffered=False)
    assert stream.status_code == 200
    stream.close()
