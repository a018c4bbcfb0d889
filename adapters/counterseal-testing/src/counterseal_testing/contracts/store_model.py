"""What a history does to records, and whether a store would have to let it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from counterseal.models import (
    Account,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Change,
    Device,
    Guid,
    Notification,
    NotificationState,
    Record,
)
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import SECOND, RecordFactory, next_version

IDS = RecordFactory().neighbours(3)
"""Of accounts in one partition, so that one commit may touch two of them."""

MOMENTS = st.integers(0, 3).map(lambda count: START + count * SECOND)


DEVICES = st.sampled_from(
    [
        tuple(Device(binding=Guid(""), state=state, deadline=START) for state in states)
        for states in ((), (BindingState.ACTIVE,), (BindingState.SUSPENDED,))
    ]
)
"""Of an account: none, an active one, or a suspended one."""


def applies(truth: dict[Guid, Record], changes: tuple[Change, ...]) -> bool:
    """Tell whether *changes* apply to what is stored in *truth*."""
    for change in changes:
        stored = truth.get(change.new.guid)
        if change.old is None:
            if stored is not None:
                return False
        elif stored is None or stored.version != change.old.version:
            return False
        if isinstance(change.new, Account) and _has_another(truth, change.new):
            return False
    return True


def _has_another(truth: dict[Guid, Record], account: Account) -> bool:
    return any(
        isinstance(one, Account) and one.account_id == account.account_id
        for guid, one in truth.items()
        if guid != account.guid
    )


def draw_version(old: Record, at: datetime, data: st.DataObject) -> Record:
    """Return a next version of *old*, in any state: a store does not know what states mean."""
    if isinstance(old, Binding):
        return next_version(old, state=data.draw(st.sampled_from(BindingState)), deadline=at)
    if isinstance(old, Challenge):
        return next_version(old, state=data.draw(st.sampled_from(ChallengeState)), deadline=at)
    if isinstance(old, Callback):
        lease = data.draw(st.none() | MOMENTS)
        return next_version(
            old, state=data.draw(st.sampled_from(CallbackState)), next_at=at, lease_until=lease
        )
    if isinstance(old, Notification):
        lease = data.draw(st.none() | MOMENTS)
        return next_version(
            old, state=data.draw(st.sampled_from(NotificationState)), next_at=at, lease_until=lease
        )
    assert isinstance(old, Account), "a history has records of these kinds only"
    account_id = data.draw(st.just(old.account_id) | st.sampled_from(IDS))
    erased_at = data.draw(st.none() | MOMENTS)
    changes = {"devices": data.draw(DEVICES), "locked_at": data.draw(st.none() | MOMENTS)}
    return next_version(old, confirmed_at=at, account_id=account_id, erased_at=erased_at, **changes)


def ended_version(record: Record) -> Record:
    """Return the version of *record* in which a worker has dealt with it."""
    ended: dict[type, Any] = {
        Binding: BindingState.EXPIRED,
        Challenge: ChallengeState.EXPIRED,
        Callback: CallbackState.DELIVERED,
        Notification: NotificationState.DELIVERED,
    }
    return next_version(record, state=ended[type(record)])


LOOKED_UP = (
    "state",
    "deadline",
    "next_at",
    "lease_until",
    "account_id",
    "erased_at",
    "devices",
    "locked_at",
)


def lookup_fields(record: Record) -> dict[str, Any]:
    """Return the fields of *record* by which it is found or counted."""
    return {name: getattr(record, name) for name in LOOKED_UP if hasattr(record, name)}
