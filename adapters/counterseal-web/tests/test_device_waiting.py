"""Waiting devices: a new request wakes them, and nobody learns more than by calling again."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest
from served import bodies_of

from counterseal.memory import MemoryWake
from counterseal.models import OPERATOR
from counterseal_testing.faults import Faults, faulty
from counterseal_web import Service, Settings
from counterseal_web.slots import DEVICE_SLOTS

pytestmark = pytest.mark.sync_and_async

BASE = "https://service.example"
PAGE = "https://phone.example"

SOON = 30
"""Seconds after which a test gives up on a thread: a lost wake-up is to fail in seconds."""

NEVER = timedelta(hours=1)
"""Later than any test ends: what a call waits for has to come by a wake-up."""

LIST = "/device/requests"
STREAM = "/device/requests/events"


class ObservedWake(MemoryWake):
    """
    The wake of one process, which tells when somebody waits.

    Attributes:
        waiting: Released for each that has begun to wait.
        topics: What they wait for.
    """

    def __init__(self):
        super().__init__()
        self.waiting = threading.Semaphore(0)
        self.topics = []

    @contextmanager
    def _registered(self, guid, waiter):
        with super()._registered(guid, waiter):
            self.topics.append(guid)
            self.waiting.release()
            yield

    def await_wait(self):
        assert self.waiting.acquire(timeout=SOON)


class CountingGuard:
    """A replay guard that counts what it is asked."""

    def __init__(self, replay):
        self._replay = replay
        self.keys = []

    def first_seen(self, key, until):
        self.keys.append(key)
        return self._replay.first_seen(key, until)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@attrs.define
class Setup:
    """A service, a shop and the phone of user-42."""

    kit: object
    world: object
    app: object
    ports: object
    threads: object
    phone: object
    shop: object

    @property
    def wake(self):
        return self.ports.wake

    def device(self, phone=None):
        return self.kit.DeviceClient(self.app.test_client(), phone or self.phone)

    def call(self, path, phone=None, **headers):
        proof = (phone or self.phone).call(path, method="GET").proof
        headers = {"Counterseal-Proof": proof, **headers}
        return self.app.test_client().get(path, headers=headers, buffered=False)

    def begin(self, path=f"{LIST}?wait=200", phone=None, **headers):
        """Return a call that waits in a thread of its own."""
        begun = self.threads.submit(self.read, path, phone, **headers)
        self.wake.await_wait()
        return begun

    def read(self, path, phone=None, **headers):
        reply = self.call(path, phone, **headers)
        reply.get_data()
        reply.close()
        return reply

    def account_of(self, phone):
        (binding,) = self.world.ports.store.get(phone.guid)
        return binding.account

    def ask(self, account_id="user-42", **members):
        return self.kit.ask(self.shop, accountId=account_id, **members).json["guid"]


@pytest.fixture
def setup(kit, world, threads):
    services = []

    def make(*, store=None, monotonic=time.monotonic, **settings):
        ports = attrs.evolve(
            world.ports,
            wake=ObservedWake(),
            replay=CountingGuard(world.ports.replay),
            store=store or world.ports.store,
        )
        settings = {"look_every": NEVER, "wait_limit": NEVER, "beat_every": NEVER, **settings}
        settings = Settings(public_url=BASE, **settings)
        services.append(Service(ports, world.policy, settings, monotonic=monotonic))
        app = kit.served(services[-1])
        shop = kit.shop_of(world, app.test_client(), world.origin)
        return Setup(kit, world, app, ports, threads, world.bind("user-42"), shop)

    yield make
    # Also after a failure, no thread goes on waiting.
    for service in services:
        service.close()
        service.ports.wake.notify_all()


def guids(reply):
    assert reply.status_code == 200
    return [each["guid"] for each in reply.json["requests"]]


def test_a_new_request_ends_the_wait(setup):
    waiting = setup()
    polled = waiting.begin()
    guid = waiting.ask()
    reply = polled.result(SOON)
    assert guids(reply) == [guid]
    assert reply.data == waiting.read(LIST).data
    assert "Retry-After" not in reply.headers


def test_a_request_to_another_account_does_not(setup):
    waiting = setup()
    waiting.world.bind("user-43")
    polled = waiting.begin()
    waiting.ask("user-43")
    assert not polled.done()
    guid = waiting.ask()
    assert guids(polled.result(SOON)) == [guid]


def test_all_devices_of_an_account_are_woken(setup):
    waiting = setup()
    other = waiting.world.bind("user-42")
    polls = [waiting.begin(), waiting.begin(phone=other)]
    guid = waiting.ask()
    assert [guids(each.result(SOON)) for each in polls] == [[guid], [guid]]


@pytest.mark.parametrize("ending", ["answered", "disowned", "cancelled"])
def test_a_request_that_ended_elsewhere_ends_the_wait(setup, ending):
    waiting = setup()
    other = waiting.device(waiting.world.bind("user-42"))
    guid, second = waiting.ask(), waiting.ask()
    polled = waiting.begin(f"{LIST}?wait=200&known={second},{guid}")
    if ending == "answered":
        assert other.answer(guid).status_code == 200
    elif ending == "disowned":
        assert other.disown(guid).status_code == 200
    else:
        body = {"requestGuid": guid}
        assert waiting.shop.patch("/request/cancel", json=body).status_code == 200
    assert guids(polled.result(SOON)) == [second]


def test_what_the_device_does_not_know_is_returned_at_once(setup):
    waiting = setup()
    guid = waiting.ask()
    for query in ("", f"&known={waiting.phone.guid}", f"&known={guid},{waiting.phone.guid}"):
        assert guids(waiting.read(f"{LIST}?wait=200{query}")) == [guid]
    assert guids(waiting.read(f"{LIST}?known={guid}")) == [guid]
    assert guids(waiting.read(f"{LIST}?wait=0&known={guid}")) == [guid]
    assert waiting.wake.topics == []


def test_a_wait_that_is_over_returns_the_list_as_it_is(kit, setup):
    waiting = setup(monotonic=kit.TickingClock(300))
    reply = waiting.read(f"{LIST}?wait=200")
    assert (guids(reply), reply.data) == ([], waiting.read(LIST).data)
    assert "Retry-After" not in reply.headers


def test_a_lost_wake_up_is_made_good_by_the_next_load(setup):
    """As one is that comes between the call's own reading and its wait."""
    waiting = setup(look_every=timedelta(milliseconds=10))
    waiting.wake.notify = lambda guid: None
    polled = waiting.begin()
    guid = waiting.ask()
    assert guids(polled.result(SOON)) == [guid]


def test_a_deadline_ends_the_wait_though_nothing_is_stored(setup):
    waiting = setup(look_every=timedelta(milliseconds=10))
    guid = waiting.ask()
    polled = waiting.begin(f"{LIST}?wait=200&known={guid}")
    waiting.world.clock.advance(waiting.world.policy.challenge_life)
    assert guids(polled.result(SOON)) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("wait=-1", "wait"),
        ("wait=x", "wait"),
        ("wait=1&known=x", "known"),
        ("known=" + ",".join(["00000000-0000-8000-8000-000000000000"] * 101), "known"),
        ("known=,", "known"),
        ("known=00000000-0000-8000-8000-000000000000,", "known"),
    ],
)
def test_the_query_is_checked(setup, query, field):
    reply = setup().read(f"{LIST}?{query}")
    assert (reply.status_code, reply.json["field"]) == (400, field)


def test_a_proof_is_remembered_once_and_holds_for_the_whole_wait(setup):
    waiting = setup()
    polled = waiting.begin()
    # The device waits for longer than its proof is fresh.
    waiting.world.clock.advance(waiting.world.policy.proof_past * 2)
    waiting.wake.notify_all()
    waiting.wake.await_wait()
    guid = waiting.ask()
    assert guids(polled.result(SOON)) == [guid]
    assert len(waiting.ports.replay.keys) == 1


def test_a_proof_that_was_used_is_refused(kit, setup):
    waiting = setup(monotonic=kit.TickingClock(300))
    path = f"{LIST}?wait=200"
    headers = {"Counterseal-Proof": waiting.phone.call(path, method="GET").proof}
    client = waiting.app.test_client()
    assert client.get(path, headers=headers).status_code == 200
    assert client.get(path, headers=headers).status_code == 403
    # It is for this address only.
    assert client.get(STREAM, headers=headers).status_code == 403


def suspend(waiting):
    waiting.world.devices.suspend(waiting.phone.guid, by=OPERATOR)


def revoke(waiting):
    waiting.world.devices.revoke(waiting.phone.guid, by=OPERATOR)


def lock(waiting):
    waiting.world.accounts.lock(waiting.account_of(waiting.phone), by=OPERATOR)


def erase(waiting):
    waiting.world.accounts.erase(waiting.account_of(waiting.phone), by=OPERATOR)


def rotate(waiting):
    phone = waiting.phone
    rotation = phone.device.rotation(pin=phone.pin, new_pin=phone.pin)
    waiting.world.devices.rotate(phone.call("/device/rotate", rotation.body))
    phone.device.complete_rotation(rotation)


STOPS = [suspend, revoke, lock, erase]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("path", [f"{LIST}?wait=200", STREAM])
def test_a_device_that_was_stopped_meanwhile_learns_nothing(setup, stop, path):
    waiting = setup()
    waiting.world.bind("user-42")
    polled = waiting.begin(path)
    stop(waiting)
    if stop in {suspend, revoke}:
        waiting.ask()
    else:
        waiting.wake.notify_all()
    reply = polled.result(SOON)
    refused = waiting.read(LIST)
    assert refused.status_code == (404 if stop is lock else 403)
    if path == STREAM:
        assert reply.status_code == 200
        assert events(reply.data) == [{"requests": []}]
    else:
        assert reply.status_code == refused.status_code
        assert len(bodies_of((reply, refused))) == 1


def test_a_load_that_fails_is_503(kit, setup, world):
    faults = Faults()
    waiting = setup(store=faulty(world.ports.store, "store", faults))
    polled = waiting.begin()
    faults.fail("store.get")
    waiting.wake.notify_all()
    assert polled.result(SOON).status_code == 503


def events(body):
    """Read what a stream says: the documents of its events, which have two names."""
    blocks = [block.split("\n") for block in body.decode().split("\n\n")]
    event_blocks = [block for block in blocks if block[0].startswith("event: ")]
    documents = [json.loads(block[1].removeprefix("data: ")) for block in event_blocks]
    members = {"event: requests": {"requests"}, "event: ended": {"requestGuid"}}
    for block, document in zip(event_blocks, documents, strict=True):
        assert document.keys() == members[block[0]]
    return documents


def test_a_stream_has_each_change_of_the_list(setup):
    waiting = setup()
    reply = waiting.call(STREAM)
    assert (reply.status_code, reply.mimetype) == (200, "text/event-stream")
    pieces = iter(reply.response)
    assert next(pieces) == b"retry: 1000\n\n"
    assert events(next(pieces)) == [{"requests": []}]
    later = waiting.threads.submit(next, pieces)
    waiting.wake.await_wait()
    guid = waiting.ask()
    list_now = waiting.read(LIST).json
    assert (events(later.result(SOON)), list_now["requests"][0]["guid"]) == ([list_now], guid)
    later = waiting.threads.submit(next, pieces)
    waiting.wake.await_wait()
    # Being seen changes no list.
    waiting.device().show(guid)
    waiting.wake.notify_all()
    waiting.wake.await_wait()
    assert not later.done()
    waiting.device().answer(guid)
    assert events(later.result(SOON)) == [{"requestGuid": guid}, {"requests": []}]
    reply.close()


def test_a_stream_names_each_request_that_ended_before_the_list_that_is_left(setup):
    waiting = setup()
    ended, other = waiting.ask(), waiting.ask()
    reply = waiting.call(STREAM)
    pieces = iter(reply.response)
    next(pieces)
    next(pieces)
    later = waiting.threads.submit(next, pieces)
    waiting.wake.await_wait()
    waiting.world.challenges.cancel(waiting.world.origin, ended)
    # Its port wakes nobody here.
    waiting.wake.notify_all()
    piece = later.result(SOON)
    opening = b'event: ended\ndata: {"requestGuid":"%b"}\n\nevent: requests\n'
    assert piece.startswith(opening % ended.encode())
    assert [request["guid"] for request in events(piece)[1]["requests"]] == [other]
    reply.close()


def test_a_stream_beats_and_lasts_no_longer_than_a_proof_is_fresh(kit, world, threads):
    settings = Settings(public_url=BASE, beat_every=world.policy.proof_past / 10)
    clock = kit.TickingClock(settings.beat_every.total_seconds())
    app = kit.served(Service(world.ports, world.policy, settings, monotonic=clock))
    proof = world.bind("user-42").call(STREAM, method="GET").proof
    reply = app.test_client().get(STREAM, headers={"Counterseal-Proof": proof}, buffered=False)
    opening, _, *beats = threads.submit(list, reply.response).result(SOON)
    assert opening == b"retry: 1000\n\n"
    # The clock is read three times for each: a wait begins, it is over, the stream goes on.
    assert beats == [b": still waiting\n\n"] * 4
    reply.close()


def test_a_device_has_a_few_slots_and_its_app_space_one_share(setup):
    waiting = setup(waiters=DEVICE_SLOTS + 1)
    polls = [waiting.begin() for _ in range(DEVICE_SLOTS)]
    reply = waiting.read(f"{LIST}?wait=200")
    assert (guids(reply), reply.headers["Retry-After"]) == ([], "1")
    reply = waiting.read(STREAM)
    assert (reply.status_code, reply.json["code"]) == (503, "busy")
    assert reply.headers["Retry-After"] == "1"
    other = waiting.world.bind("user-42")
    polls.append(waiting.begin(phone=other))
    reply = waiting.read(f"{LIST}?wait=200", waiting.world.bind("user-43"))
    assert (guids(reply), reply.headers["Retry-After"]) == ([], "1")
    guid = waiting.ask()
    assert [guids(each.result(SOON)) for each in polls] == [[guid]] * len(polls)


def test_an_origin_takes_a_slot_from_the_devices(setup):
    waiting = setup(waiters=2)
    phones = [waiting.world.bind("user-43") for _ in range(2)]
    first, second = (waiting.begin(phone=phone) for phone in phones)
    guid = waiting.ask()
    path = f"/request/getRequest?requestGuid={guid}&wait=200"
    polled = waiting.threads.submit(waiting.shop.get, path)
    waiting.wake.await_wait()
    waiting.wake.notify(waiting.account_of(phones[0]))
    assert first.result(SOON).headers["Retry-After"] == "1"
    assert not second.done()
    waiting.device().answer(guid)
    assert polled.result(SOON).json["status"] == "ANSWERED"
    waiting.ask("user-43")
    assert len(guids(second.result(SOON))) == 1


@pytest.mark.parametrize("path", [f"{LIST}?wait=200", STREAM])
def test_a_page_may_read_what_it_waits_for(kit, setup, world, path):
    waiting = setup(cors={world.app_space.guid: [PAGE]}, waiters=1)
    for page, allowed in ((PAGE, PAGE), ("https://elsewhere.example", None)):
        polled = waiting.begin(path, Origin=page)
        busy = waiting.read(path, Origin=page)
        revoked = waiting.world.bind("user-42")
        waiting.world.devices.revoke(waiting.phone.guid, by=OPERATOR)
        waiting.wake.notify_all()
        waiting.phone = revoked
        for reply in (polled.result(SOON), busy):
            assert reply.headers.get("Access-Control-Allow-Origin") == allowed
            assert reply.headers.get_all("Vary") == ["Origin"]
        assert busy.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", [LIST, f"{LIST}?wait=200", STREAM])
def test_the_audit_log_names_the_call_that_was_refused(setup, path):
    waiting = setup()
    waiting.world.devices.revoke(waiting.phone.guid, by=OPERATOR)
    assert waiting.read(path).status_code == 403
    event = waiting.world.ports.audit.events[-1]
    assert (event.event, event.actor) == ("challenge.pending", waiting.phone.guid)


def test_a_key_that_was_replaced_waits_no_more(setup):
    waiting = setup()
    polled = waiting.begin()
    rotate(waiting)
    waiting.wake.notify_all()
    assert polled.result(SOON).status_code == 403
    again = waiting.begin()
    guid = waiting.ask()
    assert guids(again.result(SOON)) == [guid]
