"""News: what a user's devices are to be told is noted in the commit that makes it so."""

from __future__ import annotations

from datetime import datetime

from counterseal.machines import NOTIFICATION
from counterseal.models import Account, BindingState, Change, Guid, News, Notification
from counterseal.models.guid import LUCK_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports


def noted(
    ports: Ports,
    policy: Policy,
    account: Account,
    news: News,
    subject: Guid,
    *,
    now: datetime,
    ends_at: datetime | None = None,
) -> tuple[Change, ...]:
    """
    Return what has to be committed with *news* for the account's other active devices.

    One notification for each kind of address that they have and that this service rings at:
    what is wrong with one transport delays no other. Nothing, where there is none.

    Args:
        account: Its roster says who has an address.
        subject: What the news is of; a device is not told of itself.
        ends_at: From then on nobody is told; None is as long as the policy says.
    """
    served = ports.notifier.kinds()
    if not served:
        return ()
    active = [
        device
        for device in account.devices
        if device.state is BindingState.ACTIVE and device.binding != subject
    ]
    kinds = {address.kind for device in active for address in device.addresses} & served
    until = now + policy.device_news_life if ends_at is None else ends_at
    return tuple(
        Change(
            None,
            Notification(
                guid=mint(partition_of(account.guid), ports.entropy.token(LUCK_BYTES)),
                state=NOTIFICATION.initial,
                news=news,
                subject=subject,
                account=account.guid,
                app_space=account.app_space,
                kind=kind,
                devices=tuple(
                    device.binding
                    for device in active
                    if any(address.kind is kind for address in device.addresses)
                ),
                next_at=now,
                ends_at=until,
                created_at=now,
                keep_until=until + policy.notification_retention,
            ),
        )
        for kind in sorted(kinds, key=lambda kind: kind.value)
    )


def revoked(
    ports: Ports, policy: Policy, account: Account, device: Guid, *, now: datetime
) -> tuple[Change, ...]:
    """
    Return what has to be committed with the revocation of *device*.

    Nothing if it was never bound: an invitation is no device.
    """
    bound = any(
        line.binding == device and line.state is not BindingState.INVITED
        for line in account.devices
    )
    if not bound:
        return ()
    return noted(ports, policy, account, News.DEVICE_REVOKED, device, now=now)
