"""`nox -s "heavy(pushes)"`: none is lost; connections, threads and memory are bounded."""

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from counterseal.models import AddressKind, Occasion, PushAddress, PushMessage, PushResult
from counterseal.models.guid import derive_guid

PUSHES = int(os.environ.get("PUSHES", "1000"))
CONCURRENCY, WORKERS = 8, 16
GROWTH_KIB = 24 * 1024
"""The memory beside the outcomes, for any number of them."""

ADDRESS = PushAddress(kind=AddressKind.RELAY, value="pigeon:1")


def test_very_many_messages(relay, new_notifier):
    relay.stores_pushes = False
    notifier = new_notifier(concurrency=CONCURRENCY)

    def push(number):
        message = PushMessage(
            guid=derive_guid(7, f"message-{number}"),
            occasion=Occasion.CHALLENGE,
            subject=derive_guid(7, "question"),
            account=derive_guid(7, "account"),
            title="A question for you",
            body="Open the app to answer.",
            life=timedelta(minutes=2),
            timeout=timedelta(seconds=200),
        )
        return notifier.push((ADDRESS,), message)[0].result

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(push, range(100)))
        threads = threading.active_count()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        assert set(pool.map(push, range(PUSHES))) == {PushResult.DELIVERED}

        assert threading.active_count() <= threads + CONCURRENCY
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
    assert relay.delivered == PUSHES + 100
    assert relay.connections <= CONCURRENCY
