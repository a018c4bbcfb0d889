"""News: what has to be committed with them, for use cases on the old pattern."""

from __future__ import annotations

from datetime import datetime

from counterseal._decisions.notifications import (
    build_notifications,
    build_revocation_notifications,
)
from counterseal.decisions import tools_of
from counterseal.models import Account, Change, Guid, Occasion
from counterseal.policy import Policy
from counterseal.ports import Ports


def noted(
    ports: Ports,
    policy: Policy,
    account: Account,
    occasion: Occasion,
    subject: Guid,
    *,
    now: datetime,
) -> tuple[Change, ...]:
    """Return what has to be committed with *news* for the account's other active devices."""
    tools, kinds = tools_of(ports, policy), ports.notifier.kinds()
    notifications = build_notifications(tools, kinds, account, occasion, subject, now=now)
    return tuple(Change(None, notification) for notification in notifications)


def revoked(
    ports: Ports, policy: Policy, account: Account, device: Guid, *, now: datetime
) -> tuple[Change, ...]:
    """Return what has to be committed with the revocation of *device*."""
    tools, kinds = tools_of(ports, policy), ports.notifier.kinds()
    tools.now = now
    notifications = build_revocation_notifications(tools, kinds, account, device)
    return tuple(Change(None, notification) for notification in notifications)
