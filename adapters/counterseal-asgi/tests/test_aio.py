"""`aio`: the same verb for asynchronous callers, in threads of its own, whole when cancelled."""

import asyncio
import inspect
import threading
from functools import partial

import anyio
import pytest
from anyio import from_thread, to_thread

from counterseal.errors import Refused
from counterseal_asgi import DEFAULT_THREADS, aio
from counterseal_testing.faults import Faults, faulty_ports
from counterseal_testing.service import FakeService

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])

PATIENCE = 60
"""Seconds after which a test that hangs fails."""


def run(backend, main):
    async def within_patience():
        with anyio.fail_after(PATIENCE):
            return await main()

    return anyio.run(within_patience, backend=backend)


class Gate:
    """A verb that waits in its thread until it is let through."""

    def __init__(self):
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)
        self.calls = 0
        self.lock = threading.Lock()

    def __call__(self):
        with self.lock:
            self.calls += 1
        self.entered.release()
        assert self.opened.wait(PATIENCE)

    async def wait_entered(self, count=1):
        acquire = partial(self.entered.acquire, timeout=PATIENCE)
        for _ in range(count):
            assert await to_thread.run_sync(acquire, limiter=anyio.CapacityLimiter(1))


@backends
def test_it_takes_and_returns_what_the_verb_does(backend):
    service = FakeService()
    service.bind("alice")
    pending = aio(service.challenges.pending)

    assert inspect.signature(pending) == inspect.signature(service.challenges.pending)
    assert pending.__doc__ == service.challenges.pending.__doc__
    assert run(backend, lambda: pending(service.origin, "alice")) == ()
    challenge = service.ask("alice", "Pay?").challenge
    assert run(backend, lambda: pending(service.origin, account_id="alice")) == (challenge,)


@backends
def test_a_refusal_is_raised_as_it_is(backend):
    service = FakeService()

    with pytest.raises(Refused) as refused:
        run(backend, lambda: aio(service.challenges.pending)(service.origin, "nobody"))

    assert refused.value.code == "account_unknown"


def test_an_asynchronous_verb_is_refused():
    async def verb():
        pass

    with pytest.raises(TypeError, match="asynchronous already"):
        aio(verb)


class Cancelled:
    """Issues a challenge whose caller is cancelled while the store commits."""

    def __init__(self):
        faults, self.gate = Faults(), Gate()
        self.service = FakeService(adapters=lambda ports: faulty_ports(ports, faults))
        self.service.bind("alice")
        faults.meanwhile(self.gate, at="store.commit")
        self.returned = False

    async def issue(self):
        await aio(self.service.ask)("alice", "Pay?")
        self.returned = True

    def require_whole(self):
        (challenge,) = self.service.challenges.pending(self.service.origin, "alice")
        events = [event.event for event in self.service.ports.audit.events]
        assert self.service.ports.store.get(challenge.guid) == (challenge,)
        assert events.count("challenge.issue") == 1


@backends
def test_the_commit_of_a_cancelled_caller_is_whole_before_the_cancellation_comes(backend):
    case = Cancelled()

    async def main():
        cancelled = anyio.Event()

        async def call():
            try:
                await case.issue()
            except anyio.get_cancelled_exc_class():
                assert case.gate.opened.is_set(), "cancelled before the commit"
                case.require_whole()
                cancelled.set()
                raise

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await case.gate.wait_entered()
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
                assert not cancelled.is_set()
                case.gate.opened.set()
        return cancelled.is_set()

    assert run(backend, main)
    assert not case.returned


@pytest.mark.parametrize("times", [1, 3])
def test_a_task_that_asyncio_cancels_ends_after_the_commit(times):
    case = Cancelled()

    async def main():
        task = asyncio.create_task(case.issue())
        await case.gate.wait_entered()
        for _ in range(times):
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=0.01)
            assert not done, "cancelled before the commit"
        case.gate.opened.set()
        await asyncio.wait([task])
        assert task.cancelled()
        case.require_whole()

    asyncio.run(main())


@backends
def test_a_caller_that_is_cancelled_before_it_has_a_thread_has_done_nothing(backend):
    gate, verb = Gate(), Gate()

    async def main():
        limiter = anyio.CapacityLimiter(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(aio(gate, limiter=limiter))
            await gate.wait_entered()
            with anyio.move_on_after(0) as scope:
                await aio(verb, limiter=limiter)()
            gate.opened.set()
        return scope.cancelled_caught

    assert run(backend, main)
    assert verb.calls == 0


@backends
def test_it_runs_while_all_threads_of_anyio_wait_for_it(backend):
    """As they do in a framework whose handlers in threads call back into the event loop."""

    async def main():
        default = to_thread.current_default_thread_limiter()
        default.total_tokens = 2
        answer = aio(lambda: 42)
        answers = []

        async def handler():
            answers.append(await to_thread.run_sync(from_thread.run, answer))

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(handler)
        return answers

    assert run(backend, main) == [42, 42]


@backends
def test_its_own_limiter_bounds_it_and_borrows_nothing_of_anyios(backend):
    gate = Gate()

    async def main():
        async with anyio.create_task_group() as tasks:
            for _ in range(2 * DEFAULT_THREADS):
                tasks.start_soon(aio(gate))
            await gate.wait_entered(DEFAULT_THREADS)
            await anyio.wait_all_tasks_blocked()
            calls = gate.calls
            borrowed = to_thread.current_default_thread_limiter().borrowed_tokens
            gate.opened.set()
        return calls, borrowed

    assert run(backend, main) == (DEFAULT_THREADS, 0)
    assert gate.calls == 2 * DEFAULT_THREADS
