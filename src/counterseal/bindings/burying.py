"""Burying: a push address that is gone is taken off its device, which stays bound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from counterseal.bindings.roster import enlisted
from counterseal.decisions import found
from counterseal.models import Account, AuditEvent, Binding, Change, Guid, PushAddress
from counterseal.ports import Store


def buried(
    store: Store, account: Guid, gone: Mapping[Guid, frozenset[PushAddress]], now: datetime
) -> tuple[tuple[Change, ...], tuple[AuditEvent, ...]]:
    """
    Return what has to be committed, and recorded, for the addresses that are gone.

    Args:
        gone: By the device at which each was rung; what was replaced meanwhile stays.

    Raises:
        NotFound: There is no such account.
        Unavailable: The store did not answer.
    """
    if not gone:
        return (), ()
    held, *bindings = store.get(account, *gone)
    known = found(held, Account)
    left, changes, audit = known, [], []
    for binding in bindings:
        if not isinstance(binding, Binding):
            continue
        dead = gone[binding.guid]
        kept = tuple(address for address in binding.addresses if address not in dead)
        if kept == binding.addresses:
            continue
        bare = attrs.evolve(binding, version=binding.version + 1, addresses=kept)
        left = attrs.evolve(enlisted(left, bare, now), version=known.version + 1)
        changes.append(Change(binding, bare))
        audit.append(
            AuditEvent(at=now, event="binding.address", actor="notifier", subject=binding.guid)
        )
    return ((*changes, Change(known, left)) if changes else ()), tuple(audit)
