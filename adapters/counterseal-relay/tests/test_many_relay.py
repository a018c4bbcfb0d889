"""Very many pushes: bounded connections, threads and memory, and none lost; `nox -s pushes`."""

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from counterseal.models import AddressKind, Occasion, PushAddress, PushMessage, PushResult
from counterseal.models.guid import derive_guid

PUSHES = int(os.environ.get("PUSHES", "1000"))
AT_ONCE, WORKERS = 8, 16
GROWTH_KIB = 24 * 1024
"""What is asked for in memory beside the outcomes, whatever their number."""

ADDRESS = PushAddress(kind=AddressKind.RELAY, value="pigeon:1")


def test_very_many_bells(relay, new_notifier):
    relay.keeping = False
    notifier = new_notifier(at_once=AT_ONCE)

    def push(number):
        message = PushMessage(
            guid=derive_guid(7, f"bell-{number}"),
            occasion=Occasion.CHALLENGE,
            subject=derive_guid(7, "question"),
            account=derive_guid(7, "account"),
            title="A question for you",
            body="Open the app to answer.",
            life=timedelta(minutes=2),
            timeout=timedelta(seconds=20),
        )
        return notifier.push((ADDRESS,), message)[0].result

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(push, range(100)))
        threads = threading.active_count()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        assert set(pool.map(push, range(PUSHES))) == {PushResult.DELIVERED}

        assert threading.active_count() <= threads + AT_ONCE
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
    assert relay.delivered == PUSHES + 100
    assert relay.connections <= AT_ONCE
