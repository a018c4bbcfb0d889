"""
Whether the records of one partition fit together, as the core's commits leave them.

It looks at what several records say about each other; what one says by itself, its class checks.
Nothing is repaired: what does not fit was not written by the core, and a person has to look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from counterseal.models import (
    LIVING,
    UNFINISHED,
    Account,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    Device,
    Guid,
    Record,
)
from counterseal.models.guid import PARTITIONS, account_partition, partition_of
from counterseal.ports import Clock
from counterseal.wire.receipt import receipt_hash
from counterseal_records.inventory import Flaw, Inventory, Shelf
from counterseal_records.lookups import lookup

R = TypeVar("R")


LOOKS = 3
"""How often what does not fit is looked at: of a store in use, one look sees two moments."""


def check(
    fresh: Callable[[], Inventory], clock: Clock, step: Callable[[int], None]
) -> tuple[int, tuple[Flaw, ...]]:
    """
    Look at all of a store, which may be in use.

    Args:
        fresh: Makes an inventory of it.
        clock: The service's.
        step: Is told how many partitions are done.

    Returns:
        How many records there are, and what does not fit, at every look.

    Raises:
        Unavailable: The store did not answer.
    """
    inventory = fresh()
    records, found = 0, dict[int, set[Flaw]]()
    for partition in range(PARTITIONS):
        shelf = inventory.shelf(partition)
        records += len(shelf.shelved)
        found[partition] = _flaws(partition, shelf, clock)
        step(partition + 1)
    for _ in range(LOOKS - 1):
        inventory = fresh()
        for partition in [place for place, flaws in found.items() if flaws]:
            found[partition] &= _flaws(partition, inventory.shelf(partition), clock)
    flaws = (one for flaws in found.values() for one in flaws)
    return records, tuple(sorted(flaws, key=lambda one: (one.place, one.problem)))


def _flaws(partition: int, shelf: Shelf, clock: Clock) -> set[Flaw]:
    records = [one.record for one in shelf.shelved]
    return {*shelf.flaws, *unsound(partition, records, clock.now())}


def unsound(partition: int, records: Iterable[Record], now: datetime) -> Iterator[Flaw]:
    """
    Say what does not fit among all *records* of a partition.

    Args:
        partition: 0 to 255.
        records: In any order.
        now: Tells what may have been forgotten.
    """
    held = {record.guid: record for record in records}
    for record in held.values():
        yield from _in_its_place(partition, record, held)
    callbacks = _by(held, Callback, lambda one: one.challenge)
    for callback in _of(held, Callback):
        if callback.state is CallbackState.QUEUED and callback.challenge not in held:
            yield Flaw(callback.guid, "what it is to tell is gone")
    challenges = _by(held, Challenge, lambda one: one.account)
    bindings = _by(held, Binding, lambda one: one.account)
    for account in _of(held, Account):
        asked = challenges.get(account.guid, [])
        yield from _open(account, asked, now)
        yield from _devices(account, bindings.get(account.guid, []), now)
        if account.erased_at is None:
            yield from _receipts(account, asked)
            for challenge in asked:
                yield from _told_of(challenge, callbacks.get(challenge.guid, []), now)


def _in_its_place(partition: int, record: Record, held: Mapping[Guid, Record]) -> Iterator[Flaw]:
    right = partition_of(record.guid)
    if isinstance(record, Account):
        right = account_partition(record.app_space, record.account_id)
    if partition != right or partition != partition_of(record.guid):
        yield Flaw(record.guid, "it is in the wrong partition")
    about, parent = lookup(record).account, record.parent
    if about is not None and not isinstance(held.get(about), Account):
        yield Flaw(record.guid, "its account is not there")
    if parent is not None and parent not in held:
        yield Flaw(record.guid, "its parent is not there")


def _told_of(challenge: Challenge, callbacks: list[Callback], now: datetime) -> Iterator[Flaw]:
    due = (
        challenge.state not in UNFINISHED
        and challenge.callback is not None
        and challenge.state in challenge.callback_states
    )
    if len(callbacks) > due:
        yield Flaw(challenge.guid, "it has a callback too many")
    if len(callbacks) < due and now < challenge.keep_until:
        yield Flaw(challenge.guid, "it has ended, and has no callback")


def _open(account: Account, asked: list[Challenge], now: datetime) -> Iterator[Flaw]:
    # What is past its deadline may be counted already, and swept later.
    open_ = {one.challenge for one in account.history.open if now < one.deadline}
    for challenge in asked:
        unfinished = challenge.state in UNFINISHED and now < challenge.deadline
        if unfinished and challenge.guid not in open_:
            yield Flaw(challenge.guid, "it is open, and its account does not say so")
        if not unfinished and challenge.guid in open_:
            yield Flaw(challenge.guid, "it has ended, and its account says that it is open")
    for missing in sorted(open_ - {challenge.guid for challenge in asked}):
        yield Flaw(missing, "its account says that it is open, and it is not there")


def _devices(account: Account, bindings: list[Binding], now: datetime) -> Iterator[Flaw]:
    # An invitation that is past its deadline may be off the list already, and swept later.
    said = {one.binding: one.state for one in account.devices if _lives(one, now)}
    living = {one.guid: one.state for one in bindings if _lives(one, now)}
    for guid in sorted(said.keys() | living.keys()):
        if said.get(guid) is not living.get(guid):
            yield Flaw(guid, "its account says otherwise of this device")


def _lives(one: Device | Binding, now: datetime) -> bool:
    return one.state in LIVING and (one.state is not BindingState.INVITED or now < one.deadline)


def _receipts(account: Account, asked: list[Challenge]) -> Iterator[Flaw]:
    kept = [one.outcome.receipt for one in asked if one.outcome and one.outcome.receipt]
    if len(kept) > account.receipts:
        yield Flaw(account.guid, "it has more receipts than it says")
    # The last one may have been forgotten, and all before it.
    if kept and len(kept) == account.receipts:
        hashes = map(receipt_hash, kept)
        if account.receipt_hash not in hashes:
            yield Flaw(account.guid, "its last receipt is not the one that it says")


def _of(held: Mapping[Guid, Record], kind: type[R]) -> Iterator[R]:
    return (record for record in held.values() if isinstance(record, kind))


def _by(
    held: Mapping[Guid, Record], kind: type[R], owner: Callable[[R], Guid]
) -> Mapping[Guid, list[R]]:
    found: Mapping[Guid, list[R]] = defaultdict(list)
    for record in _of(held, kind):
        found[owner(record)].append(record)
    return found
