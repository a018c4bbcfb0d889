"""Notifications: which devices a worker notifies, and what follows from the outcome."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

import attrs

from counterseal._plan import (
    AuditEntry,
    Decision,
    DecisionCoroutine,
    Reading,
    Records,
    Tools,
    records,
    require,
    return_record,
)
from counterseal.accounts.records import Account
from counterseal.bindings.decisions.bindings import with_binding
from counterseal.bindings.records import Binding, BindingState
from counterseal.challenges.records import Challenge
from counterseal.errors import WrongState
from counterseal.machines import step
from counterseal.models import Record, revise
from counterseal.models.guid import ENTROPY_BYTES, Guid, mint, partition_of
from counterseal.models.push import (
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.outbox.chart import NOTIFICATION, NotificationEvent
from counterseal.outbox.records import Notification, NotificationState, SkipReason
from counterseal.outbox.rules.retries import (
    JITTER_BYTES,
    NotificationFacts,
    find_skip_reason,
    jitter_from,
    progress_after,
)
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.records import Administrator, AppSpace, Texts
from counterseal.tenancy.rules.authorization import Permission
from counterseal.wire.visible import visible

R = TypeVar("R")

AddressOutcomes: TypeAlias = tuple[tuple[PushAddress, PushOutcome], ...]
"""The outcome of an attempt at each address of one device."""

NOTIFIER = "notifier"
"""What the audit log calls who learned it."""

ELLIPSIS = "…"
ZERO_WIDTH_JOINER = "\u200d"


@attrs.define(kw_only=True)
class Recipients:
    """Which devices are notified now, and with what; or no message, and why none is."""

    addresses: Mapping[Guid, tuple[PushAddress, ...]] = attrs.field(factory=dict)
    message: PushMessage | None = None
    skip_reason: SkipReason | None = None


def compose(stored: Records, tools: Tools, notification: Notification) -> Decision[Recipients]:
    """Compose what is sent to the addresses that the devices have by now, or say why nothing is."""
    subject, account, app_space = stored
    skip_reason = find_skip_reason(notification, subject, account, tools.now)
    if skip_reason is not None or not isinstance(account, Account):
        return Decision(result=Recipients(skip_reason=skip_reason))
    addresses = {}
    reachable = {
        device.binding: device.addresses
        for device in account.devices
        if device.state is BindingState.ACTIVE
    }
    if isinstance(subject, Binding):
        # Only of a device that others have revoked is the subject among those to be notified.
        reachable[subject.guid] = subject.addresses
    for device, own_addresses in reachable.items():
        if device in notification.devices:
            served = tuple(each for each in own_addresses if each.kind is notification.kind)
            if served:
                addresses[device] = served
    if not addresses:
        return Decision(result=Recipients(skip_reason=SkipReason.NOBODY))
    title, body = _texts(_policy_of(app_space, tools), app_space, notification.occasion, subject)
    message = PushMessage(
        guid=notification.guid,
        occasion=notification.occasion,
        subject=notification.subject,
        account=notification.account,
        title=title,
        body=body,
        life=notification.ends_at - tools.now,
        timeout=tools.policy.push_timeout,
    )
    return Decision(result=Recipients(addresses=addresses, message=message))


def record_attempt(
    stored: Records,
    tools: Tools,
    claimed: Notification,
    outcomes: Mapping[Guid, AddressOutcomes],
    skip_reason: SkipReason | None,
) -> Decision[Notification]:
    """Decide the notification's new state after an attempt, and forget addresses that are gone."""
    notification = require(stored[0], Notification)
    assert claimed.lease_until is not None  # noqa: S101 (the claim; for the type checker)
    results = {device: tuple(outcome for _, outcome in each) for device, each in outcomes.items()}
    jitter = jitter_from(tools.entropy(JITTER_BYTES))
    progress = progress_after(notification, results, tools.now, tools.policy, jitter)
    facts = NotificationFacts(
        record=notification,
        claimed=claimed.lease_until,
        remaining=progress.remaining,
        delivered=progress.delivered,
        skip_reason=skip_reason,
    )
    event = NotificationEvent.PUSH if skip_reason is None else NotificationEvent.DROP
    state = step(NOTIFICATION, notification.state, event, facts)
    reason = None
    if state is NotificationState.OVER:
        reason = skip_reason or progress.skip_reason
    recorded_notification = revise(
        notification,
        state=state,
        devices=progress.remaining,
        delivered=progress.delivered,
        attempts=notification.attempts + (skip_reason is None),
        next_at=progress.next_at,
        lease_until=None,
        skip_reason=reason,
    )
    occasion, subject = notification.occasion, notification.subject
    audit = push_entries(occasion, subject, outcomes, actor=NOTIFIER)
    if reason is not None:
        audit += (push_entry(occasion, subject, reason.value, actor=NOTIFIER),)
    writes, entries = drop_dead_addresses(tools, stored[1:], outcomes)
    return Decision(
        result=recorded_notification,
        writes=(recorded_notification, *writes),
        audit=(*audit, *entries),
    )


def attempt_records(
    notification: Notification, outcomes: Mapping[Guid, AddressOutcomes]
) -> Reading[Records]:
    """Read what `record_attempt` gets: the account only where it loses an address."""
    dead = dead_addresses(outcomes)
    if not dead:
        return records(notification.guid)
    return records(notification.guid, notification.account, *dead)


async def administer(
    stored: Records,
    tools: Tools,
    by: Administrator,
    kind: type[Notification | Binding],
    decide: Callable[[Records, Tools], Decision[R] | DecisionCoroutine[R]],
) -> Decision[R]:
    """Decide on a notification or a device, if *by* may look after its user."""
    await permission_to(Permission.USERS, by, require(stored[0], kind))
    step = decide(stored, tools)
    return step if isinstance(step, Decision) else await step


def read_notification(stored: Records, tools: Tools) -> Decision[Notification]:
    """Decide to return a notification."""
    return return_record(stored, tools, Notification)


async def compose_test(stored: Records, tools: Tools) -> Decision[Recipients]:
    """Compose the message that tests whether the device can be notified."""
    binding = require(stored[0], Binding)
    if binding.state is not BindingState.ACTIVE:
        raise WrongState(binding.state.value)
    (app_space,) = await records(binding.app_space)
    policy = _policy_of(app_space, tools)
    title, body = _texts(policy, app_space, Occasion.TEST, None)
    message = PushMessage(
        guid=mint(partition_of(binding.guid), tools.entropy(ENTROPY_BYTES)),
        occasion=Occasion.TEST,
        subject=binding.guid,
        account=binding.account,
        title=title,
        body=body,
        life=policy.challenge_life,
        timeout=policy.push_timeout,
    )
    return Decision(result=Recipients(addresses={binding.guid: binding.addresses}, message=message))


def record_test(
    stored: Records, tools: Tools, outcomes: Mapping[Guid, AddressOutcomes]
) -> Decision[AddressOutcomes]:
    """Decide what a test comes to: the device loses addresses that are gone."""
    binding = require(stored[0], Binding)
    device = binding.guid
    writes, entries = drop_dead_addresses(tools, (stored[1], binding), outcomes)
    return Decision(
        result=outcomes[device],
        writes=writes,
        guards=() if writes else (binding,),
        audit=(*push_entries(Occasion.TEST, device, outcomes, actor=""), *entries),
    )


def dead_addresses(
    outcomes: Mapping[Guid, AddressOutcomes],
) -> dict[Guid, frozenset[PushAddress]]:
    """Return the addresses that are gone, by device, of devices that have one."""
    dead = {
        device: frozenset(at for at, outcome in each if outcome.result is PushResult.GONE)
        for device, each in outcomes.items()
    }
    return {device: addresses for device, addresses in dead.items() if addresses}


def drop_dead_addresses(
    tools: Tools, stored: Records, outcomes: Mapping[Guid, AddressOutcomes]
) -> tuple[tuple[Record, ...], tuple[AuditEntry, ...]]:
    """Take addresses that are gone off their devices, which stay bound."""
    dead = dead_addresses(outcomes)
    if not dead:
        return (), ()
    account = require(stored[0], Account)
    devices, writes, entries = account.devices, [], []
    for binding in stored[1:]:
        if not isinstance(binding, Binding):
            continue
        remaining = tuple(
            address for address in binding.addresses if address not in dead[binding.guid]
        )
        if remaining == binding.addresses:
            continue
        updated_binding = revise(binding, addresses=remaining)
        devices = with_binding(devices, updated_binding, tools.now)
        writes.append(updated_binding)
        entries.append(AuditEntry(binding.guid, "binding.address", actor=NOTIFIER))
    if not writes:
        return (), ()
    return (*writes, revise(account, devices=devices)), tuple(entries)


def push_entries(
    occasion: Occasion,
    subject: Guid,
    outcomes: Mapping[Guid, AddressOutcomes],
    *,
    actor: str,
) -> tuple[AuditEntry, ...]:
    """Return what the audit log records: an entry for each address, with its outcome."""
    return tuple(
        push_entry(
            occasion,
            subject,
            "" if outcome.result is PushResult.DELIVERED else outcome.result.value,
            actor=actor,
            attributes=(("device", device), ("kind", address.kind.value)),
        )
        for device, each in outcomes.items()
        for address, outcome in each
    )


def push_entry(
    occasion: Occasion,
    subject: Guid,
    reason: str,
    *,
    actor: str,
    attributes: tuple[tuple[str, str], ...] = (),
) -> AuditEntry:
    """Return one line of the audit log about the notification of *subject*."""
    noun = "challenge" if occasion.about_challenge else "binding"
    attributes = (("occasion", occasion.value), *attributes)
    return AuditEntry(subject, f"{noun}.push", reason, actor, attributes)


def _policy_of(app_space: Record | None, tools: Tools) -> Policy:
    return tools.within(app_space).policy if isinstance(app_space, AppSpace) else tools.policy


def _texts(
    policy: Policy, app_space: Record | None, occasion: Occasion, subject: Record | None
) -> tuple[str, str]:
    """Return title and body: nothing that the push service may not read."""
    texts = app_space.texts if isinstance(app_space, AppSpace) else Texts()
    title = texts.title or policy.notification_title
    if occasion is Occasion.CHALLENGE_ENDED:
        return title, texts.challenge_ended or policy.challenge_ended_body
    if occasion is Occasion.DEVICE_BOUND:
        return title, texts.device_bound or policy.device_bound_body
    if occasion is Occasion.DEVICE_REVOKED:
        return title, texts.device_revoked or policy.device_revoked_body
    if occasion is Occasion.DEVICE_UNCONFIRMED:
        return title, texts.device_unconfirmed or policy.device_unconfirmed_body
    body = texts.challenge or policy.notification_body
    if not (
        policy.origin_texts
        and isinstance(app_space, AppSpace)
        and isinstance(subject, Challenge)
        and (subject.notification_title or subject.notification_body)
    ):
        return title, body
    title = subject.notification_title or title
    return _name_sender(app_space, title, policy.title_bytes), subject.notification_body or body


def _name_sender(app_space: AppSpace, title: str, limit: int) -> str:
    """
    Return *title* after the App Space's name, in *limit* bytes of UTF-8.

    The name is never cut. An origin could otherwise write as if the push came from another sender,
    such as the phone's system.
    """
    name = visible(app_space.name)
    if title == name:
        return name
    prefix = f"{name}: "
    text = _shorten(title.removeprefix(prefix), limit - len(prefix.encode()))
    return f"{prefix}{text}" if text else name


def _shorten(text: str, limit: int) -> str:
    """Return *text*, cut to *limit* bytes of UTF-8; a character keeps its marks and joiners."""
    data = text.encode()
    if len(data) <= limit:
        return text
    beginning = data[: max(0, limit - len(ELLIPSIS.encode()))].decode(errors="ignore")
    while beginning and (beginning.endswith(ZERO_WIDTH_JOINER) or _extends(text[len(beginning)])):
        beginning = beginning[:-1]
    return f"{beginning}{ELLIPSIS}" if beginning else ""


def _extends(character: str) -> bool:
    """Tell whether *character* belongs to the one before it (UAX #29, Extend)."""
    return (
        unicodedata.category(character).startswith("M")
        or character == ZERO_WIDTH_JOINER
        or unicodedata.name(character, "").startswith("EMOJI MODIFIER")
    )
