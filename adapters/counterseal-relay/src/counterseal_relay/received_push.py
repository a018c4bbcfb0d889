"""The relay's side: verify and read the push messages that a RelayNotifier sends."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from counterseal.models import Guid
from counterseal.wire.webhook import webhook_headers

TOLERANCE = timedelta(minutes=5)
"""The default of the libraries of Standard Webhooks."""

BODY_LIMIT = 1_048_576
"""Octets; enough for some 500 addresses of the maximum length."""

SIGNATURES_LIMIT = 16
"""Signatures of one header that are compared."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,9}")
_SIGNATURE = "webhook-signature"


class PushRefused(Exception):
    """No signature verifies, the time is too far from now, or the body is not a push message."""


@attrs.frozen(kw_only=True)
class ReceivedPush:
    """
    A push message whose signature verifies.

    Attributes:
        guid: Its id, the same at every attempt.
        targets: The addresses, each as framework and id.
        data: The members for the app.
        urgent: Whether a user is waiting.
        life: How long the message is of use.
    """

    guid: str
    targets: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    title: str = attrs.field(repr=False)
    body: str = attrs.field(repr=False)
    data: dict[str, str]
    urgent: bool
    life: timedelta


def read_push(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes], *, now: datetime
) -> ReceivedPush:
    """
    Verify and read a push message.

    Args:
        headers: The headers of the request, in any case.
        body: The body of the request, unchanged.
        secrets: The signature has to be by one of them.
        now: The time, with a time zone.

    Raises:
        PushRefused: It does not verify, or it is not a push message.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    guid, timestamp = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if len(body) > BODY_LIMIT:
        raise PushRefused("too large")
    if not _ID.fullmatch(guid) or not _TIMESTAMP.fullmatch(timestamp):
        raise PushRefused("a malformed header")
    at = datetime.fromtimestamp(int(timestamp), UTC)
    expected = dict(webhook_headers(secrets, message=Guid(guid), at=at, body=body)).get(
        _SIGNATURE, ""
    )
    received = lower.get(_SIGNATURE, "").split(" ")[:SIGNATURES_LIMIT]
    # All are compared, each in constant time.
    matches = [
        hmac.compare_digest(signature.encode(), other.encode())
        for signature in expected.split(" ")
        for other in received
        if signature
    ]
    if not any(matches):
        raise PushRefused("no signature verifies")
    if abs(now - at) > TOLERANCE:
        raise PushRefused("the time is too far from now")
    return _read_body(guid, body)


def _read_body(guid: str, body: bytes) -> ReceivedPush:
    try:
        members: Any = json.loads(body)
        return ReceivedPush(
            guid=guid,
            targets=tuple(
                (str(group["framework"]), str(name))
                for group in members["notificationMetaData"]
                for name in group["ids"]
            ),
            title=str(members["title"]),
            body=str(members["body"]),
            data={str(name): str(value) for name, value in members["data"].items()},
            urgent=members["priority"] == 1,
            life=timedelta(seconds=int(members.get("ttl", 0))),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise PushRefused("not a push message") from None
