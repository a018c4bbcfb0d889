"""
Invariants: what must be true of every commit, and of all stored records.

- `require_possible`: of every commit, before it reaches a store (STORE-13, -14, -21).
- `violations`: of all records of one partition, between commits.
  It compares records with each other; the class of a record checks the record by itself.
  It repairs nothing, since use cases never write a violation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import attrs

from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.models import (
    LIVING,
    PROVISIONAL,
    UNFINISHED,
    Account,
    AccountEvent,
    ActionState,
    ActionUse,
    ApprovedAction,
    Binding,
    Callback,
    CallbackState,
    Challenge,
    Change,
    Device,
    EventLog,
    Guid,
    LoggedEvent,
    Record,
)
from counterseal.models.approved_action import action_use_guid, approved_action_guid
from counterseal.models.events import logged_event_guid
from counterseal.models.guid import account_partition, partition_of
from counterseal.models.index import index_of
from counterseal.wire.receipt import receipt_hash

R = TypeVar("R")


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


def violations(partition: int, records: Iterable[Record], now: datetime) -> Iterator[Violation]:
    """
    Yield the contradictions among all *records* of a partition, 0 to 255.

    *now* decides which records may have been deleted, and which deadlines have passed.
    """
    by_guid = {record.guid: record for record in records}
    by_kind: dict[type, list[Record]] = defaultdict(list)
    for record in by_guid.values():
        by_kind[type(record)].append(record)
        yield from _misplaced(partition, record, by_guid)
    callbacks = _grouped(by_kind, Callback, lambda callback: callback.challenge)
    for callback in _of_kind(by_kind, Callback):
        yield from _subject(callback, by_guid, now)
    yield from _logs(by_kind, now)
    challenges = _grouped(by_kind, Challenge, lambda challenge: challenge.account)
    bindings = _grouped(by_kind, Binding, lambda binding: binding.account)
    events = _grouped(by_kind, AccountEvent, lambda event: event.account)
    has_actions = ApprovedAction in by_kind or ActionUse in by_kind
    for account in _of_kind(by_kind, Account):
        for event in events.get(account.guid, []):
            if event.number > account.events:
                yield Violation(event.guid, "its account does not count it")
            if any(
                partition_of(guid) != partition for guid in (event.device, event.challenge) if guid
            ):
                yield Violation(event.guid, "it names a record of another partition")
        own_challenges = challenges.get(account.guid, [])
        yield from _open_questions(account, own_challenges, now)
        yield from _devices(account, bindings.get(account.guid, []), now)
        if account.erased_at is None:
            yield from _receipts(account, own_challenges)
            for challenge in own_challenges:
                # Of most challenges no GUID of an action has to be derived.
                if has_actions or challenge.action is not None:
                    yield from _action(challenge, by_guid, now)
                yield from _callbacks(challenge, callbacks.get(challenge.guid, []), now)


def _misplaced(
    partition: int, record: Record, by_guid: Mapping[Guid, Record]
) -> Iterator[Violation]:
    expected = partition_of(record.guid)
    if isinstance(record, Account):
        expected = account_partition(record.app_space, record.account_id)
    if partition != expected or partition != partition_of(record.guid):
        yield Violation(record.guid, "it is in the wrong partition")
    account, parent = index_of(record).account, record.parent
    if account is not None and not isinstance(by_guid.get(account), Account):
        yield Violation(record.guid, "its account is not there")
    if parent is not None and parent not in by_guid:
        yield Violation(record.guid, "its parent is not there")


def _subject(
    callback: Callback, by_guid: Mapping[Guid, Record], now: datetime
) -> Iterator[Violation]:
    if callback.state is not CallbackState.QUEUED:
        return
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


def _logs(by_kind: Mapping[type, list[Record]], now: datetime) -> Iterator[Violation]:
    entries_by_space = _grouped(by_kind, LoggedEvent, lambda entry: entry.app_space)
    for log in _of_kind(by_kind, EventLog):
        entries = entries_by_space.get(log.app_space, [])
        for entry in entries:
            expected = logged_event_guid(log.app_space, entry.number)
            if entry.guid != expected or entry.number > log.last:
                yield Violation(entry.guid, "its log has no such number")
        # Those that are gone were the first.
        numbers = sorted(entry.number for entry in entries if now < entry.keep_until)
        if numbers and numbers != list(range(numbers[0], log.last + 1)):
            yield Violation(log.guid, "its log has a gap")


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


def _action(
    challenge: Challenge, by_guid: Mapping[Guid, Record], now: datetime
) -> Iterator[Violation]:
    action = by_guid.get(approved_action_guid(challenge.guid))
    use = by_guid.get(action_use_guid(challenge.guid))
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
    answers = {binding.guid: binding.answers for binding in bindings}
    for device in account.devices:
        if answers.get(device.binding, device.answers) is not device.answers:
            yield Violation(device.binding, "its account is wrong about whether it answers")


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


def _of_kind(by_kind: Mapping[type, list[Record]], kind: type[R]) -> Iterator[R]:
    return (record for record in by_kind.get(kind, ()) if isinstance(record, kind))


def _grouped(
    by_kind: Mapping[type, list[Record]], kind: type[R], owner: Callable[[R], Guid | None]
) -> Mapping[Guid | None, list[R]]:
    groups: Mapping[Guid | None, list[R]] = defaultdict(list)
    for record in _of_kind(by_kind, kind):
        groups[owner(record)].append(record)
    return groups
