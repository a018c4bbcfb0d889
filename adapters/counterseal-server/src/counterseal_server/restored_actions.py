"""
Actions in a restored store: what a person may have approved, or an origin used, since the backup.

They live for a day and longer, so a service cannot wait until all have expired. Each one that is
open is ended instead: of an action that was used after the backup, there is no second use.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from counterseal import Actions, Challenges, Policy, Ports, Refused
from counterseal.models import ApprovedAction, AppSpace, Challenge, Guid, Origin, RelyingParty
from counterseal.ports import Due

FAR = timedelta(days=365)
"""Longer than any policy lets an approval be used."""

PAGE = 200

log = logging.getLogger("counterseal_server")


def end_open_actions(ports: Ports, policy: Policy, before: datetime) -> int:
    """
    Cancel open challenges for actions, and withdraw approved actions; return how many.

    Each origin gets the callbacks as if it had done so itself. Doing it again ends nothing more.

    Args:
        ports: The adapters.
        policy: The policy of the service.
        before: What began later was not in the backup, and stays.

    Raises:
        Unavailable: A port failed; earlier ones stay ended.
    """
    count = _end(ports, Due.CHALLENGE, before, Challenges(ports, policy).cancel)
    count += _end(ports, Due.ACTION, before, Actions(ports, policy).withdraw)
    if count:
        log.warning("after a restore: %d open actions were ended", count)
    return count


def _end(
    ports: Ports, kind: Due, before: datetime, end: Callable[[RelyingParty, Guid], object]
) -> int:
    count, limit = 0, PAGE
    while True:
        open_records = ports.store.due(kind, ports.clock.now() + FAR, limit)
        for record in open_records:
            if isinstance(record, Challenge):
                challenge, is_older = record.guid, record.issued_at < before
                is_older = is_older and record.action is not None
            elif isinstance(record, ApprovedAction):
                challenge, is_older = record.challenge, record.created_at < before
            else:
                continue
            if is_older:
                # One that has expired or ended meanwhile is no longer open.
                with contextlib.suppress(Refused):
                    end(_party(ports, record.origin), challenge)
                    count += 1
        if len(open_records) < limit:
            return count
        limit *= 2  # those that stay are in the way of the others


def _party(ports: Ports, guid: Guid) -> RelyingParty:
    (origin,) = ports.store.get(guid)
    assert isinstance(origin, Origin)  # noqa: S101 (for the type checker)
    (app_space,) = ports.store.get(origin.app_space)
    assert isinstance(app_space, AppSpace)  # noqa: S101 (for the type checker)
    return RelyingParty(origin=origin, app_space=app_space)
