"""A fake push service on loopback, and notifiers that may call it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.memory import SystemEntropy
from counterseal_http import Guard
from counterseal_webpush import Vapid, WebPushNotifier

sys.path.insert(0, str(Path(__file__).parent))

from push_loopback import PushService

VAPID_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
NOW = datetime(2040, 1, 1, 12, tzinfo=UTC)


class FixedClock:
    """A clock that does not move."""

    def now(self):
        return NOW


@pytest.fixture
def server():
    """Return a fake push service."""
    server = PushService()
    yield server
    server.close()


@pytest.fixture
def vapid():
    """Return the sender's VAPID."""
    return Vapid(VAPID_KEY, "mailto:operator@push.example")


@pytest.fixture
def new_notifier(vapid, server):
    """Return a factory of notifiers."""
    notifiers = []

    def make(guard=None, clock=None, **more):
        guard = guard or Guard(allow_http=True, allow_private=True, ports=None)
        notifiers.append(
            WebPushNotifier(vapid, clock or FixedClock(), SystemEntropy(), guard=guard, **more)
        )
        return notifiers[-1]

    yield make
    server.released.set()
    for notifier in notifiers:
        notifier.close()
