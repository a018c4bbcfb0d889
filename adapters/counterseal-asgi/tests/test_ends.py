"""A coroutine waits for the end of a challenge; a signal ends all waits before the server does."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta

import attrs
import httpx2
import pytest

from counterseal.errors import NotFound, StoreUnavailable
from counterseal.models import ChallengeState
from counterseal_asgi import Service, Settings, closing_on_signal, wait_for_end
from counterseal_testing import FakeService

pytestmark = pytest.mark.anyio

PATIENCE = 240
"""Seconds after which a test that hangs fails."""

HOUR = timedelta(hours=1)
SOON = timedelta(milliseconds=20)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class SilentWake:
    """
    Loses every notification; its clock moves only while somebody waits.

    Attributes:
        seconds: What has passed.
    """

    def __init__(self):
        self.seconds = 0.0

    def notify(self, guid):
        pass

    async def wait_async(self, _, timeout):
        self.seconds += timeout.total_seconds()
        await asyncio.sleep(0)


class BrokenWake(SilentWake):
    """Receives nothing, and says so."""

    async def wait_async(self, _, timeout):
        raise StoreUnavailable


class FaultyWake(SilentWake):
    """Raises what no port may raise."""

    async def wait_async(self, _, timeout):
        raise LookupError


class Case:
    """A service in which alice is asked something; `wait` waits for the end."""

    def __init__(self, wake=None, look_every=HOUR):
        self.fake = FakeService()
        self.phone = self.fake.bind("alice")
        self.issued = self.fake.ask("alice", "Pay?")
        self.request = self.phone.fetch(self.issued.challenge.guid)
        ports = attrs.evolve(self.fake.ports, wake=wake) if wake else self.fake.ports
        settings = Settings(public_url="https://shop.example", look_every=look_every)
        clock = {} if wake is None else {"monotonic": lambda: wake.seconds}
        self.service = Service(ports, self.fake.policy, settings, **clock)
        self.loads = 0
        self.loaded = asyncio.Event()
        self._load, self.service.load = self.service.load, self.load

    def load(self, party, guid):
        challenge = self._load(party, guid)
        self.loads += 1
        self.loop.call_soon_threadsafe(self.loaded.set)
        return challenge

    async def wait(self, timeout=HOUR):
        self.loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            return await wait_for_end(
                self.service, self.fake.origin, self.issued.challenge.guid, timeout=timeout
            )

    def answer(self):
        self.phone.answer(self.request)

    async def answer_in_a_thread(self):
        await asyncio.wait_for(self.loaded.wait(), PATIENCE)
        threading.Thread(target=self.answer).start()


async def test_an_answer_in_another_thread_ends_the_wait():
    case = Case()
    challenge, _ = await asyncio.gather(case.wait(), case.answer_in_a_thread())
    assert challenge.approved
    assert case.loads == 2  # not before, and then once


async def test_a_challenge_that_has_ended_is_returned_at_once():
    case = Case()
    case.answer()
    assert (await case.wait()).approved
    assert case.loads == 1


async def test_an_answer_during_the_first_load_is_not_missed():
    case = Case()
    load = case.service.load

    def answer_after_the_load(party, guid):
        challenge = load(party, guid)
        if case.loads == 1:
            case.answer()
        return challenge

    case.service.load = answer_after_the_load
    assert (await case.wait()).approved


@pytest.mark.parametrize("wake", [SilentWake, BrokenWake])
async def test_a_wake_up_that_is_lost_delays_the_end_by_one_look(wake):
    case = Case(wake(), look_every=SOON)
    challenge, _ = await asyncio.gather(case.wait(), case.answer_in_a_thread())
    assert challenge.approved


async def test_a_wake_that_is_broken_causes_no_more_loads_than_one_that_is_silent():
    case = Case(BrokenWake())
    wait = asyncio.create_task(case.wait())
    await asyncio.wait_for(case.loaded.wait(), PATIENCE)
    for _ in range(50):
        await asyncio.sleep(0)
    assert case.loads == 1
    case.service.close()
    assert (await wait).state is ChallengeState.SEEN


async def test_an_error_of_a_wake_that_is_no_failure_is_raised():
    case = Case(FaultyWake())
    with pytest.raises(LookupError):
        await case.wait()
    assert case.loads == 1


@pytest.mark.parametrize(("hours", "loads"), [(0, 1), (1, 2), (2.5, 4)])
async def test_after_the_timeout_the_challenge_is_returned_as_it_stands(hours, loads):
    wake = SilentWake()
    case = Case(wake, look_every=HOUR)
    assert (await case.wait(HOUR * hours)).state is ChallengeState.SEEN
    assert (case.loads, wake.seconds) == (loads, 3600 * hours)


async def test_a_wait_that_is_cancelled_leaves_nothing_behind():
    case = Case()
    before = asyncio.all_tasks()
    wait = asyncio.create_task(case.wait())
    await asyncio.wait_for(case.loaded.wait(), PATIENCE)
    wait.cancel()
    await asyncio.wait([wait])
    assert wait.cancelled()
    assert asyncio.all_tasks() == before


async def test_close_ends_the_waits_and_those_that_come_later():
    case = Case()
    wait = asyncio.create_task(case.wait())
    await asyncio.wait_for(case.loaded.wait(), PATIENCE)
    case.service.close()
    assert (await wait).state is ChallengeState.SEEN
    assert (await case.wait()).state is ChallengeState.SEEN


async def test_a_store_that_fails_is_unavailable_and_an_unknown_challenge_is_not_found():
    case = Case()
    load = case.service.load

    def fail(*_):
        raise StoreUnavailable

    case.service.load = fail
    with pytest.raises(StoreUnavailable):
        await case.wait()
    case.service.load = load
    with pytest.raises(NotFound):
        await wait_for_end(
            case.service, case.fake.origin, case.fake.origin.origin.guid, timeout=HOUR
        )


def test_a_signal_closes_the_service_and_the_previous_handler_runs():
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    own = signal.getsignal(signal.SIGTERM)
    case = Case()

    async def main():
        with closing_on_signal(case.service):
            wait = asyncio.create_task(case.wait())
            await asyncio.wait_for(case.loaded.wait(), PATIENCE)
            os.kill(os.getpid(), signal.SIGTERM)
            return await wait

    try:
        assert asyncio.run(main()).state is ChallengeState.SEEN
        assert numbers == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_handlers_that_are_left_in_another_order_harm_nobody():
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))

    async def main():
        first, second = ExitStack(), ExitStack()
        for stack in (first, second):
            stack.enter_context(closing_on_signal(Case().service))
        first.close()
        second.close()

    try:
        asyncio.run(main())
        signal.raise_signal(signal.SIGTERM)
        assert numbers == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread_the_service_is_closed_at_the_end():
    case = Case()

    async def main():
        with closing_on_signal(case.service):
            pass
        return await case.wait()

    results = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(main())))
    thread.start()
    thread.join(PATIENCE)
    assert [challenge.state for challenge in results] == [ChallengeState.SEEN]


PROGRAM = """
import asyncio, sys
from datetime import timedelta

import uvicorn

from counterseal_testing import FakeService
from counterseal_asgi import AsgiApplication, Service, Settings, closing_on_signal, wait_for_end

fake = FakeService()
fake.bind("alice")
guid = fake.ask("alice", "Pay?").challenge.guid
service = Service(fake.ports, fake.policy, Settings(public_url="https://shop.example"))
application = AsgiApplication(service)


async def host(scope, receive, send):
    if scope["type"] == "lifespan" and sys.argv[1] == "host":
        await receive()
        with closing_on_signal(service):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "lifespan":
        await application(scope, receive, send)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"waiting ", "more_body": True})
        challenge = await wait_for_end(service, fake.origin, guid, timeout=timedelta(hours=1))
        await send({"type": "http.response.body", "body": challenge.state.value.encode()})


server = uvicorn.Server(uvicorn.Config(host, port=0, log_level="warning"))


async def main():
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await task


asyncio.run(main())
"""


@pytest.mark.parametrize("lifespan", ["host", "application"])
def test_uvicorn_stops_while_a_call_waits(lifespan):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, lifespan], stdout=subprocess.PIPE, text=True
    )
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        with httpx2.stream("GET", url, timeout=PATIENCE) as response:
            pieces = response.iter_text()
            assert next(pieces) == "waiting "
            process.send_signal(signal.SIGTERM)
            assert "".join(pieces) == "PENDING"
        assert process.wait(PATIENCE) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
