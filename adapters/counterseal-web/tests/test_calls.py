"""What each call is made within ends before its reply goes out, and may take the reply back."""

from contextlib import contextmanager

import attrs
import pytest

from counterseal.errors import Indeterminate
from counterseal_web import Service, Settings

BASE = "https://service.example"
CREATED, REFUSED, UNTOLD = 201, 401, 503


class Calls:
    """Counts who is within a call, and can fail at its end."""

    def __init__(self, counters):
        self.within = 0
        self.ended = 0
        self.fails = False
        self._counters = counters

    def add(self, key, window):
        """Count as the port does, and only within a call."""
        assert self.within == 1
        return self._counters.add(key, window)

    @contextmanager
    def call(self):
        self.within += 1
        try:
            yield
        finally:
            self.within -= 1
            self.ended += 1
        if self.fails:
            raise Indeterminate


@pytest.fixture
def calls(world):
    return Calls(world.ports.counters)


@pytest.fixture
def app(kit, world, calls):
    ports = attrs.evolve(world.ports, counters=calls)
    service = Service(ports, world.policy, Settings(public_url=BASE), call=calls.call)
    return kit.served(service)


def test_a_call_is_made_within_it(shop, calls):
    assert shop.put("/account/bind", json={"accountId": "zoe"}).status_code == CREATED
    assert (calls.within, calls.ended) == (0, 1)


def test_a_refused_call_too(client, calls):
    assert client.get("/request/getRequest?requestGuid=none").status_code == REFUSED
    assert calls.ended == 1


def test_a_call_that_does_not_end_well_has_no_reply_of_its_own(shop, calls):
    calls.fails = True
    reply = shop.put("/account/bind", json={"accountId": "zoe"})
    assert reply.status_code == UNTOLD
    assert b"sessionToken" not in reply.data
