"""
Invariants of accounts: their open questions, their devices, their last receipt, and their events.

The log of an App Space has the events of its accounts, without a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from counterseal.accounts.records import Account, Device
from counterseal.bindings.records import LIVING, PROVISIONAL, Binding
from counterseal.challenges.documents.receipt import receipt_hash
from counterseal.challenges.records import UNFINISHED, Challenge
from counterseal.invariants import PartitionRecords, Violation
from counterseal.models.events import AccountEvent, EventLog, LoggedEvent, logged_event_guid
from counterseal.models.guid import partition_of


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
