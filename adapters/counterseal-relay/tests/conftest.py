"""A fake relay on loopback, and notifiers for it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal_http import Guard
from counterseal_relay import RelayNotifier

sys.path.insert(0, str(Path(__file__).parent))

from relay_loopback import SECRET, Relay


class MachineClock:
    """The machine's clock, which the library of Standard Webhooks uses."""

    def now(self):
        return datetime.now(UTC)


@pytest.fixture
def server():
    """Return a fake relay."""
    server = Relay()
    yield server
    server.close()


@pytest.fixture
def new_notifier(server):
    """Return a factory of notifiers."""
    notifiers = []

    def make(url=server.url, guard=None, secrets=(SECRET,), **more):
        guard = guard or Guard(allow_http=True, allow_private=True, ports=None)
        notifiers.append(RelayNotifier(url, secrets, MachineClock(), guard=guard, **more))
        return notifiers[-1]

    yield make
    server.released.set()
    for notifier in notifiers:
        notifier.close()
