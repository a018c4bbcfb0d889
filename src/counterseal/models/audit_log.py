"""
The audit log: in each partition, a worker numbers and hashes the events as one chain.

`counterseal.audit.rules` says how an event's hash is computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid, partition_of

FIRST_HASH = bytes(32)
"""The hash that the first event of a partition follows."""


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class AuditEvent:
    """
    One entry of the audit log; it holds names and codes, never content or secrets.

    Attributes:
        event: What happened or was refused, as `noun.verb`.
        actor: The GUID of the actor, or a role (`worker`, `staff`, `stranger`).
        subject: The GUID of the record that it is about; None if there is none yet.
        reason: The stable code of a refusal or of another result; empty on success.
        attributes: What belongs to it besides, as pairs of words: what a device tells of itself
            (telemetry), which device was notified, and by which kind of address (pushes), or who
            renewed the heads of the log, and why.
        app_space: The App Space whose administrators may read it; None for the global ones only.
    """

    at: datetime = attrs.field(validator=fields.utc)
    event: str = attrs.field(validator=fields.text)
    actor: str
    subject: Guid | None = None
    reason: str = ""
    attributes: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    app_space: Guid | None = None


@attrs.frozen(kw_only=True)
class ChainHead:
    """
    How far the chain of one partition reaches.

    Attributes:
        position: The position of its last event; 0 if there is none.
        hash: The hash of that event.
        base: The position of the last event that was archived and dropped; 0 if none was.
        base_hash: The hash of that event.
    """

    partition: int = attrs.field(validator=fields.count)
    position: int = attrs.field(default=0, validator=fields.count)
    hash: bytes = attrs.field(default=FIRST_HASH, repr=False)
    base: int = attrs.field(default=0, validator=fields.count)
    base_hash: bytes = attrs.field(default=FIRST_HASH, repr=False)


@attrs.frozen(kw_only=True)
class StoredEvent:
    """
    An event that no worker has chained yet.

    Attributes:
        event: None if it cannot be read: it is chained all the same, so that it stops no other.
        body: Its bytes, as they are stored.
        key: Names it in its log; only the adapter knows what it is.
    """

    event: AuditEvent | None
    body: bytes = attrs.field(repr=False)
    key: Any = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(kw_only=True)
class UnchainedEvents:
    """Events of one partition that no worker has chained yet, and the head that they follow."""

    head: ChainHead
    events: tuple[StoredEvent, ...]


@attrs.frozen(kw_only=True)
class ChainedEvent:
    """
    One event of a partition's chain.

    Attributes:
        position: From 1 on, without a gap.
        hash: Of the event and all before it; as stored, also where somebody has changed it.
        body: The event's bytes, as stored.
        event: What *body* says; None if it cannot be read.
        searchable: Whether a search finds it by what *body* says; not if it cannot be read.
    """

    partition: int = attrs.field(validator=fields.count)
    position: int = attrs.field(validator=fields.count)
    hash: bytes = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    event: AuditEvent | None
    searchable: bool = True


@attrs.frozen(kw_only=True)
class CountKey:
    """
    What is counted: events of one name and reason, in one App Space and hour.

    Attributes:
        app_space: None for events that concern none.
        hour: Its beginning.
    """

    app_space: Guid | None
    hour: datetime = attrs.field(validator=fields.utc)
    event: str
    reason: str


@attrs.frozen(kw_only=True)
class RecordName:
    """
    What people call a record whose GUID an event has.

    Attributes:
        kind: `company`, `app_space`, `origin`, `admin`, `account`, `device` or `challenge`.
        name: Its own name; empty where it has none, as a challenge.
        account: The account, or whose device or challenge it is; None for every other.
        account_id: The origin's own id of that account; empty where there is none.
    """

    kind: str
    name: str = ""
    account: Guid | None = None
    account_id: str = ""


@attrs.frozen(kw_only=True)
class ChainLink:
    """
    Events to append to one partition's chain, in one step and with what they add to the counts.

    Attributes:
        head: The head that they follow.
        events: In order, from the position after that of *head* on.
        stored: The same events, as `Audit.unchained` returned them.
        counts: What to add to the hourly counts.
    """

    head: ChainHead
    events: tuple[ChainedEvent, ...]
    stored: tuple[StoredEvent, ...]
    counts: Mapping[CountKey, int]

    @property
    def new_head(self) -> ChainHead:
        """The head of the chain with these events."""
        last = self.events[-1]
        return attrs.evolve(self.head, position=last.position, hash=last.hash)


class LogPlace(NamedTuple):
    """The place of an event in the log, which is searched by time; no two events share one."""

    at: datetime
    partition: int
    position: int


@attrs.frozen(kw_only=True)
class AuditQuery:
    """
    What to search for: an event has to fit all that is given.

    Attributes:
        event: A name such as `challenge.issue`, or a noun with its point, such as `challenge.`.
        since: The earliest time.
        until: Only earlier events.
        reason: Why it was refused, or the word of its result; empty for events that have none.
        endings: Only events of one of these names and reasons; None for all.
        app_spaces: Only events of these App Spaces; None for all events.
        nouns: Only events of these nouns; None for all.
    """

    subject: Guid | None = None
    actor: str | None = None
    event: str | None = None
    since: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    reason: str | None = None
    endings: frozenset[tuple[str, str]] | None = None
    app_spaces: frozenset[Guid] | None = None
    nouns: frozenset[str] | None = None

    def matches(self, event: AuditEvent) -> bool:
        """Tell whether *event* fits."""
        noun = event.event.partition(".")[0]
        return (
            self.subject in (None, event.subject)
            and self.actor in (None, event.actor)
            and (self.event in (None, event.event) or self.event == f"{noun}.")
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and self.reason in (None, event.reason)
            and (self.endings is None or (event.event, event.reason) in self.endings)
            and (self.app_spaces is None or event.app_space in self.app_spaces)
            and (self.nouns is None or noun in self.nouns)
        )


@attrs.frozen(kw_only=True)
class AuditPage:
    """
    A part of what a search found.

    Attributes:
        events: Newest first.
        after: Where the search goes on; None if it is complete. A page can be short, or empty,
            and the search still go on: each looks at a limited number of events.
    """

    events: tuple[ChainedEvent, ...]
    after: LogPlace | None


@attrs.frozen(kw_only=True)
class SignedHead:
    """
    The newest signed heads of all partitions, as the log keeps them.

    Attributes:
        number: From 1 on; each replacement has the next.
        token: A compact JWS (`counterseal.audit.documents`).
    """

    number: int = attrs.field(validator=fields.count)
    token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class RememberedHead:
    """
    What is enough to recognize a signed head.

    Attributes:
        number: Its number.
        digest: SHA-256 over its compact JWS, base64url.
    """

    number: int = attrs.field(validator=fields.count)
    digest: str


@attrs.frozen(kw_only=True)
class MemoryContent:
    """
    What is remembered of the log outside of the store.

    Attributes:
        head: The signed head with the greatest number; None if none was remembered.
        replaced_at: When the store was restored or copied, so that its signed head may be an older
            one; None if it was not, or the heads were renewed since.
    """

    head: SignedHead | None = None
    replaced_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    def with_head(self, head: SignedHead) -> Self:
        """Return this with *head*, if it has a greater number than the one that is there."""
        if self.head is not None and self.head.number >= head.number:
            return self
        return attrs.evolve(self, head=head)


def event_partition(event: AuditEvent | None, body: bytes) -> int:
    """Return the partition of an event: its subject's, or one that its bytes choose."""
    if event is None or event.subject is None:
        return hashlib.sha256(body).digest()[0]
    return partition_of(event.subject)


def event_bytes(event: AuditEvent) -> bytes:
    """Return an event as bytes, for a log that stores none: all of it, as JSON in ASCII."""
    return json.dumps(attrs.asdict(event), default=datetime.isoformat).encode("ascii")
