"""`RedisWake` keeps its clauses, between processes too, and wakes everybody who waits."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from counterseal.memory import MemoryWake
from counterseal_redis import Keyspace, RedisWake
from counterseal_testing import WakeContract
from counterseal_testing.contracts.record_factory import RecordFactory

LONG = timedelta(seconds=240)
"""How long those wait who are to be woken."""

PATIENCE = 30
"""Seconds after which a wake-up counts as lost; the adapter needs a second to connect again."""

GUID = RecordFactory().guid()

NOTIFY = """
import sys
from redis import Redis
from counterseal_redis import Keyspace, RedisWake

wake = RedisWake(Keyspace(Redis(port=int(sys.argv[1])), prefix=sys.argv[2]))
wake.notify(sys.argv[3])
wake.close()
"""


@pytest.fixture
def new_wake(new_keyspace):
    wakes = []

    def new(server, **options):
        wakes.append(observed(RedisWake(new_keyspace(server, **options))))
        return wakes[-1]

    yield new
    for wake in wakes:
        wake.close()


class TestWake(WakeContract):
    @pytest.fixture
    def new_wake(self, server, new_wake):
        return lambda: new_wake(server)


class ObservedWake(MemoryWake):
    """Tells when a subscription has begun, and when a caller is registered."""

    def __init__(self):
        super().__init__()
        self.subscribed = threading.Event()
        self.registrations = threading.Semaphore(0)

    def notify_all(self):
        super().notify_all()
        self.subscribed.set()

    @contextmanager
    def _registered(self, guid, waiter):
        with super()._registered(guid, waiter):
            self.registrations.release()
            yield


def observed(wake):
    """Return *wake*, with observed callers in this process."""
    wake._local = ObservedWake()
    return wake


def require_listening(wake):
    """Wait until the thread of *wake* has subscribed."""
    wake.wait(GUID, timedelta(0))
    assert wake._local.registrations.acquire(timeout=PATIENCE)
    assert wake._local.subscribed.wait(PATIENCE)


class Waiter(threading.Thread):
    """Waits to be woken."""

    def __init__(self, wake, guid=GUID):
        super().__init__(daemon=True)
        self.guid = guid
        self._wake = wake
        self.start()
        assert wake._local.registrations.acquire(timeout=PATIENCE)

    def run(self):
        self._wake.wait(self.guid, LONG)

    def was_woken(self):
        self.join(PATIENCE)
        return not self.is_alive()


def test_a_caller_that_waits_in_another_process_is_woken(server, new_wake):
    waiting = new_wake(server)
    require_listening(waiting)
    notifying = new_wake(server, prefix=waiting._keyspace.prefix)
    waiter, other = Waiter(waiting), Waiter(waiting, RecordFactory(seed=1).guid())

    notifying.notify(GUID)

    assert waiter.was_woken()
    assert other.is_alive(), "woken for another GUID"
    notifying.notify(other.guid)
    assert other.was_woken()


def test_coroutines_are_woken_from_another_process_and_share_one_subscription(
    redis_8_2, new_wake, opened
):
    waiting = new_wake(redis_8_2)
    require_listening(waiting)
    notifying = new_wake(redis_8_2, prefix=waiting._keyspace.prefix)
    notifying.notify(RecordFactory(seed=98).guid())
    others = [RecordFactory(seed=seed).guid() for seed in range(50)]
    channel = f"{waiting._keyspace.prefix}:w"

    async def wait():
        threads = threading.active_count()
        tasks = [
            asyncio.create_task(waiting.wait_async(guid, LONG)) for guid in [GUID] * 50 + others
        ]
        await asyncio.sleep(0)
        assert threading.active_count() == threads
        assert opened(redis_8_2).pubsub_numsub(channel) == [(channel.encode(), 1)]
        for guid in (GUID, *others):
            notifying.notify(guid)
        done, _ = await asyncio.wait(tasks, timeout=PATIENCE)
        assert len(done) == len(tasks)

    asyncio.run(wait())


def test_a_process_that_ends_has_published(redis_8_2, new_wake):
    wake = new_wake(redis_8_2)
    require_listening(wake)
    waiter = Waiter(wake)
    arguments = [str(redis_8_2.port), wake._keyspace.prefix, GUID]

    subprocess.run([sys.executable, "-c", NOTIFY, *arguments], check=True, timeout=240)

    assert waiter.was_woken()


def test_all_who_wait_share_one_thread(redis_8_2, new_wake):
    wake = new_wake(redis_8_2)
    require_listening(wake)
    before = threading.active_count()
    waiters = [Waiter(wake, RecordFactory(seed=seed).guid()) for seed in range(10)]

    assert threading.active_count() == before + len(waiters)
    for waiter in waiters:
        wake.notify(waiter.guid)
    assert all(waiter.was_woken() for waiter in waiters)


def test_a_caller_is_woken_when_the_connection_is_back(redis_8_2, new_wake, opened):
    wake = new_wake(redis_8_2)
    require_listening(wake)
    waiter = Waiter(wake)
    client = opened(redis_8_2)

    for connection in client.client_list(_type="pubsub"):
        client.client_kill_filter(_id=connection["id"])

    assert waiter.was_woken()
    require_listening(wake)
    waiter = Waiter(wake)
    wake.notify(GUID)
    assert waiter.was_woken()


def test_without_a_server_nothing_blocks_and_nothing_is_raised(nowhere):
    wake = observed(RedisWake(Keyspace(nowhere.client())))
    waiter = Waiter(wake)
    for _ in range(2_000):
        wake.notify(RecordFactory().guid())

    wake.notify(waiter.guid)

    assert waiter.was_woken(), "a caller in this process is woken all the same"
    wake.wait(GUID, timedelta(milliseconds=10))
    asyncio.run(wake.wait_async(GUID, timedelta(milliseconds=10)))
    wake.close()


def test_after_close_there_are_no_threads(redis_8_2, new_wake):
    wake = new_wake(redis_8_2)
    require_listening(wake)
    wake.notify(GUID)

    wake.close()

    assert not [thread for thread in wake._threads.values() if thread.is_alive()]
    wake.wait(GUID, timedelta(milliseconds=1))
    wake.notify(GUID)
    assert len(wake._threads) == 2
