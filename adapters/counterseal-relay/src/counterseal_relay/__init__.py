"""A relay: a Notifier that sends push messages to your own service, and that service's verifier."""

from __future__ import annotations

from counterseal_relay.notifier import RelayNotifier
from counterseal_relay.payload import FRAMEWORKS
from counterseal_relay.received_push import (
    PushRefused,
    ReceivedPush,
    read_push,
    read_secret,
    read_secrets,
)

__all__ = [
    "FRAMEWORKS",
    "PushRefused",
    "ReceivedPush",
    "RelayNotifier",
    "read_push",
    "read_secret",
    "read_secrets",
]
