"""
The payload for a relay: that of CX's custom communication services, with `ttl` added.

    {"notificationMetaData": [{"framework": "firebase", "ids": ["…"]}],
     "data": {"type": "request", "requestGuid": "…", "privakeyId": "…"},
     "title": "…", "body": "…", "type": "request", "priority": 1, "ttl": 119}

`priority` is 1 if a user is waiting, else 0; `ttl` is how many seconds the message is of use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from counterseal.challenges.documents.messages import push_data
from counterseal.errors import InvalidField
from counterseal.models import AddressKind, PushAddress, PushMessage

FRAMEWORKS = {
    AddressKind.FCM_TOKEN: "firebase",
    AddressKind.FCM_FID: "firebase-installation",
    AddressKind.APNS: "apns",
    AddressKind.WEBPUSH: "webpush",
}
"""The names of frameworks in a payload; a `relay` address has its own."""


def framework_and_id(address: PushAddress) -> tuple[str, str]:
    """
    Return the framework of *address*, and its id in that framework.

    A `relay` address is `framework:id`; without a colon it is an id of the framework `relay`.
    """
    if address.kind is not AddressKind.RELAY:
        return FRAMEWORKS[address.kind], address.value
    framework, colon, name = address.value.partition(":")
    return (framework, name) if colon else ("relay", address.value)


def require_complete(address: PushAddress) -> None:
    """
    Refuse a `relay` address without a framework or an id; what others mean is the relay's to know.

    Raises:
        InvalidField: *address* is one.
    """
    if not all(framework_and_id(address)):
        raise InvalidField("value", "neither an id nor framework:id")


def encode_payload(addresses: Iterable[PushAddress], message: PushMessage) -> bytes:
    """Return the body of one request: *message*, for all of *addresses*."""
    grouped: dict[str, list[str]] = {}
    for address in addresses:
        framework, name = framework_and_id(address)
        grouped.setdefault(framework, []).append(name)
    data = push_data(message)
    members: dict[str, Any] = {
        "notificationMetaData": [
            {"framework": framework, "ids": names} for framework, names in grouped.items()
        ],
        "data": data,
        "title": message.title,
        "body": message.body,
        "type": data["type"],
        "priority": 1 if message.urgent else 0,
        "ttl": int(max(timedelta(0), message.life).total_seconds()),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
