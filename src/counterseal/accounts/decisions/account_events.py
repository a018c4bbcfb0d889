"""
Account events: each commit that locks, erases or otherwise changes an account stores them.

Only this module builds them. A commit has one for each change: the last wrong PIN that is allowed
is a strike, and also revokes the device, so it has two.
"""

from __future__ import annotations

import attrs

from counterseal._plan import Tools
from counterseal.accounts.chart import ACCOUNT_EVENT
from counterseal.models import (
    PROVISIONAL,
    Account,
    AccountEvent,
    AccountEventKind,
    Binding,
    Guid,
    replace,
)
from counterseal.models.events import account_event_guid


@attrs.define
class NewAccountEvent:
    """What happened to an account, and to which device or challenge; not numbered yet."""

    kind: AccountEventKind
    device: Guid | None = None
    challenge: Guid | None = None


def build_account_events(
    tools: Tools, account: Account, *new_events: NewAccountEvent
) -> tuple[Account, tuple[AccountEvent, ...]]:
    """
    Return the account with its events counted, and the events, to be committed together.

    Args:
        account: The account as the commit writes it: already revised.
        new_events: In the order in which origins read them; without any, the account is returned
            unchanged.
    """
    if not new_events:
        return account, ()
    events = tuple(
        AccountEvent(
            guid=account_event_guid(account.guid, number),
            state=ACCOUNT_EVENT.initial,
            kind=new_event.kind,
            account=account.guid,
            app_space=account.app_space,
            number=number,
            device=new_event.device,
            challenge=new_event.challenge,
            created_at=tools.now,
            keep_until=tools.now + tools.policy.events_retention,
        )
        for number, new_event in enumerate(new_events, account.events + 1)
    )
    return replace(account, events=account.events + len(events)), events


def device_bound_event(account: Account, device: Guid) -> NewAccountEvent:
    """Return the event that *device* was bound; *account* is as it was before."""
    kind = AccountEventKind.DEVICE_ADDED if account.bound_devices else AccountEventKind.BOUND
    return NewAccountEvent(kind, device=device)


def device_revoked_events(binding: Binding | None) -> tuple[NewAccountEvent, ...]:
    """
    Return the event that a device was revoked, if it was bound.

    Args:
        binding: As it was before; None if there is no device.
    """
    if binding is None or binding.state in PROVISIONAL:
        # It was never bound, and no event has named it.
        return ()
    return (NewAccountEvent(AccountEventKind.REVOKED, device=binding.guid),)
