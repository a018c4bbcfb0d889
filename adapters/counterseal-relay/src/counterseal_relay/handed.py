"""The relay's side: what a service that says it is ours hands on, and whether it is."""

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
"""What the libraries of Standard Webhooks allow."""

BODY_LIMIT = 1_048_576
"""Octets; some 500 addresses of the greatest length fit."""

SIGNATURES_LIMIT = 16
"""Signatures in one header that are looked at."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,9}")
_SIGNED = "webhook-signature"


class NotHanded(Exception):
    """Nothing of ours: no signature holds, it is too old or too new, or not of this form."""


@attrs.frozen(kw_only=True)
class Handed:
    """
    A push whose signature holds.

    Attributes:
        guid: The same at every attempt.
        targets: Framework and id, each.
        data: What the app gets.
        urgent: Whether somebody waits.
        life: After which nobody does.
    """

    guid: str
    targets: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    title: str = attrs.field(repr=False)
    body: str = attrs.field(repr=False)
    data: dict[str, str]
    urgent: bool
    life: timedelta


def read_handed(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes], *, now: datetime
) -> Handed:
    """
    Return the push that *headers* and *body* are, or raise.

    Args:
        headers: The request's, in whatever case.
        body: As it came, before anybody parsed it.
        secrets: Any of them will do.
        now: The time, aware.

    Raises:
        NotHanded: It is none of ours.
    """
    given = {name.lower(): value for name, value in headers.items()}
    guid, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if len(body) > BODY_LIMIT:
        raise NotHanded("too large")
    if not _ID.fullmatch(guid) or not _TIMESTAMP.fullmatch(timestamp):
        raise NotHanded("a malformed header")
    at = datetime.fromtimestamp(int(timestamp), UTC)
    ours = dict(webhook_headers(secrets, message=Guid(guid), at=at, body=body)).get(_SIGNED, "")
    theirs = given.get(_SIGNED, "").split(" ")[:SIGNATURES_LIMIT]
    # All are compared, each in constant time.
    held = [
        hmac.compare_digest(one.encode(), other.encode())
        for one in ours.split(" ")
        for other in theirs
        if one
    ]
    if not any(held):
        raise NotHanded("no signature holds")
    if abs(now - at) > TOLERANCE:
        raise NotHanded("too old, or too new")
    return _read(guid, body)


def _read(guid: str, body: bytes) -> Handed:
    try:
        members: Any = json.loads(body)
        return Handed(
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
        raise NotHanded("not a push") from None
