"""Wakers that break a clause each, caught by the checks of `WakeContract`."""

import asyncio
import threading

import pytest
from broken_adapters import NEVER, BrokenAdapters

from counterseal.memory import MemoryWake
from counterseal_testing import contracts

BROKEN = BrokenAdapters(contracts.WakeContract(), MemoryWake)
breaks = BROKEN.breaks


@breaks("WAKE-1")
class WaitsForAWaiter(MemoryWake):
    def notify(self, guid):
        threading.Event().wait(NEVER.total_seconds())


@breaks("WAKE-2")
class WaitsToBeWoken(MemoryWake):
    def wait(self, guid, timeout):
        super().wait(guid, timeout + NEVER)


@breaks("WAKE-3")
class WaitsToBeWokenInACoroutine(MemoryWake):
    async def wait_async(self, guid, timeout):
        await super().wait_async(guid, timeout + NEVER)


@breaks("WAKE-4")
class BlocksTheEventLoop(MemoryWake):
    async def wait_async(self, guid, timeout):
        self.wait(guid, timeout)


@breaks("WAKE-4")
class HoldsAThread(MemoryWake):
    async def wait_async(self, guid, timeout):
        await asyncio.to_thread(self.wait, guid, timeout)


@breaks("WAKE-5")
class WakesThreadsOnly(MemoryWake):
    async def wait_async(self, guid, timeout):
        await asyncio.sleep(timeout.total_seconds())


class OneFuture(MemoryWake):
    """All coroutines that wait for a GUID share one future."""

    def __init__(self):
        super().__init__()
        self.futures = {}

    def notify(self, guid):
        super().notify(guid)
        future = self.futures.pop(guid, None)
        if future is not None:
            self.finish(future)

    def finish(self, future):
        future.get_loop().call_soon_threadsafe(lambda: future.done() or future.set_result(None))

    async def wait_async(self, guid, timeout):
        future = self.futures.setdefault(guid, asyncio.get_running_loop().create_future())
        await asyncio.wait([future], timeout=timeout.total_seconds())


@breaks("WAKE-5", sound=OneFuture)
class DoesNotWakeTheEventLoop(OneFuture):
    def finish(self, future):
        if not future.done():
            future.set_result(None)


@breaks("WAKE-6")
class ReturnsWhenCancelled(MemoryWake):
    async def wait_async(self, guid, timeout):
        try:
            await super().wait_async(guid, timeout)
        except asyncio.CancelledError:
            return


@breaks("WAKE-6")
class WaitsOnWhenCancelled(MemoryWake):
    async def wait_async(self, guid, timeout):
        try:
            await super().wait_async(guid, timeout)
        except asyncio.CancelledError:
            await asyncio.sleep(NEVER.total_seconds())
            raise


@breaks("WAKE-6", sound=OneFuture)
class CancelsTheOthers(OneFuture):
    async def wait_async(self, guid, timeout):
        future = self.futures.setdefault(guid, asyncio.get_running_loop().create_future())
        await asyncio.wait_for(future, timeout.total_seconds())


@breaks("WAKE-6")
class ForgetsTheOthers(MemoryWake):
    async def wait_async(self, guid, timeout):
        try:
            await super().wait_async(guid, timeout)
        except asyncio.CancelledError:
            self._waiting.pop(guid, None)
            raise


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_waker_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_waker_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_waker_has_a_broken_one():
    BROKEN.require_every_clause("WAKE", "ALL-1")
