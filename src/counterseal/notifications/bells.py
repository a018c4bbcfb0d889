"""Bells: what is said, and at which addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from counterseal.models import (
    Account,
    AppSpace,
    Binding,
    BindingState,
    Challenge,
    Guid,
    Notification,
    Occasion,
    PushAddress,
    PushMessage,
    Record,
    SkipReason,
    Texts,
)
from counterseal.policy import Policy
from counterseal.ports import Store
from counterseal.rules.retries import find_skip_reason


@attrs.frozen(kw_only=True)
class Audience:
    """
    Whom to ring, and with what.

    Attributes:
        addresses: Of each device that is to be rung.
        bell: None where nobody is.
        silence: Why nobody is; None where somebody is.
    """

    addresses: Mapping[Guid, tuple[PushAddress, ...]] = attrs.field(factory=dict)
    message: PushMessage | None = None
    skip_reason: SkipReason | None = None


def audience(store: Store, policy: Policy, noted: Notification, now: datetime) -> Audience:
    """
    Return whom *noted* is to be rung at now: at the addresses that its devices have by now.

    Raises:
        Unavailable: The store did not answer.
    """
    subject, account, space = store.get(noted.subject, noted.account, noted.app_space)
    skip_reason = find_skip_reason(noted, subject, account, now)
    if skip_reason is not None or not isinstance(account, Account):
        return Audience(skip_reason=skip_reason)
    addresses = {
        device.binding: at
        for device in account.devices
        if device.binding in noted.devices and device.state is BindingState.ACTIVE
        if (at := tuple(each for each in device.addresses if each.kind is noted.kind))
    }
    if not addresses:
        return Audience(skip_reason=SkipReason.NOBODY)
    title, body = _texts(policy, space, noted.occasion, subject)
    message = PushMessage(
        guid=noted.guid,
        occasion=noted.occasion,
        subject=noted.subject,
        account=noted.account,
        title=title,
        body=body,
        life=noted.ends_at - now,
        timeout=policy.push_timeout,
    )
    return Audience(addresses=addresses, message=message)


def test_message(policy: Policy, binding: Binding, space: Record | None, guid: Guid) -> PushMessage:
    """Return the bell that tries whether a device can be rung."""
    title, body = _texts(policy, space, Occasion.TEST, None)
    return PushMessage(
        guid=guid,
        occasion=Occasion.TEST,
        subject=binding.guid,
        account=binding.account,
        title=title,
        body=body,
        life=policy.challenge_life,
        timeout=policy.push_timeout,
    )


def _texts(
    policy: Policy, space: Record | None, occasion: Occasion, subject: Record | None
) -> tuple[str, str]:
    """Return title and body: nothing that the push service may not read."""
    texts = space.texts if isinstance(space, AppSpace) else Texts()
    title = texts.title or policy.notification_title
    if occasion is Occasion.DEVICE_BOUND:
        return title, texts.device_bound or policy.device_bound_body
    if occasion is Occasion.DEVICE_REVOKED:
        return title, texts.device_revoked or policy.device_revoked_body
    body = texts.challenge or policy.notification_body
    if isinstance(subject, Challenge) and policy.origin_texts:
        return subject.notification_title or title, subject.notification_body or body
    return title, body
