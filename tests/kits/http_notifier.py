"""What every notifier does with the responses of a push service over HTTP."""

import os
import resource
import threading
from datetime import timedelta

import pytest

from counterseal.models import Occasion, PushMessage, PushOutcome, PushResult
from counterseal.models.guid import derive_guid
from counterseal_http import Guard
from counterseal_testing.contracts import NotifierContract

MESSAGE, QUESTION, ACCOUNT = (derive_guid(7, name) for name in ("message", "question", "account"))
COLLAPSE_KEY = derive_guid(0, f"push {QUESTION}")
DELIVERED, GONE, REJECTED, MISCONFIGURED, LATER = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "GONE", "REJECTED", "MISCONFIGURED", "LATER")
)

PUSHES = int(os.environ.get("PUSHES", "1000"))
WARM_UP, CONCURRENCY = 100, 4
GROWTH_KIB = 24 * 1024
"""The memory beside addresses and outcomes, for any number of them."""


def later(**after):
    return PushOutcome(result=PushResult.LATER, after=timedelta(**after))


def message(**changes):
    return PushMessage(
        **{
            "guid": MESSAGE,
            "occasion": Occasion.CHALLENGE,
            "subject": QUESTION,
            "account": ACCOUNT,
            "title": "A question for you",
            "body": "Open the app to answer.",
            "life": timedelta(seconds=119.9),
            "timeout": timedelta(minutes=4),
            **changes,
        }
    )


class HttpNotifierContract(NotifierContract):
    """
    What every notifier keeps that sends requests over HTTP.

    The author gives the fixtures `server`, a `LoopbackServer`, and `new_notifier`, a factory that
    takes a `url`, a `guard` and `concurrency`.

    Attributes:
        outcomes: Responses of the push service, each with its outcome.
        urgencies: Occasion, life, and what `urgency` returns of the message that is sent.
        guarded_urls: Addresses of a push service that `guard` refuses.
        own_connections: Beside one for each concurrent request.
    """

    shows_what_it_sends = True
    has_dead_addresses = True
    can_hang = True
    outcomes = ()
    urgencies = ()
    guard = Guard()
    guarded_urls = (
        "http://push.example/secret",
        "https://127.0.0.1/secret",
        "https://[::1]/secret",
        "https://169.254.169.254/latest/meta-data/",
        "https://push.example:22/secret",
    )
    own_connections = 0

    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server = server

    @pytest.fixture
    def new_notifier(self, new_notifier):
        return new_notifier

    @pytest.fixture
    def broken_notifier(self, new_notifier):
        def closed():
            with new_notifier() as notifier:
                return notifier

        return closed

    def hang(self, notifier):
        self.server.hanging = True

    def respond(self, response):
        """Let the push service answer so at the address that this returns."""
        raise NotImplementedError

    def urgency(self):
        """Return what the only message says of its urgency and life."""
        raise NotImplementedError

    def notifier_at(self, new_notifier, url, **options):
        """Return a notifier and an address whose push service has a URL."""
        notifier = new_notifier(url=url, **options)
        return notifier, self.address(notifier, 1)

    def push_many(self, notifier, count):
        addresses = tuple(self.address(notifier, number) for number in range(count))
        return lambda: notifier.push(addresses, message())

    def test_the_outcome_of_each_response(self, new_notifier):
        assert self.outcomes
        for response, outcome in self.outcomes:
            notifier = new_notifier()
            # The push service accepts the same texts before.
            assert notifier.push((self.address(notifier, 1),), message()) == (DELIVERED,)
            address, requests = self.respond(response), self.server.requests

            assert notifier.push((address,), message()) == (outcome,), response
            assert self.server.requests == requests + 1, response
            self.respond(None)

    def test_life_and_urgency(self, new_notifier):
        assert self.urgencies
        notifier = new_notifier()
        for occasion, life, urgency in self.urgencies:
            notifier.push((self.address(notifier, 1),), message(occasion=occasion, life=life))
            assert self.urgency() == urgency, (occasion, life)
            self.server.messages.clear()

    def test_a_refused_connection_is_later(self, new_notifier):
        notifier, address = self.notifier_at(new_notifier, "http://127.0.0.1:1/1")
        assert notifier.push((address,), message()) == (LATER,)

    def test_the_guard_checks_every_url_at_the_push(self, new_notifier, caplog):
        for url in self.guarded_urls:
            notifier, address = self.notifier_at(new_notifier, url, guard=self.guard)
            notifier.require_sendable(address)
            assert notifier.push((address,), message()) == (MISCONFIGURED,), url
        for text in ("secret", "push.example"):
            assert text not in caplog.text

    def test_a_text_that_utf_8_cannot_encode_is_sent(self, new_notifier):
        notifier = new_notifier()
        address = self.address(notifier, 1)
        assert notifier.push((address,), message(title="a\ud800")) == (DELIVERED,)

    def test_of_many_none_is_lost_and_connections_threads_and_memory_are_bounded(
        self, new_notifier
    ):
        self.server.stores_messages = False
        notifier = new_notifier(concurrency=CONCURRENCY)
        self.push_many(notifier, WARM_UP)()
        push = self.push_many(notifier, PUSHES)
        threads = threading.active_count()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        outcomes = push()

        assert set(outcomes) == {DELIVERED}
        assert self.server.delivered == WARM_UP + PUSHES
        assert self.server.most <= CONCURRENCY
        assert self.server.connections <= CONCURRENCY + self.own_connections
        assert threading.active_count() <= threads + CONCURRENCY
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
