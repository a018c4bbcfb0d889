"""The machine's time and luck, and the bell for threads."""

import asyncio
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


async def start(wake, guid, timeout=LONG):
    task = asyncio.create_task(wake.wait_async(guid, timeout))
    await asyncio.sleep(0)
    return task


def test_wake_5_a_notification_wakes_threads_and_the_coroutines_of_all_loops():
    wake, started = MemoryWake(), threading.Barrier(3)

    async def wait():
        tasks = [await start(wake, ALICE), await start(wake, ALICE), await start(wake, BOB)]
        started.wait()
        await asyncio.wait(tasks[:2])
        assert not tasks[2].done()
        tasks[2].cancel()

    loops = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for loop in loops:
        loop.start()
    thread = waiting(wake, ALICE)
    started.wait()
    wake.notify(ALICE)
    for one in (*loops, thread):
        one.join(LONG.total_seconds())
        assert not one.is_alive()
    assert not wake._waiting


def test_wake_5_a_notification_before_the_task_is_awaited_is_not_lost():
    async def wait():
        wake = MemoryWake()
        task = await start(wake, ALICE)
        wake.notify(ALICE)
        await asyncio.sleep(0)
        await task

    asyncio.run(wait())


def test_wake_6_cancelled_and_timed_out_coroutines_leave_nothing_behind():
    async def wait():
        wake = MemoryWake()
        task = await start(wake, ALICE)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await wake.wait_async(BOB, NO_TIME)
        assert not wake._waiting

    asyncio.run(wait())


def test_all_1_a_notification_for_a_loop_that_was_closed_raises_nothing():
    wake, loop = MemoryWake(), asyncio.new_event_loop()
    task = loop.create_task(wake.wait_async(ALICE, LONG))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    wake.notify(ALICE)
    task._log_destroy_pending = False


def test_all_who_wait_are_woken_at_once():
    wake = MemoryWake()
    threads = [waiting(wake, guid) for guid in (ALICE, BOB)]

    async def wait():
        tasks = [await start(wake, guid) for guid in (ALICE, BOB)]
        wake.notify_all()
        await asyncio.wait(tasks)

    asyncio.run(wait())
    for thread in threads:
        thread.join(LONG.total_seconds())
        assert not thread.is_alive()
