"""
Documents of the audit log: signed heads, events, and the lines of an archive.

A signed head is a compact JWS of type `counterseal-audit-head+jwt` by one of the service's keys:

| claim | value |
|---|---|
| `version` | 1 |
| `at` | when it was signed, RFC 3339 |
| `heads` | of each partition that has events, `[partition, position, hash, base]`, in order |
| `number` | its number, from 1 on; older releases do not sign it |
| `renewedAt` | when somebody last renewed the heads, RFC 3339; left out if nobody has |

`hash` is that of the event at `position`, base64url; up to `base`, events may have been archived
and dropped. `counterseal.audit.rules` says what is hashed.

A log outside of the store keeps a head by its number and digest, in a line of this form:

    audit head 17, sha-256 Xkhh2rD1Q2FCuFlwyKlFYxTFz6Mm2OuCPmIMEd2FPYw

The digest is SHA-256 over the compact JWS of the signed head, base64url.

A line of an archive is a JSON object of four members, in this order and without spaces:
`partition`, `position`, `hash`, and `event`, the event's bytes as they are stored and hashed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal.errors import InvalidField, IssuerUntrusted, MalformedToken
from counterseal.models import PublicKey
from counterseal.models.audit_log import (
    AuditEvent,
    ChainedEvent,
    ChainHead,
    RememberedHead,
    SignedHead,
)
from counterseal.models.guid import PARTITIONS
from counterseal.wire.members import VERSION, demand, format_time, parse_time

HEAD_TYP = "counterseal-audit-head+jwt"
HEAD_LIMIT = 65_536
"""Characters; 256 heads take 20,000."""

NUMBER_LIMIT = 2**53 - 1
"""The greatest number of a signed head: each JSON parser reads it exactly."""

_CLAIMS: dict[str, type] = {"version": int, "at": str, "heads": list}
_OPTIONAL_CLAIMS: dict[str, type] = {"number": int, "renewedAt": str}
_HEAD = (int, int, str, int)
_HASH_BYTES = 32

HEAD_LINE_BEGINNING = "audit head "
"""What tells the line of a head from the name of a file."""
HEAD_LINE_LIMIT = 4_096
"""Characters of a line of a log, which has more than the head."""

_HEAD_LINE = re.compile(
    rf"\b{HEAD_LINE_BEGINNING}([1-9][0-9]{{0,17}}), sha-256 ([A-Za-z0-9_-]{{43}})(?![A-Za-z0-9_-])"
)

LINE_BEGINNING = b'{"partition":'
"""What each line of an archive begins with."""

_LINE = re.compile(
    rb'\{"partition":(\d{1,3}),"position":(\d{1,19}),"hash":"([A-Za-z0-9_-]{43})","event":(.+)\}'
)


@attrs.frozen(kw_only=True)
class AuditHeads:
    """
    What a signed head says.

    Attributes:
        heads: By partition; their `base_hash` is not known.
        number: Its number; None if an older release has signed it.
        renewed_at: When somebody last renewed the heads; None if nobody has.
    """

    at: datetime
    heads: dict[int, ChainHead]
    number: int | None = None
    renewed_at: datetime | None = None


def head_claims(
    heads: Iterable[ChainHead], at: datetime, number: int, renewed_at: datetime | None
) -> dict[str, Any]:
    """Return the payload of the signed head of *heads*; those without events are left out."""
    renewal = {} if renewed_at is None else {"renewedAt": format_time(renewed_at)}
    return {
        "version": VERSION,
        "at": format_time(at),
        "heads": [
            [head.partition, head.position, keys.b64url(head.hash), head.base]
            for head in sorted(heads, key=lambda head: head.partition)
            if head.position
        ],
        "number": number,
        **renewal,
    }


def read_head(token: str, *, service_keys: tuple[PublicKey, ...]) -> AuditHeads:
    """
    Return what a signed head says that one of *service_keys* signed.

    Raises:
        IssuerUntrusted: None of them signed it.
        MalformedToken: A claim is not as above.
        Refused: As `keys.read` and `keys.verify`.
    """
    jws = keys.read(token, limit=HEAD_LIMIT)
    signer = next((key for key in service_keys if key.kid == jws.header.kid), None)
    if signer is None:
        raise IssuerUntrusted
    return _read_claims(keys.verify(jws, signer, expected_typ=HEAD_TYP))


def read_unverified_head(token: str) -> AuditHeads:
    """
    Return what a signed head says; the signature is not verified.

    Raises:
        MalformedToken: A claim is not as above.
        Refused: As `keys.read`.
    """
    return _read_claims(keys.read(token, limit=HEAD_LIMIT).claimed)


def _read_claims(claims: Mapping[str, Any]) -> AuditHeads:
    demand(claims, _CLAIMS, _OPTIONAL_CLAIMS)
    number, renewed_at = claims.get("number"), claims.get("renewedAt")
    if number is not None and not 1 <= number <= NUMBER_LIMIT:
        raise MalformedToken
    heads = [_read_head(member) for member in claims["heads"]]
    by_partition = {head.partition: head for head in heads}
    if claims["version"] != VERSION or len(by_partition) != len(heads):
        raise MalformedToken
    return AuditHeads(
        at=parse_time(claims["at"]),
        heads=by_partition,
        number=number,
        renewed_at=None if renewed_at is None else parse_time(renewed_at),
    )


def head_kid(token: str) -> str:
    """
    Return the name of the key of a signed head, which has not been verified.

    Raises:
        Refused: As `keys.read`.
    """
    return keys.read(token, limit=HEAD_LIMIT).header.kid


def recognized_by(head: SignedHead) -> RememberedHead:
    """Return number and digest of a signed head."""
    return RememberedHead(number=head.number, digest=keys.digest(head.token.encode()))


def head_line(head: RememberedHead) -> str:
    """Return the line of a head."""
    return f"{HEAD_LINE_BEGINNING}{head.number}, sha-256 {head.digest}"


def read_head_line(text: str) -> RememberedHead:
    """
    Return the head of a line of a log; other text before and after it is ignored.

    Raises:
        InvalidField: *text* is too long, or has no head, or more than one.
    """
    matches = list(_HEAD_LINE.finditer(text)) if len(text) <= HEAD_LINE_LIMIT else []
    if len(matches) != 1:
        raise InvalidField("head", "not a line with one `audit head NUMBER, sha-256 DIGEST`")
    number, digest = matches[0].groups()
    return RememberedHead(number=int(number), digest=digest)


def _read_head(member: Any) -> ChainHead:
    if not isinstance(member, list) or tuple(map(type, member)) != _HEAD:
        raise MalformedToken
    partition, position, text, base = member
    digest = keys.unb64url(text)
    fits = 0 <= partition < PARTITIONS and 0 <= base <= position and position > 0
    if not fits or len(digest) != _HASH_BYTES:
        raise MalformedToken
    return ChainHead(partition=partition, position=position, hash=digest, base=base)


def event_document(event: AuditEvent) -> dict[str, Any]:
    """Return the document of an event; what it does not have is left out."""
    document: dict[str, Any] = {
        "at": format_time(event.at),
        "event": event.event,
        "actor": event.actor,
        "subject": event.subject,
        "appSpaceGuid": event.app_space,
        "reason": event.reason,
        "attributes": dict(event.attributes),
    }
    return {name: value for name, value in document.items() if value}


def entry_document(chained: ChainedEvent) -> dict[str, Any]:
    """Return the document of a chained event: its place, its hash, and what it says."""
    document = {} if chained.event is None else event_document(chained.event)
    return {
        "partition": chained.partition,
        "position": chained.position,
        "hash": keys.b64url(chained.hash),
        **document,
    }


def archive_line(chained: ChainedEvent) -> bytes:
    """Return the line of an archive, with its line feed."""
    head = (
        f'{{"partition":{chained.partition},"position":{chained.position},'
        f'"hash":"{keys.b64url(chained.hash)}","event":'
    )
    return b"%b%b}\n" % (head.encode("ascii"), chained.body)


def read_archive_line(line: bytes) -> ChainedEvent:
    """
    Return the event of one line, as searchable; its `event` is not decoded.

    Raises:
        InvalidField: It is not a line of an archive.
    """
    match = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if match is None or int(match[1]) >= PARTITIONS:
        raise InvalidField("archive", "has a line that `counterseal audit archive` did not write")
    return ChainedEvent(
        partition=int(match[1]),
        position=int(match[2]),
        hash=keys.unb64url(match[3].decode("ascii")),
        body=match[4],
        event=None,
    )
