"""What the tests share: a push service on loopback, and notifiers that may reach it."""

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


class Still:
    """A clock that stands still."""

    def now(self):
        return NOW


@pytest.fixture
def service():
    """Return a push service."""
    made = PushService()
    yield made
    made.close()


@pytest.fixture
def vapid():
    """Return who pushes."""
    return Vapid(VAPID_KEY, "mailto:operator@push.example")


@pytest.fixture
def new_notifier(vapid, service):
    """Return a factory of notifiers."""
    made = []

    def make(guard=None, clock=None, **more):
        guard = guard or Guard(allow_http=True, allow_private=True, ports=None)
        made.append(WebPushNotifier(vapid, clock or Still(), SystemEntropy(), guard=guard, **more))
        return made[-1]

    yield make
    service.over.set()
    for notifier in made:
        notifier.close()
