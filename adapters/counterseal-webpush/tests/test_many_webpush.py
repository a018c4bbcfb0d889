"""`nox -s "heavy(pushes)"`: none is lost; connections, threads and memory are bounded."""

import os
import resource
import threading
from datetime import timedelta

from push_loopback import Browser

from counterseal.models import AddressKind, Occasion, PushAddress, PushMessage, PushResult
from counterseal.models.guid import derive_guid

PUSHES = int(os.environ.get("PUSHES", "1000"))
CONCURRENCY = 8
BROWSER = Browser("")
GROWTH_KIB = 24 * 1024
"""The memory beside addresses and outcomes, for any number of them."""


def test_very_many_addresses(service, new_notifier):
    service.stores_messages = False
    notifier = new_notifier(concurrency=CONCURRENCY)
    message = PushMessage(
        guid=derive_guid(7, "message"),
        occasion=Occasion.CHALLENGE,
        subject=derive_guid(7, "question"),
        account=derive_guid(7, "account"),
        title="A question for you",
        body="Open the app to answer.",
        life=timedelta(minutes=2),
        timeout=timedelta(seconds=200),
    )
    addresses = tuple(
        PushAddress(
            kind=AddressKind.WEBPUSH,
            value=BROWSER.subscription(endpoint=f"{service.url}/push/{number}"),
        )
        for number in range(PUSHES)
    )
    notifier.push(addresses[:100], message)
    threads = threading.active_count()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    outcomes = notifier.push(addresses, message)

    assert {outcome.result for outcome in outcomes} == {PushResult.DELIVERED}
    assert service.delivered == PUSHES + 100
    assert service.most <= CONCURRENCY
    assert service.connections <= CONCURRENCY + 1
    assert threading.active_count() <= threads + CONCURRENCY
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB
