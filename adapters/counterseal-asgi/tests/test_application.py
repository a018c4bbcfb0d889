"""The ASGI face: what it does besides the contract that every face keeps."""

import asyncio
import json
import subprocess
import sys
import threading
from base64 import b64encode
from datetime import timedelta
from functools import partial

import pytest
from anyio import CapacityLimiter, to_thread

from counterseal.models import Scheme
from counterseal_asgi import DEFAULT_THREADS, AsgiApplication, Service, Settings
from counterseal_asgi.application import QUEUE
from counterseal_asgi.threads import run_in_thread
from counterseal_testing import FakeService

PATIENCE = 60
"""Seconds after which a test that hangs fails."""

PROGRAM = """
import asyncio, sys
from counterseal import STANDARD
from counterseal.memory import memory_ports
from counterseal_asgi import AsgiApplication, Service, Settings

settings = Settings(public_url="https://a.example")
app = AsgiApplication(Service(memory_ports(), STANDARD, settings))
scope = {"type": "http", "method": "GET", "path": "/openapi.json", "headers": []}
statuses = []

async def receive():
    return {"type": "http.request"}

async def send(message):
    statuses.append(message.get("status"))

asyncio.run(app(scope, receive, send))
assert statuses == [200, None], statuses
bridges = {"flask", "werkzeug"}
print(sorted(name for name in sys.modules if name in bridges or "wsgi" in name))
"""


class Client:
    """One connection to the application: what it sends, and when it closes."""

    def __init__(self, app, method, path, *, headers=(), query=b"", body=b""):
        self.messages = []
        self.began = asyncio.Event()
        self._incoming = asyncio.Queue()
        self.receive_body(body)
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        self.task = asyncio.create_task(app(scope, self._incoming.get, self._send))

    async def _send(self, message):
        self.messages.append(message)
        self.began.set()

    def receive_body(self, body, *, more=False):
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def disconnect(self):
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def response(self):
        await asyncio.wait_for(self.task, PATIENCE)
        return self.messages[0]["status"], b"".join(one.get("body", b"") for one in self.messages)


class Slow(Client):
    """A client that has sent half of its body."""

    def receive_body(self, body, *, more=True):
        super().receive_body(body, more=more)


class Origin:
    """A service behind the face, and an origin that calls it."""

    def __init__(self, **options):
        settings = {"public_url": "https://auth.example", "look_every": timedelta(minutes=5)}
        settings |= options.pop("settings", {})
        self.world = FakeService()
        self.service = Service(self.world.ports, self.world.policy, Settings(**settings))
        self.app = AsgiApplication(self.service, **options)
        party = self.world.origin.origin.guid
        secret = self.world.credentials.issue(party, Scheme.BASIC).secret
        credential = b64encode(f"{party}:{secret}".encode()).decode()
        self.headers = [("authorization", f"Basic {credential}")]

    def call(self, method, path, query=b"", kind=Client, body=b""):
        return kind(self.app, method, path, headers=self.headers, query=query, body=body)

    def long_poll(self, guid):
        return self.call("GET", f"/request/{guid}", b"wait=30")

    async def until_waiting(self, count):
        """Return when *count* coroutines wait for the wake-up of a request."""
        while sum(map(len, self.world.ports.wake._waiting.values())) < count:  # noqa: ASYNC110 (no event for it)
            await asyncio.sleep(0)


@pytest.fixture
def origin():
    return Origin()


def run(main):
    async def within_patience():
        async with asyncio.timeout(PATIENCE):
            return await main()

    return asyncio.run(within_patience())


def test_a_slow_body_is_refused_and_holds_no_thread():
    origin = Origin(body_deadline=timedelta(milliseconds=50), limiter=CapacityLimiter(1))

    async def main():
        slow = [origin.call("POST", "/request/add", kind=Slow) for _ in range(20)]
        status, _ = await origin.call("GET", "/openapi.json").response()
        assert status == 200
        return [await client.response() for client in slow]

    for status, body in run(main):
        assert (status, json.loads(body)["code"]) == (408, "too_slow")


def test_no_more_of_a_long_body_is_received_than_is_allowed():
    origin = Origin(settings={"body_limit": 10})

    async def main():
        client = origin.call("POST", "/request/add", kind=Slow)
        client.receive_body(b"x" * 11)
        return await client.response()

    status, body = run(main)
    assert (status, json.loads(body)["code"]) == (413, "too_large")


def test_a_client_that_leaves_within_its_body_is_not_answered(origin):
    async def main():
        client = origin.call("POST", "/request/add", kind=Slow)
        client.disconnect()
        await client.task
        return client.messages

    assert run(main) == []


def test_waiting_calls_hold_no_thread_and_are_all_answered():
    origin = Origin(settings={"waiters": 200})
    phone = origin.world.bind("alice")
    challenge = origin.world.ask("alice", "Pay?").challenge

    async def main():
        await origin.call("GET", "/openapi.json").response()
        threads = threading.active_count()
        polls = [origin.long_poll(challenge.guid) for _ in range(100)]
        polls += [
            origin.call("GET", "/request/events", f"requestGuid={challenge.guid}".encode())
            for _ in range(100)
        ]
        await origin.until_waiting(1)
        for stream in polls[100:]:
            await stream.began.wait()
        assert threading.active_count() <= threads + DEFAULT_THREADS
        phone.answer(phone.fetch(challenge.guid))
        return [await poll.response() for poll in polls]

    responses = run(main)
    assert {status for status, _ in responses} == {200}
    assert all(b"ANSWERED" in body for _, body in responses)


def test_a_client_that_leaves_gives_its_slot_back():
    origin = Origin(settings={"waiters": 1})
    origin.world.bind("alice")
    guid = origin.world.ask("alice", "Pay?").challenge.guid

    async def main():
        for _ in range(3):
            poll = origin.long_poll(guid)
            await origin.until_waiting(1)
            poll.disconnect()
            await poll.task
            assert poll.messages == []
            assert not origin.world.ports.wake._waiting
        stream = origin.call("GET", "/request/events", f"requestGuid={guid}".encode())
        await origin.until_waiting(1)
        assert stream.messages[0]["status"] == 200
        stream.disconnect()
        await stream.task
        poll = origin.long_poll(guid)
        await origin.until_waiting(1)
        poll.task.cancel()
        await asyncio.wait([poll.task])
        assert not origin.world.ports.wake._waiting

    run(main)


def test_shutdown_ends_the_waits(origin):
    origin.world.bind("alice")
    guid = origin.world.ask("alice", "Pay?").challenge.guid

    async def main():
        incoming, messages = asyncio.Queue(), []

        async def send(message):
            messages.append(message["type"])

        lifespan = asyncio.create_task(origin.app({"type": "lifespan"}, incoming.get, send))
        incoming.put_nowait({"type": "lifespan.startup"})
        polls = [origin.long_poll(guid) for _ in range(2)]
        await origin.until_waiting(1)
        incoming.put_nowait({"type": "lifespan.shutdown"})
        await lifespan
        assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        return [await poll.response() for poll in polls]

    for status, body in run(main):
        assert (status, json.loads(body)["status"]) == (200, "PENDING")


def test_use_cases_run_in_threads_of_their_own():
    origin = Origin(limiter=CapacityLimiter(1))

    async def main():
        default = to_thread.current_default_thread_limiter()
        default.total_tokens = 1
        async with default:
            return await origin.call("GET", "/openapi.json").response()

    status, _ = run(main)
    assert status == 200


def test_another_scope_is_refused(origin):
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(origin.app({"type": "websocket"}, None, None))


def test_no_bridge_to_wsgi_is_loaded():
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=240
    )
    assert output.stdout == "[]\n"


class BusyOrigin(Origin):
    """An origin whose only thread runs a call that hangs until `continue_call`."""

    def __init__(self, **options):
        super().__init__(limiter=CapacityLimiter(1), **options)
        self.begun = []
        self._may_continue = threading.Event()
        self._begin = self.app._application.begin
        self.app._application.begin = self._hang

    def _hang(self, request):
        self.begun.append(request.path)
        assert self._may_continue.wait(PATIENCE)
        return self._begin(request)

    async def hanging_call(self):
        """Return a call that has the thread."""
        client = self.call("GET", "/openapi.json")
        await until(lambda: self.begun)
        return client

    def continue_call(self):
        """Let all calls come to their end."""
        self._may_continue.set()

    def waiting_for_thread(self):
        """Return how many wait for the thread."""
        return self.app._limiter.statistics().tasks_waiting


async def until(condition):
    while not condition():  # noqa: ASYNC110 (no event for it)
        await asyncio.sleep(0)


def test_a_call_too_many_for_the_queue_is_busy():
    origin = BusyOrigin(queue=2)

    async def main():
        clients = [await origin.hanging_call()]
        clients += [origin.call("GET", "/openapi.json") for _ in range(2)]
        await until(lambda: origin.waiting_for_thread() == 2)
        refused = origin.call("GET", "/openapi.json")
        status, body = await refused.response()
        assert (status, json.loads(body)["code"]) == (503, "busy")
        assert (b"retry-after", b"1") in refused.messages[0]["headers"]
        origin.continue_call()
        statuses = [(await client.response())[0] for client in clients]
        return [*statuses, (await origin.call("GET", "/openapi.json").response())[0]]

    assert run(main) == [200] * 4


def test_no_more_calls_that_come_at_once_are_queued():
    origin = BusyOrigin(queue=2)

    async def main():
        # All of them begin before the first one has the thread.
        clients = [origin.call("GET", "/openapi.json") for _ in range(10)]
        await until(lambda: sum(client.task.done() for client in clients) == 7)
        origin.continue_call()
        return sorted([(await client.response())[0] for client in clients])

    assert run(main) == [200] * 3 + [503] * 7


def test_as_many_calls_are_queued_as_may_wait():
    # When a process starts again, all that have waited come back at once.
    origin = BusyOrigin(settings={"waiters": QUEUE + 1})

    async def main():
        clients = [await origin.hanging_call()]
        clients += [origin.call("GET", "/openapi.json") for _ in range(QUEUE + 1)]
        await until(lambda: origin.waiting_for_thread() == QUEUE + 1)
        refused = (await origin.call("GET", "/openapi.json").response())[0]
        origin.continue_call()
        return refused, {(await client.response())[0] for client in clients}

    assert run(main) == (503, {200})


def test_only_so_many_of_the_queued_calls_have_a_body():
    origin = BusyOrigin(settings={"waiters": QUEUE + 3})

    async def main():
        hanging = await origin.hanging_call()
        clients = [origin.call("POST", "/openapi.json", body=b"{}") for _ in range(QUEUE + 1)]
        await until(lambda: origin.waiting_for_thread() == QUEUE + 1)
        refused = (await origin.call("POST", "/openapi.json", body=b"{}").response())[0]
        without_body = [origin.call(method, "/openapi.json") for method in ("GET", "POST")]
        await until(lambda: origin.waiting_for_thread() == QUEUE + 3)
        origin.continue_call()
        statuses = [(await client.response())[0] for client in (hanging, *without_body)]
        return refused, statuses, {(await client.response())[0] for client in clients}

    assert run(main) == (503, [200, 200, 405], {405})


def test_waiting_calls_that_load_are_not_in_the_queue():
    origin = BusyOrigin(queue=2)

    async def main():
        hanging = await origin.hanging_call()
        loads = [asyncio.create_task(run_in_thread(list, origin.app._limiter)) for _ in range(3)]
        await until(lambda: origin.waiting_for_thread() == 3)
        clients = [hanging, origin.call("GET", "/openapi.json")]
        await until(lambda: origin.waiting_for_thread() == 4 or clients[1].task.done())
        origin.continue_call()
        await asyncio.gather(*loads)
        return [(await client.response())[0] for client in clients]

    assert run(main) == [200, 200]


def test_a_call_whose_client_leaves_the_queue_is_not_made():
    origin = BusyOrigin(queue=2)

    async def main():
        hanging = await origin.hanging_call()
        clients = [origin.call("GET", "/openapi.json") for _ in range(2)]
        await until(lambda: origin.waiting_for_thread() == 2)
        for client in clients:
            client.disconnect()
            await client.task
        assert origin.waiting_for_thread() == 0
        more_clients = [origin.call("GET", "/openapi.json") for _ in range(2)]
        await until(lambda: origin.waiting_for_thread() == 2)
        origin.continue_call()
        statuses = [(await client.response())[0] for client in (hanging, *more_clients)]
        return [client.messages for client in clients], statuses

    assert run(main) == ([[], []], [200] * 3)
    assert origin.begun == ["/openapi.json"] * 3


def test_a_call_whose_client_disconnects_is_not_made_if_loads_have_the_threads():
    origin = Origin(limiter=CapacityLimiter(3))
    begun, may_continue = [], threading.Event()

    def hang(request=None):
        begun.append(request)
        assert may_continue.wait(PATIENCE)

    async def main():
        load = partial(run_in_thread, hang, origin.app._limiter)
        loads = [asyncio.create_task(load()) for _ in range(2)]
        await until(lambda: len(begun) == 2)
        origin.app._application.begin = hang
        # They come at once: the first gets the last thread, and two wait.
        clients = [origin.call("GET", "/openapi.json") for _ in range(3)]
        await until(lambda: origin.app._limiter.statistics().tasks_waiting == 2)
        for client in clients[1:]:
            client.disconnect()
        await asyncio.wait([client.task for client in clients[1:]], timeout=PATIENCE)
        waiting = origin.app._limiter.statistics().tasks_waiting
        may_continue.set()
        clients[0].task.cancel()
        await asyncio.gather(*loads, clients[0].task, return_exceptions=True)
        return waiting

    assert run(main) == 0
    assert len(begun) == 3
