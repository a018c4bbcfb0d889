"""
The message, as `projects.messages:send` of FCM's HTTP v1 takes it.

It has the push message's two texts and its ids, the same for all addresses.
A message that is sent a second time takes the place of the first, on the screen as on its way.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from counterseal.models import AddressKind, PushAddress, PushMessage
from counterseal.wire.messages import push_data

TARGETS = {AddressKind.FCM_TOKEN: "token", AddressKind.FCM_FID: "fid"}
"""Which member of a message holds the address; it has exactly one of them."""

LONGEST_LIFE = timedelta(weeks=4)
"""FCM keeps nothing longer."""

PAYLOAD_LIMIT = 4_096
"""Octets of notification and data that FCM takes."""


def build_message(message: PushMessage, now: datetime) -> dict[str, Any]:
    """Return the message for *message*, without its target."""
    life = max(timedelta(0), min(message.life, LONGEST_LIFE))
    seconds = int(life.total_seconds())
    return {
        "notification": {"title": message.title, "body": message.body},
        "data": push_data(message),
        "android": {
            "priority": "HIGH" if message.urgent else "NORMAL",
            "ttl": f"{seconds}s",
            "collapse_key": message.guid,
            "notification": {"tag": message.guid},
        },
        "apns": {
            "headers": {
                "apns-priority": "10" if message.urgent else "5",
                # Rounded down; 0 would say "now or never", which a life of no seconds is.
                "apns-expiration": str(int((now + life).timestamp())) if seconds else "0",
                "apns-collapse-id": message.guid,
                "apns-push-type": "alert",
            },
            "payload": {"aps": {"sound": "default"}},
        },
    }


def fits(made: dict[str, Any]) -> bool:
    """Tell whether FCM takes a message of this size."""
    return len(_json([made["notification"], made["data"]])) <= PAYLOAD_LIMIT


def body(made: dict[str, Any], address: PushAddress) -> bytes:
    """Return the request's body: the message, to *address*."""
    return _json({"message": {TARGETS[address.kind]: address.value, **made}})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
