"""
Callbacks: what the service POSTs to an origin's address. Anybody else may POST there too.

Standard Webhooks 1.0, over id, timestamp and body: `v1` is HMAC-SHA256 under a shared secret,
`whsec_…`, and `v1a` Ed25519, for which the receiver has the public key, `whpk_…`.
A callback arrives at least once: store `Callback.id`, and ignore a repeated one.
A valid signature proves who sent the callback, not an approval: go on with `require_approved`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import attrs

from counterseal import Refused, read_json
from counterseal.challenges.documents.messages import ProcessedRequest, read_processed
from counterseal.errors import UnfitKey
from counterseal.events.documents import DescribedEvent
from counterseal.models import PublicKey
from counterseal.outbox.documents import (
    PUBLIC_PREFIX,
    TOLERANCE,
    VerifiedWebhook,
    read_public_text,
    read_secret_text,
    verify_webhook,
)
from counterseal.wire.members import read_record
from counterseal_client.errors import CallbackRefused, Unfit

BODY_LIMIT = 2_097_152
"""Octets: enough for the longest receipt and everything else."""


@attrs.frozen(kw_only=True)
class Callback:
    """
    A callback whose signature is valid.

    Attributes:
        id: The same at every attempt; store it, and ignore a repeated one.
        sent_at: The time of this attempt.
        request: The request, as the service says it is.
    """

    id: str
    sent_at: datetime
    request: ProcessedRequest


def verify_callback(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    secrets: str | Iterable[str],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Callback:
    """
    Return the callback in *headers* and *body*, or raise.

    Args:
        headers: The request's; the case of their names does not matter.
        body: The bytes as received, before a framework parses them.
        secrets: A `whsec_…` or `whpk_…`, or several during a change; each is tried with the
            signatures of its own kind.
        now: The time, with a time zone.
        tolerance: How far the callback's time may be from *now*, in both directions.

    Raises:
        CallbackRefused: A header is missing, repeated or malformed, no signature is valid, the
            time is too far from *now*, or *body* is not a processed request.
        Unfit: *secrets* is empty or has a malformed one, or *now* has no time zone.
    """
    webhook, document = _verify(headers, body, secrets, now=now, tolerance=tolerance)
    try:
        request = read_processed(document)
    except Refused:
        raise CallbackRefused("the body is no processed request") from None
    return Callback(id=webhook.id, sent_at=webhook.sent_at, request=request)


def verify_event(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    secrets: str | Iterable[str],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> DescribedEvent:
    """
    Return the event in *headers* and *body*, or raise.

    Its `guid` is the `webhook-id`, and the same in `Client.events`: store it, and ignore a
    repeated one.

    Args:
        headers, body, secrets, now, tolerance: As of `verify_callback`.

    Raises:
        CallbackRefused: As of `verify_callback`, or *body* is not an event.
        Unfit: As of `verify_callback`.
    """
    webhook, document = _verify(headers, body, secrets, now=now, tolerance=tolerance)
    try:
        event = read_record(DescribedEvent, document)
    except Refused:
        raise CallbackRefused("the body is no event") from None
    if webhook.id != event.guid:
        raise CallbackRefused("the body is of another event")
    return event


def _verify(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    secrets: str | Iterable[str],
    *,
    now: datetime,
    tolerance: timedelta,
) -> tuple[VerifiedWebhook, object]:
    keys = tuple(_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets))
    if not keys:
        raise Unfit("no callback secret, and no public key")
    if now.tzinfo is None:
        raise Unfit("a time without a time zone")
    if len(body) > BODY_LIMIT:
        raise CallbackRefused("too large")
    try:
        webhook = verify_webhook(headers, body, keys, now=now, tolerance=tolerance)
    except Refused as refusal:
        raise CallbackRefused(str(refusal)) from None
    try:
        return webhook, read_json(body)
    except Refused:
        raise CallbackRefused("the body is no JSON") from None


def _key(secret: str) -> bytes | PublicKey:
    if secret.startswith(PUBLIC_PREFIX):
        try:
            return read_public_text(secret)
        except UnfitKey:
            raise Unfit("not a public callback key: whpk_ and base64 of 32 bytes") from None
    try:
        return read_secret_text(secret)
    except UnfitKey:
        raise Unfit("not a callback secret: whsec_ and base64 of 24 to 64 bytes") from None
