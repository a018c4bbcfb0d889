"""
A store of any kind with many challenges, written quickly.

A service writes one account with a device and five challenges with callbacks, of which one is
open. These records are copied for account after account with other GUIDs, and loaded by the
inventory of the store, as `counterseal store copy` does: the store is consistent.
"""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import attrs
from redis_stored import EACH, Blank
from service import QUESTION, Service
from sqlalchemy import event

import counterseal as cs
from counterseal.memory import SystemClock, memory_ports
from counterseal.models import Algorithm, Guid, Record
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal.models.record import index_of
from counterseal_records import read_record, write_bytes
from counterseal_server.records import opened
from counterseal_server.records.records import Records

CALLBACK = "https://shop.example/done"
CHUNK = 1_000
"""Accounts that a process writes before it is given others."""


@attrs.frozen
class Pattern:
    """
    The records of one account.

    Attributes:
        app_space: The App Space of the account.
        bodies: The records, in order of age; their GUIDs and the account's id are blank.
    """

    app_space: Guid
    bodies: list[Blank]

    def clone(self, number: int, partition: int) -> Iterator[Record]:
        """Yield the records of another account; the same number has the same ones."""
        chance = random.Random(number)
        guids = [mint(partition, chance.randbytes(ENTROPY_BYTES)) for _ in self.bodies]
        names = [*(guid.encode() for guid in guids), _account_id(number).encode()]
        return (read_record(body.filled(names)) for body in self.bodies)


def fill(address: str, challenges: int) -> None:
    """
    Create the store at *address*, and write so many challenges, five for each account.

    The accounts are in no order, so that the records of a partition lie apart, as they do in use.
    """
    with closing(opened(address)) as records:
        records.create()
        pattern = _pattern(records)
    accounts = challenges // EACH
    chunks = [range(first, min(first + CHUNK, accounts)) for first in range(0, accounts, CHUNK)]
    # SQLite has one writer at a time.
    count = 1 if address.startswith("sqlite") else os.cpu_count()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as processes:
        for _ in processes.map(partial(_load, address, pattern), chunks):
            pass


def _account_id(number: int) -> str:
    return f"clone-{number}"


def _pattern(records: Records) -> Pattern:
    service = Service.of(Algorithm.ES256, records.joined(memory_ports()))
    admin = cs.Administration(service.ports, service.policy, by=cs.OPERATOR)
    admin.allow_callback(service.party.origin.guid, CALLBACK)
    service = attrs.evolve(service, party=admin.relying_party(service.party.origin.guid))
    bound, _, account_id = service.account()
    challenges = cs.Challenges(service.ports, service.policy)
    answers = cs.Answers(service.ports, service.policy)
    callbacks = cs.Callbacks(service.ports, service.policy)
    question = cs.read_question(QUESTION | {"callback": CALLBACK}, account_id=account_id)
    *answered, _ = [challenges.issue(service.party, question).challenge for _ in range(EACH)]
    for challenge in answered:
        answers.answer(service.call(challenge))
    for guid in callbacks.due():
        callbacks.attempt(guid)
    account = bound.binding.account
    (contents,) = records.inventory(service.ports.clock).read_partitions([partition_of(account)])
    own = [
        one.record
        for one in contents.records
        if account in {one.record.guid, index_of(one.record).account}
    ]
    names = [*(record.guid.encode() for record in own), account_id.encode()]
    return Pattern(
        service.party.app_space.guid, [Blank.of(write_bytes(record), names) for record in own]
    )


def _load(address: str, pattern: Pattern, numbers: Sequence[int]) -> None:
    with closing(opened(address)) as records:
        if address.startswith("sqlite"):
            event.listen(records.database.engine, "connect", _hasten)  # type: ignore[attr-defined]
        inventory = records.inventory(SystemClock())
        for number in numbers:
            partition = account_partition(pattern.app_space, _account_id(number))
            inventory.load(list(pattern.clone(number, partition)), f"fill {number}")


def _hasten(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
