"""
Records: what each one that is stored has, what it is found by, and how a commit changes it.

A record's `index` has the keys that it is looked up by, besides its GUID, and the gauge that it
counts in. Every store maintains these entries.

A gauge says how many records of a kind and state there are now, by App Space and origin. A commit
changes it together with the records, so that nobody counts records to read it.

`require_possible` refuses a commit that no store may apply (STORE-13, -14, -21).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import attrs

from counterseal import models
from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.models.guid import Guid, partition_of


class Gauge(enum.StrEnum):
    """What is counted; a record counts in at most one of them."""

    ACTIVE_USERS = "active_users"
    """Accounts that are not locked and have an active device, or an active passkey."""
    ACTIVE_ORIGINS = "active_origins"
    """Origins with a credential without an end; an origin that was revoked has none."""
    PENDING_CHALLENGES = "pending_challenges"
    """Challenges that are unfinished by their state, whatever the time is."""
    QUEUED_CALLBACKS = "queued_callbacks"
    """Callbacks that wait for an attempt."""
    DEAD_CALLBACKS = "dead_callbacks"
    """Callbacks of which no attempt is made any more, until the store forgets them."""


class GaugeKey(NamedTuple):
    """
    One gauge of one App Space, and of one of its origins where the records have one.

    Attributes:
        app_space: None for callbacks of an older release, which do not say theirs.
        origin: None for users and origins, which are counted by App Space.
    """

    gauge: Gauge
    app_space: Guid | None
    origin: Guid | None


USER_GAUGES = frozenset({Gauge.ACTIVE_USERS, Gauge.PENDING_CHALLENGES})
"""What User Support reads: what it works on, users and their challenges."""


def sum_gauges(gauges: Mapping[GaugeKey, int]) -> Mapping[Gauge, int]:
    """Return the sum of each gauge over App Spaces and origins; all of them, in their order."""
    sums = dict.fromkeys(Gauge, 0)
    for key, count in gauges.items():
        sums[key.gauge] += count
    return sums


class Listing(enum.Enum):
    """A list of records in order of age, named after the store method that returns it."""

    BINDINGS = "bindings"
    """All bindings of an account."""
    PENDING = "pending"
    """The unfinished challenges of an account."""
    CHILDREN = "list"
    """
    The tenancy records under a parent, and the living sessions under an administrator; None is the
    parent of those at the top.
    """
    DEAD = "dead"
    """The dead callbacks of an origin."""


@attrs.define(kw_only=True)
class Index:
    """
    The keys of one record.

    Attributes:
        account_key: For an account, the App Space and the account id that `Store.account` takes.
        search_key: For an account that has not been erased, the App Space whose accounts
            `Store.search` finds it among, and the account id that it compares.
        account: The account that the record is about; None if there is none.
        listing: The list that the record can be in; a record is in at most one.
        owner: The record whose list that is.
        listed: Whether the record is in it now.
        queue: For a notification, the kind of its addresses, and for a callback, its origin: what
            `Store.due` may ask for.
        gauge: What the record counts in, in `Store.gauges`; None if in nothing.
    """

    account_key: tuple[Guid, str] | None = None
    search_key: tuple[Guid, str] | None = None
    account: Guid | None = None
    listing: Listing | None = None
    owner: Guid | None = None
    listed: bool = False
    queue: models.AddressKind | Guid | None = None
    gauge: GaugeKey | None = None


class Record(Protocol):
    """
    What a store holds: a frozen class of `counterseal.models` with these members.

    `counterseal.models.fields.revise` makes the next version of one, and `counterseal.kinds` lists
    the kinds of them.
    """

    @property
    def guid(self) -> Guid:
        """The record's name, for good; its first byte is the partition."""

    @property
    def version(self) -> int:
        """1 of a new record, and 1 more of each revision."""

    @property
    def parent(self) -> Guid | None:
        """The record under which `Store.list` finds it; None if it is at the top, or not listed."""

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to process it; None if no worker has to."""

    @property
    def keep_until(self) -> datetime | None:
        """When the store may delete it; None means never."""

    @property
    def index(self) -> Index:
        """What else the record is found by, and the gauge that counts it."""


def fold_case(text: str) -> str:
    """
    Return *text* as parts of account ids are compared, whatever their case.

    Each code point is replaced by its full case folding (Unicode, 3.13, toCasefold): "ß" by "ss".
    What looks alike otherwise stays different: there is no normalization.
    """
    return text.casefold()


def queue_name(queue: models.AddressKind | Guid) -> str:
    """Return the name of a queue, as a store may write it."""
    return queue if isinstance(queue, str) else queue.value


def index_of(record: Record) -> Index:
    """Return the keys of *record*."""
    return record.index


@attrs.frozen
class Change:
    """
    One record of a commit: (None, new) creates, (old, new) swaps, (old, old) guards.

    To guard, *new* is the same object as *old*, which the decision read.
    """

    old: Record | None
    new: Record


def require_possible(changes: tuple[Change, ...]) -> None:
    """
    Refuse a commit that no store may apply.

    Raises:
        PartitionCrossed: The records are not in one partition (STORE-13).
        WrongRecord: A version, a kind or a pairing is impossible (STORE-14), there is no change,
            or a GUID is there twice (STORE-21).
    """
    if not changes:
        raise WrongRecord
    guids: set[Guid] = set()
    partition = partition_of(changes[0].new.guid)
    for change in changes:
        old, new = change.old, change.new
        guid = new.guid
        guids.add(guid)
        if partition_of(guid) != partition:
            raise PartitionCrossed
        if new is old:
            continue
        if old is None:
            if new.version != 1:
                raise WrongRecord
        elif new.version != old.version + 1 or guid != old.guid or type(old) is not type(new):
            raise WrongRecord
    if len(guids) != len(changes):
        raise WrongRecord
