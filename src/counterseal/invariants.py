"""
Invariants: what must be true of all records of one partition, between commits.

`violations` compares records with each other; the class of a record checks the record by itself,
and `counterseal.models.record.require_possible` each commit. It repairs nothing, since use cases
never write a violation.

`counterseal.kinds` names the invariants of each kind: of accounts, with their devices, their open
questions, their last receipt and their events; of the log of an App Space, which has the events of
its accounts without a gap; of an ended challenge, and what it has led to; and of callbacks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs

from counterseal.accounts.records import Account, Device
from counterseal.approvals.records import (
    ActionState,
    ActionUse,
    ApprovedAction,
    action_use_guid,
    approved_action_guid,
)
from counterseal.bindings.records import LIVING, PROVISIONAL, Binding
from counterseal.challenges.documents.receipt import receipt_hash
from counterseal.challenges.records import UNFINISHED, Challenge
from counterseal.kinds import kind_of
from counterseal.models.events import AccountEvent, EventLog, LoggedEvent, logged_event_guid
from counterseal.models.guid import Guid, account_partition, partition_of
from counterseal.models.record import Record
from counterseal.outbox.records import Callback, CallbackState

R = TypeVar("R", bound=Record)


@attrs.frozen
class Violation:
    """
    A contradiction between stored records.

    Attributes:
        subject: The GUID of the record, or another name of what is wrong.
        problem: What is wrong; it quotes nothing of the record.
    """

    subject: str
    problem: str


@attrs.frozen
class PartitionRecords:
    """
    All records of one partition at one moment.

    Attributes:
        now: Decides which records may have been deleted, and which deadlines have passed.
        by_class: The records of each class of which there are any.
    """

    partition: int
    now: datetime
    by_guid: Mapping[Guid, Record]
    by_class: Mapping[type[Record], list[Any]]

    def of(self, record_class: type[R]) -> list[R]:
        """Return the records of one class."""
        return self.by_class.get(record_class, [])

    def grouped(
        self, record_class: type[R], owner: Callable[[R], Guid | None]
    ) -> Mapping[Guid | None, list[R]]:
        """Return the records of one class by their *owner*; empty where one has none."""
        groups: Mapping[Guid | None, list[R]] = defaultdict(list)
        for record in self.of(record_class):
            groups[owner(record)].append(record)
        return groups


def violations(partition: int, records: Iterable[Record], now: datetime) -> Iterator[Violation]:
    """
    Yield the contradictions among all *records* of a partition, 0 to 255.

    *now* decides which records may have been deleted, and which deadlines have passed.
    """
    by_guid = {record.guid: record for record in records}
    by_class: dict[type[Record], list[Any]] = defaultdict(list)
    for record in by_guid.values():
        by_class[type(record)].append(record)
        yield from _misplaced(partition, record, by_guid)
    stored = PartitionRecords(partition, now, by_guid, by_class)
    for record_class in [*by_class]:
        violations_of_kind = kind_of(record_class).invariants
        if violations_of_kind is not None:
            yield from violations_of_kind(stored)


def _misplaced(
    partition: int, record: Record, by_guid: Mapping[Guid, Record]
) -> Iterator[Violation]:
    expected = partition_of(record.guid)
    if isinstance(record, Account):
        expected = account_partition(record.app_space, record.account_id)
    if partition != expected or partition != partition_of(record.guid):
        yield Violation(record.guid, "it is in the wrong partition")
    account, parent = record.index.account, record.parent
    if account is not None and not isinstance(by_guid.get(account), Account):
        yield Violation(record.guid, "its account is not there")
    if parent is not None and parent not in by_guid:
        yield Violation(record.guid, "its parent is not there")


def of_accounts(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield where an account differs from its challenges, bindings and receipts."""
    challenges = stored.grouped(Challenge, lambda challenge: challenge.account)
    bindings = stored.grouped(Binding, lambda binding: binding.account)
    for account in stored.of(Account):
        account_challenges = challenges.get(account.guid, [])
        yield from _open_questions(account, account_challenges, stored.now)
        yield from _devices(account, bindings.get(account.guid, []), stored.now)
        if account.erased_at is None:
            yield from _receipts(account, account_challenges)


def of_account_events(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield the events that are beyond the number of their account, or name a record elsewhere."""
    for event in stored.of(AccountEvent):
        account = stored.by_guid.get(event.account)
        if isinstance(account, Account):
            if event.number > account.events:
                yield Violation(event.guid, "its account does not count it")
            named_records = (event.device, event.challenge)
            if any(partition_of(guid) != stored.partition for guid in named_records if guid):
                yield Violation(event.guid, "it names a record of another partition")


def of_event_logs(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield the entries that a log has no number for, and the logs that have a gap."""
    entries_by_space = stored.grouped(LoggedEvent, lambda entry: entry.app_space)
    for log in stored.of(EventLog):
        entries = entries_by_space.get(log.app_space, [])
        for entry in entries:
            expected = logged_event_guid(log.app_space, entry.number)
            if entry.guid != expected or entry.number > log.last:
                yield Violation(entry.guid, "its log has no such number")
        # Those that are gone were the first.
        numbers = sorted(entry.number for entry in entries if stored.now < entry.keep_until)
        if numbers and numbers != list(range(numbers[0], log.last + 1)):
            yield Violation(log.guid, "its log has a gap")


def _open_questions(
    account: Account, challenges: list[Challenge], now: datetime
) -> Iterator[Violation]:
    # A question past its deadline may count as closed before a worker expires it.
    listed = {question.challenge for question in account.history.open if now < question.deadline}
    for challenge in challenges:
        unfinished = challenge.state in UNFINISHED and now < challenge.deadline
        if unfinished and challenge.guid not in listed:
            yield Violation(challenge.guid, "it is open, and its account does not list it")
        if not unfinished and challenge.guid in listed:
            yield Violation(challenge.guid, "it has ended, and its account lists it as open")
    for missing in sorted(listed - {challenge.guid for challenge in challenges}):
        yield Violation(missing, "its account lists it as open, and it is not there")


def _devices(account: Account, bindings: list[Binding], now: datetime) -> Iterator[Violation]:
    # An invitation past its deadline may leave the list before a worker expires it.
    listed = {device.binding: device.state for device in account.devices if _lives(device, now)}
    living = {binding.guid: binding.state for binding in bindings if _lives(binding, now)}
    for guid in sorted(listed.keys() | living.keys()):
        if listed.get(guid) is not living.get(guid):
            yield Violation(guid, "its account lists this device in another state")
    by_guid = {binding.guid: binding for binding in bindings}
    for device in account.devices:
        binding = by_guid.get(device.binding)
        if binding is None:
            continue
        if binding.answers is not device.answers:
            yield Violation(device.binding, "its account is wrong about whether it answers")
        if binding.language != device.language:
            yield Violation(device.binding, "its account is wrong about its language")


def _lives(device: Device | Binding, now: datetime) -> bool:
    return device.state in LIVING and (device.state not in PROVISIONAL or now < device.deadline)


def _receipts(account: Account, challenges: list[Challenge]) -> Iterator[Violation]:
    receipts = [one.outcome.receipt for one in challenges if one.outcome and one.outcome.receipt]
    if len(receipts) > account.receipts:
        yield Violation(account.guid, "it has more receipts than it counts")
    # If some receipts were deleted, the last one may be among them.
    if receipts and len(receipts) == account.receipts:
        hashes = map(receipt_hash, receipts)
        if account.receipt_hash not in hashes:
            yield Violation(account.guid, "its last receipt is not the one that it names")


def of_challenges(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield what an ended challenge should have led to, unless its account is gone or erased."""
    callbacks = stored.grouped(Callback, lambda callback: callback.challenge)
    has_actions = bool(stored.of(ApprovedAction) or stored.of(ActionUse))
    for challenge in stored.of(Challenge):
        account = stored.by_guid.get(challenge.account)
        if isinstance(account, Account) and account.erased_at is None:
            # Of most challenges no GUID of an action has to be derived.
            if has_actions or challenge.action is not None:
                yield from _action(challenge, stored)
            yield from _callbacks(challenge, callbacks.get(challenge.guid, []), stored.now)


def of_callbacks(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield the callbacks whose subject is gone, and those that wait for ever."""
    for callback in stored.of(Callback):
        if callback.state is CallbackState.QUEUED:
            yield from _subject(callback, stored)


def _subject(callback: Callback, stored: PartitionRecords) -> Iterator[Violation]:
    by_guid, now = stored.by_guid, stored.now
    if callback.event is None:
        if callback.challenge not in by_guid:
            yield Violation(callback.guid, "the challenge that it reports is gone")
    elif callback.event not in by_guid and now < callback.keep_until:
        yield Violation(callback.guid, "the event that it reports is gone")
    if callback.waits_for is not None and now < callback.keep_until:
        earlier = by_guid.get(callback.waits_for)
        if not isinstance(earlier, Callback) or earlier.successor != callback.guid:
            yield Violation(callback.guid, "nothing ends its waiting")
        elif earlier.state is not CallbackState.QUEUED:
            yield Violation(callback.guid, "it waits for a callback that is over")


def _callbacks(
    challenge: Challenge, callbacks: list[Callback], now: datetime
) -> Iterator[Violation]:
    expected = (
        challenge.state not in UNFINISHED
        and challenge.callback is not None
        and challenge.state in challenge.callback_states
    )
    if len(callbacks) > expected:
        yield Violation(challenge.guid, "it has a callback too many")
    if len(callbacks) < expected and now < challenge.keep_until:
        yield Violation(challenge.guid, "it has ended, and has no callback")


def _action(challenge: Challenge, stored: PartitionRecords) -> Iterator[Violation]:
    now = stored.now
    action = stored.by_guid.get(approved_action_guid(challenge.guid))
    use = stored.by_guid.get(action_use_guid(challenge.guid))
    if isinstance(action, ApprovedAction):
        if not challenge.approved or challenge.action != action.terms:
            yield Violation(action.guid, "its challenge was not approved, or for another action")
        if action.origin != challenge.origin or action.account != challenge.account:
            yield Violation(action.guid, "its challenge is another origin's or account's")
        used = action.state is ActionState.USED
        if used is not isinstance(use, ActionUse) and now < action.keep_until:
            yield Violation(action.guid, "it was used without a use, or not used and has one")
    elif isinstance(use, ActionUse) and now < use.keep_until:
        yield Violation(use.guid, "the action that it used is not there")
    elif challenge.approved and challenge.action is not None and now < challenge.keep_until:
        yield Violation(challenge.guid, "it was approved, and there is no approved action")
