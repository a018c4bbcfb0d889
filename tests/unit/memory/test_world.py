"""The machine's time and luck, and the bell for threads."""

import threading
from datetime import UTC, datetime, timedelta

from counterseal.memory import MemoryWake, SystemClock, SystemEntropy
from counterseal.models import Guid

LONG, NO_TIME = timedelta(seconds=240), timedelta(0)
ALICE, BOB = Guid("alice"), Guid("bob")


def test_clock_1_the_systems_clock_is_aware_and_in_utc():
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_entropy_1_the_systems_entropy_has_the_size_asked_for_and_does_not_repeat():
    tokens = [SystemEntropy().token(size) for size in (1, 16, 32)]
    assert [len(token) for token in tokens] == [1, 16, 32]
    assert len({SystemEntropy().token(16) for _ in range(100)}) == 100


def waiting(wake, guid, timeout=LONG):
    """Start a thread that waits; return it once it does."""
    thread = threading.Thread(target=wake.wait, args=(guid, timeout))
    thread.start()
    while not wake._waiting.get(guid):
        pass
    return thread


def test_wake_1_wakes_everyone_who_waits_for_it_and_nobody_else():
    wake = MemoryWake()
    threads = [waiting(wake, ALICE), waiting(wake, ALICE)]
    other = waiting(wake, BOB)
    wake.notify(ALICE)
    for thread in threads:
        thread.join(LONG.total_seconds())
        assert not thread.is_alive()
    assert other.is_alive()
    wake.notify(BOB)
    other.join(LONG.total_seconds())


def test_wake_1_a_notification_that_nobody_waits_for_is_lost():
    wake = MemoryWake()
    wake.notify(ALICE)
    wake.wait(ALICE, NO_TIME)


def test_whoever_waits_too_long_returns_and_leaves_nothing_behind():
    wake = MemoryWake()
    patient = waiting(wake, ALICE)
    wake.wait(ALICE, NO_TIME)
    assert len(wake._waiting[ALICE]) == 1
    wake.notify(ALICE)
    patient.join(LONG.total_seconds())
    wake.wait(BOB, NO_TIME)
    assert not wake._waiting
