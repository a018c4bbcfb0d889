"""What the tests share: a relay on loopback."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal_http import Guard
from counterseal_relay import RelayNotifier

sys.path.insert(0, str(Path(__file__).parent))

from relay_loopback import SECRET, Relay


class Now:
    """The clock of this machine: Standard Webhooks' library knows no other."""

    def now(self):
        return datetime.now(UTC)


@pytest.fixture
def relay():
    """Return a relay that believes nothing."""
    made = Relay()
    yield made
    made.close()


@pytest.fixture
def new_notifier(relay):
    """Return a factory of notifiers."""
    made = []

    def make(url=relay.url, guard=None, secrets=(SECRET,), **more):
        guard = guard or Guard(allow_http=True, allow_private=True, ports=None)
        made.append(RelayNotifier(url, secrets, Now(), guard=guard, **more))
        return made[-1]

    yield make
    relay.over.set()
    for notifier in made:
        notifier.close()
