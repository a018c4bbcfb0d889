"""The bell keeps its clauses, between processes too, and loses nobody who waits."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from redis_servers import until

from counterseal.testing import WakeContract
from counterseal.testing.contracts.record_factory import RecordFactory
from counterseal_redis import Keyspace, RedisWake

LONG = timedelta(seconds=20)
GUID = RecordFactory().guid()

RINGER = """
import sys
from redis import Redis
from counterseal_redis import Keyspace, RedisWake

wake = RedisWake(Keyspace(Redis(port=int(sys.argv[1])), prefix=sys.argv[2]))
wake.notify(sys.argv[3])
wake.close()
"""


@pytest.fixture
def new_bell(new_keyspace):
    made = []

    def new(server, **options):
        made.append(RedisWake(new_keyspace(server, **options)))
        return made[-1]

    yield new
    for bell in made:
        bell.close()


class TestWake(WakeContract):
    @pytest.fixture
    def new_wake(self, server, new_bell):
        return lambda: new_bell(server)


def listening(bell):
    """Ring from elsewhere until the thread of *bell* has heard it."""
    keyspace, probe = bell._keyspace, threading.Event()
    bell._waiting["probe"].add(probe)
    bell.wait(GUID, timedelta(0))

    def heard():
        keyspace.client.publish(f"{keyspace.prefix}:w", "probe")
        return probe.wait(0.05)

    until(heard)


class Waiter(threading.Thread):
    """Waits, and knows how long it did."""

    def __init__(self, bell, guid=GUID):
        super().__init__(daemon=True)
        self._bell, self._guid = bell, guid
        self.waited = None
        self.start()
        until(lambda: bell._waiting.get(guid))

    def run(self):
        begin = time.monotonic()
        self._bell.wait(self._guid, LONG)
        self.waited = timedelta(seconds=time.monotonic() - begin)

    def woken(self):
        self.join(LONG.total_seconds())
        return self.waited < LONG / 2


def test_who_waits_in_another_process_is_woken(server, new_bell, new_keyspace):
    waiting = new_bell(server)
    listening(waiting)
    ringing = new_bell(server, prefix=waiting._keyspace.prefix)
    waiter, other = Waiter(waiting), Waiter(waiting, RecordFactory(seed=1).guid())

    ringing.notify(GUID)

    assert waiter.woken()
    assert other.is_alive(), "rung for somebody else"
    ringing.notify(other._guid)
    assert other.woken()


def test_a_process_that_ends_has_rung(redis_8_2, new_bell):
    bell = new_bell(redis_8_2)
    listening(bell)
    waiter = Waiter(bell)
    arguments = [str(redis_8_2.port), bell._keyspace.prefix, GUID]

    subprocess.run([sys.executable, "-c", RINGER, *arguments], check=True, timeout=240)

    assert waiter.woken()


def test_all_that_wait_share_one_thread(redis_8_2, new_bell):
    bell = new_bell(redis_8_2)
    listening(bell)
    before = threading.active_count()
    waiters = [Waiter(bell, RecordFactory(seed=seed).guid()) for seed in range(10)]

    assert threading.active_count() == before + len(waiters)
    for waiter in waiters:
        bell.notify(waiter._guid)
    assert all(waiter.woken() for waiter in waiters)


def test_who_waits_looks_again_when_the_connection_is_back(redis_8_2, new_bell, opened):
    bell = new_bell(redis_8_2)
    listening(bell)
    waiter = Waiter(bell)
    client = opened(redis_8_2)

    for one in client.client_list(_type="pubsub"):
        client.client_kill_filter(_id=one["id"])

    assert waiter.woken()
    listening(bell)
    again = Waiter(bell)
    bell.notify(GUID)
    assert again.woken()


def test_without_a_server_nothing_blocks_and_nothing_is_raised(nowhere):
    bell = RedisWake(Keyspace(nowhere.client()))
    waiter = Waiter(bell)
    for _ in range(2_000):
        bell.notify(RecordFactory().guid())

    bell.notify(waiter._guid)

    assert waiter.woken(), "who waits in this process is woken all the same"
    bell.wait(GUID, timedelta(milliseconds=10))
    bell.close()


def test_what_is_closed_has_no_threads(redis_8_2, new_bell):
    bell = new_bell(redis_8_2)
    listening(bell)
    bell.notify(GUID)

    bell.close()

    assert not [one for one in bell._threads.values() if one.is_alive()]
    bell.wait(GUID, timedelta(milliseconds=1))
    bell.notify(GUID)
    assert len(bell._threads) == 2
