"""Receiving bodies: whole, by a deadline, some at a time, and never more than said."""

import asyncio
import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server.receiving import (
    BROKEN,
    BUSY,
    PIECES,
    RECEIVED_BYTES,
    SLOW,
    TOO_LARGE,
    Received,
    Receiving,
    announced,
)

LONG = timedelta(hours=1)
LIMIT = 1_000
GONE = {"type": "http.disconnect"}


def pieces(*bodies, more=False):
    """Return messages of a body that comes in these pieces."""
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": more or number < last}
        for number, body in enumerate(bodies)
    ]


class Client:
    """A client whose messages come one by one; then nothing comes."""

    def __init__(self, messages):
        self.remaining = list(messages)
        self.here = asyncio.Event()

    async def receive(self):
        if not self.remaining:
            self.here.set()
            await asyncio.Event().wait()
        return self.remaining.pop(0)


def request(address="192.0.2.1", **headers):
    headers = [
        (name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()
    ]
    return {"type": "http", "headers": headers, "client": (address, 1)}


def received(messages, *, slots=1, deadline=LONG, **headers):
    async def receive():
        client = Client(messages)
        return await Receiving(slots, deadline, LIMIT).received(request(**headers), client.receive)

    return asyncio.run(receive())


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=9))
def test_a_body_is_received_whole(bodies):
    content = b"".join(bodies)
    assert received(pieces(*bodies), transfer_encoding="chunked") == Received(content)
    assert received(pieces(*bodies), content_length=len(content)) == Received(content)


@pytest.mark.parametrize("headers", [{}, {"content_length": 0}])
def test_who_brings_none_needs_no_place(headers):
    # Nothing is waited for, either.
    assert received([], slots=0, **headers) == Received()


@pytest.mark.parametrize("headers", [{"content_length": LIMIT}, {"transfer_encoding": "chunked"}])
def test_a_body_of_just_the_limit_is_received(headers):
    assert received(pieces(b"x" * LIMIT), **headers) == Received(b"x" * LIMIT)
    assert received(pieces(b"x", b"x" * (LIMIT - 1)), **headers) == Received(b"x" * LIMIT)


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 70_000])
def test_a_longer_body_is_read_and_refused(size):
    one, several = pieces(b"x" * size), pieces(b"x" * LIMIT, b"x" * (size - LIMIT))
    for headers in ({"content_length": size}, {"transfer_encoding": "chunked"}):
        for messages in (one, several):
            assert received(messages, **headers) == Received(refused=TOO_LARGE)


@pytest.mark.parametrize(
    ("length", "outcome"),
    [
        ("0" * 5_000 + "1", Received(b"x")),
        ("9" * 5_000, Received(refused=TOO_LARGE)),
        ("1, 1", Received(refused=BROKEN)),
        ("x", Received(refused=BROKEN)),
    ],
)
def test_a_length_means_what_it_means_to_every_face(length, outcome):
    assert received(pieces(b"x", *[bytes(65_536)] * 4), content_length=length) == outcome


def test_no_more_is_read_than_a_server_would_wait_for():
    async def run(headers):
        client = Client(pieces(*[b"x" * 65_536] * 9))
        receiving = Receiving(1, LONG, LIMIT)
        result = await receiving.received(request(**headers), client.receive)
        assert result == Received(refused=TOO_LARGE)
        assert len(client.remaining) == 9 - RECEIVED_BYTES // 65_536

    for headers in ({"content_length": 9 * 65_536}, {"transfer_encoding": "chunked"}):
        asyncio.run(run(headers))


@pytest.mark.parametrize(
    "headers", [{"content_length": 4 * 65_536}, {"transfer_encoding": "chunked"}]
)
def test_nothing_of_a_body_that_is_too_long_stays_in_memory(headers):
    class Slow(Client):
        """A client that sends much of its body, and not the rest of it."""

        async def receive(self):
            if not self.remaining:
                return await super().receive()
            self.remaining.pop()
            return {"type": "http.request", "body": bytes(65_536), "more_body": True}

    async def run():
        clients = [Slow(range(3)) for _ in range(40)]
        receiving = Receiving(400, LONG, LIMIT)
        tasks = [
            asyncio.ensure_future(
                receiving.received(request(f"192.0.2.{number}", **headers), client.receive)
            )
            for number, client in enumerate(clients)
        ]
        for client in clients:
            await client.here.wait()
        memory, _ = tracemalloc.get_traced_memory()
        for task in tasks:
            task.cancel()
        return memory / len(clients)

    tracemalloc.start()
    try:
        assert asyncio.run(run()) < 3 * 65_536 / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("messages", "headers"),
    [
        (pieces(b"x" * 99), {"content_length": 100}),
        ([*pieces(b"x", more=True), GONE], {"content_length": 2}),
        ([*pieces(b"x", more=True), GONE], {"transfer_encoding": "chunked"}),
        ([GONE], {"transfer_encoding": "chunked"}),
    ],
)
def test_a_body_that_breaks_off_is_refused(messages, headers):
    assert received(messages, **headers) == Received(refused=BROKEN)


@pytest.mark.parametrize("headers", [{"content_length": 9}, {"transfer_encoding": "chunked"}])
@pytest.mark.parametrize("messages", [[], pieces(b"x", more=True), pieces(b"x", b"y", more=True)])
def test_a_body_that_does_not_come_in_time_is_refused(messages, headers):
    moment = timedelta(milliseconds=1)
    assert received(messages, deadline=moment, **headers) == Received(refused=SLOW)


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_a_body_in_too_many_pieces_is_refused(piece):
    async def run(count):
        client = Client(pieces(*[piece] * count))
        headers = request(transfer_encoding="chunked")
        return await Receiving(1, LONG, 2 * PIECES).received(
            headers, client.receive
        ), client.remaining

    assert asyncio.run(run(PIECES)) == (Received(piece * PIECES), [])
    result, remaining = asyncio.run(run(PIECES + 10))
    assert result == Received(refused=BROKEN)
    assert len(remaining) == 9


def test_the_deadline_is_for_the_whole_body_and_not_for_a_piece():
    async def dribble():
        while True:  # fewer pieces in that time than a body may have
            await asyncio.sleep(0.001)
            return {"type": "http.request", "body": b"", "more_body": True}

    async def receive():
        receiving = Receiving(1, timedelta(milliseconds=20), LIMIT)
        return await receiving.received(request(content_length=9), dribble)

    assert asyncio.run(receive()) == Received(refused=SLOW)


def test_a_place_is_taken_while_a_body_comes_and_no_longer():
    async def run():
        now = [0.0]
        receiving = Receiving(1, LONG, LIMIT, lambda: now[0])
        slow = Client([])
        first = asyncio.ensure_future(receiving.received(request(content_length=1), slow.receive))
        await slow.here.wait()
        assert receiving.exhaustion.used() == 1
        now[0] = 60.0
        assert receiving.exhaustion.lasts(60)
        second = Client(pieces(b"x"))
        other = request("192.0.2.2", content_length=1)
        assert await receiving.received(other, second.receive) == Received(refused=BUSY)
        assert await receiving.received(request(), second.receive) == Received()
        # Whatever ends a request gives its place back.
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not receiving.exhaustion.lasts(60)
        assert await receiving.received(other, second.receive) == Received(b"x")
        assert receiving.exhaustion.used() == 0

    asyncio.run(run())


def test_one_sender_gets_an_eighth_of_the_places():
    async def run():
        receiving = Receiving(16, LONG, LIMIT)
        for _ in range(2):
            slow = Client([])
            task = asyncio.ensure_future(
                receiving.received(request("2001:db8::1", content_length=1), slow.receive)
            )
            tasks.add(task)
            await slow.here.wait()
        neighbour = request("2001:db8::2", content_length=1)
        other = request("2001:db8:0:1::1", content_length=1)
        assert await receiving.received(neighbour, Client(pieces(b"x")).receive) == Received(
            refused=BUSY
        )
        assert await receiving.received(other, Client(pieces(b"x")).receive) == Received(b"x")

    tasks = set()
    asyncio.run(run())


def test_what_announces_a_body():
    assert announced([]) == ("", False)
    assert announced([(b"content-length", b"0")]) == ("0", False)
    assert announced([(b"content-length", b"7")]) == ("7", True)
    assert announced([(b"content-length", b"x")]) == ("x", True)
    assert announced([(b"content-length", b"5"), (b"content-length", b"6")]) == ("5, 6", True)
    assert announced([(b"transfer-encoding", b"chunked")]) == ("", True)
