"""The outbox: commits queue notifications, and wake the workers that send what they queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from counterseal._plan import Tools
from counterseal.accounts.records import Account
from counterseal.bindings.records import BindingState
from counterseal.challenges.records import Challenge
from counterseal.machines import CHARTS
from counterseal.models import Record
from counterseal.models.guid import ENTROPY_BYTES, Guid, derive_guid, mint, partition_of
from counterseal.models.push import AddressKind, Occasion
from counterseal.outbox.records import Callback, Notification

NEW_NOTIFICATIONS = derive_guid(0, "notifications")
NEW_CALLBACKS = derive_guid(0, "callbacks")
"""What the workers wait for: woken after each commit that queues a record for them that is due."""


NEW_RECORDS: Mapping[type, Guid] = MappingProxyType(
    {Callback: NEW_CALLBACKS, Notification: NEW_NOTIFICATIONS}
)
"""What the workers wait for, by the kind of the records that they send."""


def workers_to_wake(writes: Iterable[Record], now: datetime) -> Iterable[Guid]:
    """Return what the workers wait for that send the records which *writes* make due at *now*."""
    return dict.fromkeys(
        NEW_RECORDS[type(record)]
        for record in writes
        if type(record) in NEW_RECORDS and record.due_at is not None and record.due_at <= now
    )


def build_notifications(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    account: Account,
    occasion: Occasion,
    subject: Guid,
    *,
    now: datetime,
    due_at: datetime | None = None,
    ends_at: datetime | None = None,
    aware_device: Guid | None = None,
    tell_subject: bool = False,
    only_device: Guid | None = None,
) -> tuple[Notification, ...]:
    """
    Return the notifications of the account's active devices, to be committed.

    Neither *subject* nor *aware_device* is notified, since each knows of it; with *tell_subject*,
    a device that others have revoked is. With *only_device*, no other device is notified.

    There is one for each kind of address that they have and that this service sends to, so that
    a failing push service does not delay the others. They are due from *due_at* on, or from *now*,
    until *ends_at*, or for as long as the policy says.
    """
    if not served_kinds:
        return ()
    aware_devices = {aware_device} if tell_subject else {subject, aware_device}
    active_devices = [
        device
        for device in account.devices
        if device.state is BindingState.ACTIVE
        and device.binding not in aware_devices
        and only_device in {None, device.binding}
    ]
    kinds = {
        address.kind for device in active_devices for address in device.addresses
    } & served_kinds
    until = now + tools.policy.device_notification_life if ends_at is None else ends_at
    return tuple(
        Notification(
            guid=mint(partition_of(account.guid), tools.entropy(ENTROPY_BYTES)),
            state=CHARTS["notification"].initial,
            occasion=occasion,
            subject=subject,
            account=account.guid,
            app_space=account.app_space,
            kind=kind,
            devices=tuple(
                device.binding
                for device in active_devices
                if any(address.kind is kind for address in device.addresses)
            ),
            next_at=now if due_at is None else due_at,
            ends_at=until,
            created_at=now,
            keep_until=until + tools.policy.notification_retention,
        )
        for kind in sorted(kinds, key=lambda kind: kind.value)
    )


def build_revocation_notifications(
    tools: Tools, served_kinds: frozenset[AddressKind], account: Account, device: Guid
) -> tuple[Notification, ...]:
    """
    Return the notifications that tell the other devices that *device* is revoked.

    There are no such notifications if it was never bound: an invitation is no device.
    """
    was_bound = any(
        entry.binding == device and entry.state is not BindingState.INVITED
        for entry in account.devices
    )
    if not was_bound:
        return ()
    return build_notifications(
        tools, served_kinds, account, Occasion.DEVICE_REVOKED, device, now=tools.now
    )


def build_replacement_notifications(
    tools: Tools, served_kinds: frozenset[AddressKind], account: Account, replaced: Guid
) -> tuple[Notification, ...]:
    """
    Return the notifications that tell of a device whose place another takes, itself included.

    The *account* is as it was before: somebody else may have replaced the device.
    """
    return build_notifications(
        *(tools, served_kinds, account, Occasion.DEVICE_REVOKED, replaced),
        now=tools.now,
        tell_subject=True,
    )


def build_ending_notifications(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    account: Account,
    challenge: Challenge,
    *,
    aware_device: Guid | None = None,
) -> tuple[Notification, ...]:
    """
    Return the notifications that tell devices that *challenge* has ended before its deadline.

    There are no such notifications if the devices were not notified of the challenge itself, or if
    it has expired: a device knows the deadline.
    """
    if not challenge.show_notification:
        return ()
    return build_notifications(
        tools,
        served_kinds,
        account,
        Occasion.CHALLENGE_ENDED,
        challenge.guid,
        now=tools.now,
        ends_at=challenge.deadline,
        aware_device=aware_device,
        only_device=challenge.device,
    )
