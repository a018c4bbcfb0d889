"""The contract of `Wake`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, TypeAlias, TypeVar

import pytest

from counterseal.models import Guid
from counterseal.ports import Wake
from counterseal_testing.contracts.leaks import only_unavailable_leaves, skip_without_broken
from counterseal_testing.contracts.race import LATE, comes_back, race, results
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.contracts.summary import Contract

T = TypeVar("T")

NewWake: TypeAlias = Callable[[], Wake]

THREADS = 6
COROUTINES = 60
SHORT = timedelta(milliseconds=10)
SECOND = timedelta(seconds=1)


class WakeContract(Contract):
    """
    What every waker keeps.

    Attributes:
        allowed_delay: How long what must not block may take, on a busy machine.
    """

    allowed_delay: ClassVar[timedelta] = LATE

    @pytest.fixture
    def new_wake(self) -> NewWake:
        """
        Return a factory of wakers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_wake`: it returns a factory")

    @pytest.fixture
    def broken_wake(self) -> NewWake | None:
        """Return a factory of wakers whose connection is broken, if there can be one."""
        return None

    def test_wake_1_waking_never_blocks(self, new_wake: NewWake) -> None:
        """WAKE-1: also if nobody waits, or nobody any more."""
        wake, guid = new_wake(), RecordFactory().guid()
        for _ in range(3):
            assert comes_back(partial(wake.notify, guid), within=self.allowed_delay), (
                "ringing blocks"
            )
        wake.wait(guid, SHORT)

        assert comes_back(partial(wake.notify, guid), within=self.allowed_delay), "ringing blocks"

    def test_wake_2_waiting_ends(self, new_wake: NewWake) -> None:
        """WAKE-2: woken or not."""
        wake, guid = new_wake(), RecordFactory().guid()
        for timeout in (timedelta(0), SHORT):
            waiting = partial(wake.wait, guid, timeout)
            assert comes_back(waiting, within=timeout + self.allowed_delay), "waiting does not end"

    def test_wake_3_waiting_in_a_coroutine_ends(self, new_wake: NewWake) -> None:
        """WAKE-3: woken or not."""
        wake, guid = new_wake(), RecordFactory().guid()
        for timeout in (timedelta(0), SHORT):
            self._run(partial(_wait_async, wake, guid, timeout))

    def test_wake_4_a_waiting_coroutine_does_not_block_the_event_loop(
        self, new_wake: NewWake
    ) -> None:
        """WAKE-4."""
        wake, guid = new_wake(), RecordFactory().guid()

        async def start_and_cancel() -> None:
            await _cancel(await _start(wake, guid, 2 * self.allowed_delay))

        self._run(start_and_cancel)

    def test_wake_4_waiting_coroutines_hold_no_threads(self, new_wake: NewWake) -> None:
        """WAKE-4: an adapter may have threads, but no more of them when more coroutines wait."""
        wake, new_guid = new_wake(), RecordFactory().guid
        guids = [new_guid()] * (COROUTINES // 2) + [new_guid() for _ in range(COROUTINES // 2)]

        async def count_new_threads() -> int:
            await wake.wait_async(guids[0], timedelta(0))
            before = threading.active_count()
            tasks = [await _start(wake, guid, SECOND) for guid in guids]
            count = threading.active_count() - before
            await _cancel(*tasks)
            return count

        count = self._run(count_new_threads)
        assert count <= 0, f"{COROUTINES} coroutines wait in {count} threads"

    def test_wake_5_a_notification_ends_both_waits(self, new_wake: NewWake) -> None:
        """WAKE-5: as far as notifications end `wait`."""
        self._require_woken(new_wake(), cancel_another=False)

    def test_wake_6_a_cancelled_wait_raises_at_once(self, new_wake: NewWake) -> None:
        """WAKE-6."""
        wake, guid = new_wake(), RecordFactory().guid()

        async def is_cancelled() -> bool:
            task = await _start(wake, guid, 4 * self.allowed_delay)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

        assert self._run(is_cancelled), "no CancelledError"

    def test_wake_6_a_cancelled_wait_leaves_others_waiting(self, new_wake: NewWake) -> None:
        """WAKE-6."""
        self._require_woken(new_wake(), cancel_another=True)

    def test_all_1_only_unavailable_leaves(self, broken_wake: NewWake | None) -> None:
        """ALL-1."""
        if broken_wake is None:
            skip_without_broken()
            return
        wake, guid = broken_wake(), RecordFactory().guid()
        only_unavailable_leaves(
            {
                "notify": lambda: wake.notify(guid),
                "wait": lambda: wake.wait(guid, SHORT),
                "wait_async": lambda: self._run(partial(_wait_async, wake, guid, SHORT)),
            }
        )

    def test_all_2_serves_many_threads_at_once(self, new_wake: NewWake) -> None:
        """ALL-2."""
        wake, guid = new_wake(), RecordFactory().guid()

        def call(client: int) -> None:
            for _ in range(20):
                if client % 3 == 0:
                    wake.notify(guid)
                elif client % 3 == 1:
                    wake.wait(guid, timedelta(milliseconds=1))
                else:
                    asyncio.run(_wait_async(wake, guid, timedelta(milliseconds=1)))

        results(race([partial(call, client) for client in range(THREADS)]))

    def _require_woken(self, wake: Wake, *, cancel_another: bool) -> None:
        # A notification may be lost, so it is repeated until it has woken a thread.
        guid, started = RecordFactory().guid(), threading.Event()

        async def wait() -> None:
            another = await _start(wake, guid, 4 * self.allowed_delay)
            task = await _start(wake, guid, 4 * self.allowed_delay)
            if cancel_another:
                await _cancel(another)
            started.set()
            await asyncio.wait([task])
            assert not task.cancelled(), "cancelling one wait cancels another"
            await task
            await _cancel(another)

        coroutine = _in_event_loop(wait)
        assert started.wait(self.allowed_delay.total_seconds()), "the event loop is blocked"
        thread = threading.Thread(
            target=wake.wait, args=(guid, 4 * self.allowed_delay), daemon=True
        )
        thread.start()
        tries = round(self.allowed_delay / SHORT)
        for _ in range(tries):
            wake.notify(guid)
            thread.join(SHORT.total_seconds())
            if not thread.is_alive():
                break
        for _ in range(tries):
            if coroutine.done() or thread.is_alive():
                break
            wake.notify(guid)
            wait_for_futures([coroutine], SHORT.total_seconds())
        if coroutine.done():
            coroutine.result()
        assert coroutine.done() or thread.is_alive(), (
            "a notification ended `wait`, but not `wait_async`"
        )

    def _run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        coroutine = _in_event_loop(main)
        wait_for_futures([coroutine], self.allowed_delay.total_seconds())
        assert coroutine.done(), "waiting in a coroutine does not end, or blocks the event loop"
        return coroutine.result()


async def _wait_async(wake: Wake, guid: Guid, timeout: timedelta) -> None:
    # What a broken adapter returns may be no coroutine.
    await wake.wait_async(guid, timeout)


async def _start(wake: Wake, guid: Guid, timeout: timedelta) -> asyncio.Task[None]:
    task = asyncio.create_task(_wait_async(wake, guid, timeout))
    await asyncio.sleep(0)
    return task


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _in_event_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """Run *main* in a thread of its own, so that a blocked event loop blocks no check."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001 - the check reads it from the future
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
