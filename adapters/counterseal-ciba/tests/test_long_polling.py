"""Long polling: a token request waits, if its client prefers that, until the person answers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from ciba_world import World

from counterseal.memory import MemoryWake
from counterseal.models import OPERATOR, DeliveryMode
from counterseal_ciba.application import read_preferred_wait

LIMIT = timedelta(seconds=30)
SOON = 240
"""Seconds after which a test gives up on a thread."""


class ScriptedWake:
    """
    A fake of `Wake` in which time passes while somebody waits, and then something happens.

    Attributes:
        world: Whose clock is moved.
        effects: What happens in the waits to come, in order.
        seconds: How long all have waited.
    """

    def __init__(self):
        self.world, self.effects, self.seconds = None, [], 0.0

    def notify(self, guid):
        pass

    def wait(self, guid, timeout):
        self.seconds += timeout.total_seconds()
        self.world.core.clock.advance(timeout)
        if self.effects:
            self.effects.pop(0)()

    def monotonic(self):
        return self.seconds


@pytest.fixture
def wake():
    return ScriptedWake()


@pytest.fixture
def world(wake):
    wake.world = World(monotonic=wake.monotonic, wake=wake)
    return wake.world


def prefer(client, text="wait=20"):
    return client.basic | {"prefer": text}


def answer(world, button=0):
    (challenge,) = world.phone.pending()
    world.phone.answer(world.phone.fetch(challenge.guid), button)


def nothing():
    pass


def test_it_returns_the_tokens_when_the_person_approves(world, wake, client):
    begun = client.begun()
    wake.effects = [nothing, lambda: answer(world)]

    tokens = client.poll(begun, headers=prefer(client))

    assert (tokens.status, tokens.body["token_type"]) == (200, "Bearer")
    assert tokens.headers["Cache-Control"] == "no-store"
    assert wake.seconds == 2
    assert client.poll(begun).error == "invalid_grant"


def test_a_client_that_is_revoked_while_it_waits_gets_no_tokens(world, wake, client):
    begun = client.begun()

    def revoke_and_answer():
        world.core.credentials.revoke(client.guid)
        answer(world)

    wake.effects = [revoke_and_answer]

    tokens = client.poll(begun, headers=prefer(client))

    assert (tokens.status, tokens.error) == (401, "invalid_client")


def test_it_returns_the_refusal_when_the_person_declines(world, wake, client):
    begun = client.begun()
    wake.effects = [lambda: answer(world, 1)]

    assert client.poll(begun, headers=prefer(client)).error == "access_denied"


def test_whoever_has_waited_may_poll_again_at_once(world, wake, client):
    begun = client.begun()

    answers = [client.poll(begun, headers=prefer(client, "wait=5")) for _ in range(3)]

    assert {(one.status, one.error) for one in answers} == {(400, "authorization_pending")}
    assert wake.seconds == 15


def test_it_waits_at_most_as_long_as_the_service_allows(world, wake, client):
    begun = client.begun()

    assert client.poll(begun, headers=prefer(client, "wait=9999")).error == "authorization_pending"

    assert wake.seconds == 30


def test_it_ends_with_the_request(world, wake, client):
    begun = client.begun(requested_expiry="10")

    assert client.poll(begun, headers=prefer(client)).error == "expired_token"

    assert wake.seconds == 10


def test_without_a_preference_nobody_waits(world, wake, client):
    begun = client.begun()

    assert client.poll(begun).error == "authorization_pending"

    assert wake.seconds == 0


def test_a_client_that_polls_too_early_does_not_wait(world, wake, client):
    begun = client.begun()
    client.poll(begun)

    assert client.poll(begun, headers=prefer(client)).error == "slow_down"

    assert wake.seconds == 0


def test_a_wait_shorter_than_the_interval_is_none(world, wake, client):
    """It would end before the client may come again."""
    begun = client.begun()
    assert client.poll(begun, headers=prefer(client, "wait=4")).error == "authorization_pending"
    assert client.poll(begun).error == "slow_down"
    world.core.clock.advance(timedelta(seconds=10))

    assert client.poll(begun, headers=prefer(client, "wait=9")).error == "authorization_pending"

    assert wake.seconds == 0


def test_it_stores_only_that_it_came(world, wake, client):
    begun = client.begun()
    (before,) = world.phone.pending()

    client.poll(begun, headers=prefer(client))

    (after,) = world.phone.pending()
    assert after.version == before.version + 1


def test_two_that_wait_get_the_tokens_once(world, wake, client):
    begun = client.begun()
    inner = []

    def redeem_meanwhile():
        answer(world)
        inner.append(client.poll(begun))

    wake.effects = [redeem_meanwhile]

    outer = client.poll(begun, headers=prefer(client))

    assert (inner[0].status, outer.error) == (200, "invalid_grant")


def test_a_user_who_is_erased_ends_the_wait(world, wake, client):
    begun = client.begun()
    (challenge,) = world.phone.pending()
    wake.effects = [lambda: world.core.accounts.erase(challenge.account, by=OPERATOR)]

    assert client.poll(begun, headers=prefer(client)).error == "invalid_grant"


def test_where_too_many_wait_it_is_answered_at_once(wake):
    wake.world = World(monotonic=wake.monotonic, wake=wake, waiters=0)
    client = wake.world.client()
    begun = client.begun()

    assert client.poll(begun, headers=prefer(client)).error == "authorization_pending"

    assert wake.seconds == 0


def test_a_client_that_is_pinged_may_wait_too(world, wake):
    client = world.client(mode=DeliveryMode.PING)
    begun = client.begun(client_notification_token="a-token")
    wake.effects = [lambda: answer(world)]

    assert client.poll(begun, headers=prefer(client)).status == 200


class SignallingWake(MemoryWake):
    """A wake that says when somebody waits."""

    def __init__(self):
        super().__init__()
        self.waiting = threading.Event()

    def wait(self, guid, timeout):
        self.waiting.set()
        super().wait(guid, timeout)


def test_an_answer_ends_the_wait_of_another_thread():
    wake = SignallingWake()
    world = World(wake=wake)
    client = world.client()
    begun = client.begun()
    with ThreadPoolExecutor() as threads:
        poll = threads.submit(client.poll, begun, headers=prefer(client))
        assert wake.waiting.wait(SOON)

        answer(world)

        assert poll.result(SOON).status == 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("wait=10", 10),
        ('respond-async, Wait = "10"', 10),
        ("wait=10;x=y, wait=20", 10),
        ("wait=99999999999999999999", 30),
        ("wait=30", 30),
        ("wait", 0),
        ("wait=", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=\u0661", 0),
        ("awaits=10", 0),
        ("", 0),
    ],
)
def test_a_preference_is_read_as_rfc_7240_says(text, seconds):
    assert read_preferred_wait(text, LIMIT) == timedelta(seconds=seconds)
