"""
What `consume` costs beside its parts: the digest, the signature, and the calls of the store.

The store is that of the service in memory, and it gets the records that `consume` wrote.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import attrs
import floor
from measure import Cost, Prepare, again, costs
from service import TRANSFER, Service

import counterseal as cs
from counterseal import keys
from counterseal.models import Algorithm, Change

RECEIPT_LIMIT = 8_192

Call = Callable[[], object]


class Stopped(Exception):
    """The commit was recorded, and not made."""


@attrs.define
class Recorder:
    """
    A store that records the calls of one `consume` and does not commit.

    Attributes:
        store: Where the records are.
        reads: What was read.
        commit_arguments: What would have been committed.
    """

    store: Any
    reads: list[tuple[Any, ...]] = attrs.field(factory=list)
    commit_arguments: tuple[Any, ...] = ()

    def get_with_account(self, *guids: Any) -> Any:
        """Record a read, and make it."""
        self.reads.append(guids)
        return self.store.get_with_account(*guids)

    def commit(self, changes: tuple[Change, ...], audit: Any, operation: str) -> None:
        """Record a commit, and do not make it."""
        self.commit_arguments = (changes, audit, operation)
        raise Stopped


def store_calls(service: Service) -> Call:
    """Return the read and the commit of one `consume`, which is not made."""
    challenge = service.approve()
    recorder = Recorder(service.ports.store)
    actions = cs.Actions(attrs.evolve(service.ports, store=recorder), service.policy)
    with contextlib.suppress(Stopped):
        actions.consume(service.party, challenge.guid, TRANSFER.arguments)
    (guids,), store = recorder.reads, service.ports.store
    arguments = recorder.commit_arguments

    def calls() -> None:
        store.get_with_account(*guids)
        store.commit(*arguments)

    return calls


def measure() -> dict[str, Cost]:
    """Measure `consume`, its parts, each alone, and all of them one after the other."""
    service = Service.of(Algorithm.ES256)
    challenge = service.approve()
    actions = cs.Actions(service.ports, service.policy)
    used = actions.consume(service.party, challenge.guid, TRANSFER.arguments)
    document = json.loads(used.action.terms.document) | {"arguments": dict(TRANSFER.arguments)}
    receipt = keys.read(used.use.receipt, limit=RECEIPT_LIMIT)
    digest, signature = floor.digesting(document), floor.signing(len(receipt.signed))

    def together(count: int) -> list[Call]:
        def one(calls: Call) -> Call:
            def parts() -> None:
                digest()
                signature()
                calls()

            return parts

        return [one(store_calls(service)) for _ in range(count)]

    cases: dict[str, Prepare] = {
        "digest": again(digest),
        "signature": again(signature),
        "store": lambda count: [store_calls(service) for _ in range(count)],
        "parts": together,
        "consume": service.consuming,
    }
    return costs(cases)
