"""
The message for `projects.messages:send` of FCM's HTTP v1 API.

It has the two texts and the ids of the push message, the same for all addresses.
A message replaces an earlier one with the same collapse key, on the device and at FCM: the same
message sent again, or the one that tells that a request has ended.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from counterseal.challenges.documents.messages import push_data
from counterseal.models import AddressKind, PushAddress, PushMessage

TARGETS = {AddressKind.FCM_TOKEN: "token", AddressKind.FCM_FID: "fid"}
"""The member of a message that has the address; there is exactly one of them."""

MAX_LIFE = timedelta(weeks=4)
"""FCM stores messages no longer."""

PAYLOAD_LIMIT = 4_096
"""Octets of notification and data that FCM accepts."""


def build_message(message: PushMessage, now: datetime) -> dict[str, Any]:
    """Return FCM's message for *message*, without its target."""
    life = max(timedelta(0), min(message.life, MAX_LIFE))
    seconds = int(life.total_seconds())
    return {
        "notification": {"title": message.title, "body": message.body},
        "data": push_data(message),
        "android": {
            "priority": "HIGH" if message.urgent else "NORMAL",
            "ttl": f"{seconds}s",
            "collapse_key": message.collapse_key,
            "notification": {"tag": message.collapse_key},
        },
        "apns": {
            "headers": {
                "apns-priority": "10" if message.urgent else "5",
                # Rounded down; 0 means "deliver at once or never", which is for a life of 0.
                "apns-expiration": str(int((now + life).timestamp())) if seconds else "0",
                "apns-collapse-id": message.collapse_key,
                "apns-push-type": "alert",
            },
            "payload": {"aps": {"sound": "default"}},
        },
    }


def fits(fcm_message: dict[str, Any]) -> bool:
    """Tell whether FCM accepts a message of this size."""
    return len(_json([fcm_message["notification"], fcm_message["data"]])) <= PAYLOAD_LIMIT


def encode_message(fcm_message: dict[str, Any], address: PushAddress) -> bytes:
    """Return the body of the request that sends the message to *address*."""
    return _json({"message": {TARGETS[address.kind]: address.value, **fcm_message}})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
