"""Very many pushes: bounded connections, threads and memory, and none lost; `nox -s pushes`."""

import os
import resource
import threading
from datetime import timedelta

from counterseal.models import AddressKind, Occasion, PushAddress, PushMessage, PushResult
from counterseal.models.guid import derive_guid

PUSHES = int(os.environ.get("PUSHES", "1000"))
AT_ONCE = 8
GROWTH_KIB = 24 * 1024
"""What is asked for in memory beside the addresses and outcomes, whatever their number."""


def test_very_many_addresses(firebase, new_notifier):
    firebase.keeping = False
    notifier = new_notifier(at_once=AT_ONCE)
    message = PushMessage(
        guid=derive_guid(7, "bell"),
        occasion=Occasion.CHALLENGE,
        subject=derive_guid(7, "question"),
        account=derive_guid(7, "account"),
        title="A question for you",
        body="Open the app to answer.",
        life=timedelta(minutes=2),
        timeout=timedelta(seconds=200),
    )
    addresses = tuple(
        PushAddress(kind=AddressKind.FCM_TOKEN, value=f"t-{number}") for number in range(PUSHES)
    )
    notifier.push(addresses[:100], message)
    threads = threading.active_count()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    outcomes = notifier.push(addresses, message)

    assert {outcome.result for outcome in outcomes} == {PushResult.DELIVERED}
    assert firebase.delivered == PUSHES + 100
    assert firebase.most <= AT_ONCE
    assert firebase.connections <= AT_ONCE + 1
    assert threading.active_count() <= threads + AT_ONCE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
