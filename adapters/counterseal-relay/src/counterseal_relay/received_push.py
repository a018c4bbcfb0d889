"""The relay's side: its secrets, and the push messages that a RelayNotifier sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal.errors import InvalidField, Refused, UnfitKey
from counterseal.outbox.documents import read_secret_text, verify_webhook

BODY_LIMIT = 1_048_576
"""Octets; enough for some 500 addresses of the maximum length."""


class PushRefused(Exception):
    """No signature is valid, the time is too far from now, or the body is not a push message."""


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


def read_secret(text: str) -> bytes:
    """
    Parse a secret: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        InvalidField: *text* is not a secret.
    """
    try:
        return read_secret_text(text)
    except UnfitKey as error:
        raise InvalidField("secret", str(error)) from None


def read_secrets(text: str) -> tuple[bytes, ...]:
    """
    Parse one secret, or two, separated by white space, while they change.

    Raises:
        InvalidField: *text* has no secret, or a malformed one.
    """
    secrets = tuple(read_secret(each) for each in text.split())
    if not secrets:
        raise InvalidField("secret", "missing")
    return secrets


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
    if len(body) > BODY_LIMIT:
        raise PushRefused("too large")
    try:
        webhook = verify_webhook(headers, body, secrets, now=now)
    except Refused as refusal:
        raise PushRefused(str(refusal)) from None
    return _read_body(webhook.id, body)


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
