"""
Account events: each commit that changes an account's standing says so in records of its own.

No other module makes them. A commit has one for each change: a signature that is one wrong PIN too
many is a strike, and revokes the device.
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
class Happening:
    """What happened to an account, and the device or the challenge that it is about."""

    kind: AccountEventKind
    device: Guid | None = None
    challenge: Guid | None = None


def with_events(
    tools: Tools, account: Account, *happenings: Happening
) -> tuple[Account, tuple[AccountEvent, ...]]:
    """
    Return the account with its events counted, and the events, to be committed together.

    Args:
        account: The account as the commit writes it: already revised.
        happenings: In the order in which origins are to hear of them; with none, the account is
            returned unchanged.
    """
    if not happenings:
        return account, ()
    events = tuple(
        AccountEvent(
            guid=account_event_guid(account.guid, number),
            state=ACCOUNT_EVENT.initial,
            kind=happening.kind,
            account=account.guid,
            app_space=account.app_space,
            number=number,
            device=happening.device,
            challenge=happening.challenge,
            created_at=tools.now,
            keep_until=tools.now + tools.policy.events_retention,
        )
        for number, happening in enumerate(happenings, account.events + 1)
    )
    return replace(account, events=account.events + len(events)), events


def device_bound(account: Account, device: Guid) -> Happening:
    """Return that *device* was bound; *account* is as it was before."""
    kind = AccountEventKind.DEVICE_ADDED if account.bound_devices else AccountEventKind.BOUND
    return Happening(kind, device=device)


def device_revoked(binding: Binding | None) -> tuple[Happening, ...]:
    """Return that a device was revoked; *binding* is as it was, and None is no device."""
    if binding is None or binding.state in PROVISIONAL:
        # It was never bound, and no event has named it.
        return ()
    return (Happening(AccountEventKind.REVOKED, device=binding.guid),)
