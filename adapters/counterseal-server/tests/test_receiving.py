"""Receiving bodies: whole, by a deadline, some at a time, and never more than said."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server.receiving import (
    BROKEN,
    BUSY,
    RECEIVED_BYTES,
    SLOW,
    Received,
    Receiving,
    announced,
)

LONG = timedelta(hours=1)
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
        self.left = list(messages)
        self.here = asyncio.Event()

    async def receive(self):
        if not self.left:
            self.here.set()
            await asyncio.Event().wait()
        return self.left.pop(0)


def request(address="192.0.2.1", **said):
    headers = [
        (name.replace("_", "-").encode(), str(value).encode()) for name, value in said.items()
    ]
    return {"type": "http", "headers": headers, "client": (address, 1)}


def received(messages, *, places=1, deadline=LONG, **said):
    async def receive():
        client = Client(messages)
        return await Receiving(places, deadline).received(request(**said), client.receive)

    return asyncio.run(receive())


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=9))
def test_a_body_is_received_whole(bodies):
    whole = b"".join(bodies)
    assert received(pieces(*bodies), transfer_encoding="chunked") == Received(whole)
    assert received(pieces(*bodies), content_length=len(whole)) == Received(whole)


@pytest.mark.parametrize("said", [{}, {"content_length": 0}])
def test_who_brings_none_needs_no_place(said):
    # Nothing is waited for, either.
    assert received([], places=0, **said) == Received()


def test_no_more_is_received_than_a_server_would_wait_for():
    many = pieces(*[b"x" * 65_536] * 9)
    for said in ({"content_length": 9 * 65_536}, {"transfer_encoding": "chunked"}):
        assert received(many, **said) == Received(b"x" * RECEIVED_BYTES)
    assert received(pieces(b"x" * (RECEIVED_BYTES + 1)), transfer_encoding="chunked") == Received(
        b"x" * RECEIVED_BYTES
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (pieces(b"x" * 99), {"content_length": 100}),
        ([*pieces(b"x", more=True), GONE], {"content_length": 2}),
        ([*pieces(b"x", more=True), GONE], {"transfer_encoding": "chunked"}),
        ([GONE], {"transfer_encoding": "chunked"}),
    ],
)
def test_a_body_that_breaks_off_is_refused(messages, said):
    assert received(messages, **said) == Received(refused=BROKEN)


@pytest.mark.parametrize("said", [{"content_length": 9}, {"transfer_encoding": "chunked"}])
@pytest.mark.parametrize("messages", [[], pieces(b"x", more=True), pieces(b"x", b"y", more=True)])
def test_a_body_that_does_not_come_in_time_is_refused(messages, said):
    moment = timedelta(milliseconds=1)
    assert received(messages, deadline=moment, **said) == Received(refused=SLOW)


def test_the_deadline_is_for_the_whole_body_and_not_for_a_piece():
    async def dribble():
        while True:  # a piece each time the loop comes round
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": True}

    async def receive():
        receiving = Receiving(1, timedelta(milliseconds=20))
        return await receiving.received(request(content_length=9), dribble)

    assert asyncio.run(receive()) == Received(refused=SLOW)


def test_a_place_is_taken_while_a_body_comes_and_no_longer():
    async def run():
        now = [0.0]
        receiving = Receiving(1, LONG, lambda: now[0])
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
        receiving = Receiving(16, LONG)
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
    assert announced([]) == (None, False)
    assert announced([(b"content-length", b"0")]) == (0, False)
    assert announced([(b"content-length", b"7")]) == (7, True)
    assert announced([(b"transfer-encoding", b"chunked")]) == (None, True)
