"""The store: where records live, and the one atomic act that changes them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Protocol

from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    Guid,
    Login,
    Notification,
    Record,
)


class Due(enum.Enum):
    """What a worker can look for."""

    CHALLENGE = Challenge
    CALLBACK = Callback
    BINDING = Binding
    LOGIN = Login
    NOTIFICATION = Notification


class Store(Protocol):
    """
    The records, by GUID.

    A store decides nothing: it compares versions and keeps what it is given.
    Time is the core's: a store compares with the times it is asked about, and with no clock.
    """

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the records of *guids*, in one trip.

        - STORE-1: one entry for each GUID, in order; None where there is no such record.
        - STORE-2: each entry is what the last applied commit of that record stored,
          equal in every field.
        - STORE-22: what was stored is found, here and by every other method, until its
          `keep_until`, for as long as it is due, and for ever where it has no `keep_until`.
          Some time after that, the store may forget it.

        Raises:
            Unavailable: The store did not answer.
        """

    def about(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """
        Return the record of *guid*, the account that it is about, and the records of *others*.

        All of it in one trip: a record and its account lie in one partition.

        - STORE-25: the first entry is the record's, the second its account's, and then one for
          each of *others*, in order; None where there is no such record.
        - STORE-26: a binding, a challenge, a callback and a notification are about their
          `account`; nothing else is about one.

        Raises:
            Unavailable: The store did not answer.
        """

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """
        Return the account that the App Space knows by *account_id*.

        - STORE-3: texts are compared exactly, code point by code point,
          and App Spaces do not meet.

        Raises:
            Unavailable: The store did not answer.
        """

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """
        Return all bindings of the account, oldest first.

        - STORE-4: every state is returned.

        Raises:
            Unavailable: The store did not answer.
        """

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """
        Return the account's unfinished challenges, oldest first.

        - STORE-5: unfinished by their state, whatever the time is.

        Raises:
            Unavailable: The store did not answer.
        """

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """
        Return the tenancy records whose `parent` this is, oldest first.

        - STORE-6: with None, the companies and the administrators of all companies.

        Raises:
            Unavailable: The store did not answer.
        """

    def due(self, kind: Due, before: datetime, limit: int) -> tuple[Record, ...]:
        """
        Return records of *kind* whose `due_at` is at or before *before*.

        - STORE-7: at most *limit*, and none that is not due.
        - STORE-8: a record that stays due is returned sooner or later:
          called again and again while those returned are dealt with, none is left out.

        Raises:
            Unavailable: The store did not answer.
        """

    def due_on(self, kind: AddressKind, before: datetime, limit: int) -> tuple[Notification, ...]:
        """
        Return notifications of *kind* whose `due_at` is at or before *before*.

        It is asked where so much is due on other channels that `due` does not come to the end of
        it, and may take longer.

        - STORE-27: at most *limit*, none that is not due, and none of another kind.
        - STORE-28: one that stays due is returned sooner or later, as by `due`,
          and however many of other kinds are due before it.

        Raises:
            Unavailable: The store did not answer.
        """

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """
        Return the callbacks of *origin* that are DEAD, oldest first.

        - STORE-23: dead by their state, whatever the time is, and of this origin only.
        - STORE-24: at most *limit*, and none is left out for one that is younger.

        Raises:
            Unavailable: The store did not answer.
        """

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes* and append all *audit* events, or do nothing.

        - STORE-9: (None, new) creates; Conflict if the GUID or the account's natural key exists.
        - STORE-10: (old, new) swaps; Conflict unless what is stored has *old*'s version.
        - STORE-11: (old, old) guards; Conflict unless what is stored has *old*'s version.
        - STORE-12: after a Conflict or a Misuse nothing has changed and no event is recorded.
        - STORE-13: all new records are in one partition, else PartitionCrossed.
        - STORE-14: a new record's version is 1 more than *old*'s, or 1,
          and its kind and GUID are *old*'s; else WrongRecord.
        - STORE-15: the same *operation* with the same changes again succeeds and does nothing,
          if it was applied less than a minute and less than a thousand commits ago;
          what is older may have been forgotten, and then it is tried afresh.
        - STORE-16: the same *operation* with other changes is OperationReused.
        - STORE-17: commits are linearizable: each takes effect at one moment
          between its call and its return, for all callers alike.
        - STORE-18: events are recorded, in order and once, if and only if the commit is applied.
        - STORE-19: a process that dies leaves all of its commit, or nothing.
        - STORE-20: a reply that was lost is Indeterminate, never a Conflict.
        - STORE-21: without a change, or with a GUID twice, WrongRecord.

        Args:
            changes: At least one; no GUID twice.
            audit: What to record with the changes.
            operation: Random; names this attempt.

        Raises:
            Conflict: A record is not what the decision was made on.
            Indeterminate: The reply was lost; ask again with the same *operation*.
            Unavailable: The store did not answer, and nothing has changed.
            Misuse: The commit cannot be made as it is.
        """
