"""
Admission: the steps that happen once, before the decision on a device's request.

Only `admit` makes a loaded `AuthenticatedDevice`. A transaction that lost its race reads and
authenticates again, without repeating these steps.
"""

from __future__ import annotations

import attrs

from counterseal import identity
from counterseal._audit_context import AuditContext, record_refusal
from counterseal._plan import Reading
from counterseal._transaction import Loaded, Transactions, load, refusals, tools_of
from counterseal.accounts.rules import forgettable_at, revalidation_due, within_grace
from counterseal.bindings.decisions.device_requests import (
    AuthenticatedDevice,
    DeviceRequest,
    demand_active,
    open_request,
    store_seen,
)
from counterseal.bindings.records import SEEN_STEP
from counterseal.errors import IdentityUnavailable, InvalidField, Refused, Replayed
from counterseal.models import AuditEvent, DeviceCall, PushAddress
from counterseal.narrowing import policy_within
from counterseal.ports import Notifier


def open_call(
    transactions: Transactions, call: DeviceCall, event: str, *, about_device: bool = True
) -> tuple[AuditContext, DeviceRequest]:
    """Read a device's call, which until then is a stranger's; most are *about_device* itself."""
    try:
        request = open_request(call, transactions.policy)
    except Refused as refusal:
        stranger = AuditContext(event=event, actor="stranger")
        record_refusal(transactions.ports, stranger, refusal)
        raise
    device = request.proof.device
    subject = device if about_device else None
    return AuditContext(event=event, actor=device, subject=subject), request


def admit(
    transactions: Transactions,
    context: AuditContext,
    request: DeviceRequest,
    reading: Reading[AuthenticatedDevice],
) -> tuple[AuditContext, Loaded[AuthenticatedDevice]]:
    """
    Authenticate a device's request, and remember its proof.

    Where it is due, its user is revalidated, and it is stored that the device was seen.

    Returns:
        The context of what follows, with the device's App Space; and the device.

    Raises:
        WrongDevice: There is no such device.
        Replayed: The proof was used before.
        IdentityUnavailable: Revalidation is due, the Identity Provider does not answer, and the
            policy's grace is over.
        Refused: The proof is not valid, or its account or binding may not act.
    """
    ports, policy = transactions.ports, transactions.policy
    stored = load(ports, reading)
    tools = tools_of(ports, policy)
    try:
        device = request.identify(stored, tools)
        context = attrs.evolve(context, app_space=device.app_space.guid)
        key = ("proof", device.binding.guid, request.proof.id)
        if not ports.replay.first_seen(key, forgettable_at(tools.now, policy)):
            raise Replayed
        loaded = Loaded(stored, device, tools, reading=reading)
        if demand_active(device, tools):
            _revalidate(transactions, device)
            # Also where the policy believes no word for longer than it takes to hear it.
            loaded = transactions.load(reading)
    except Refused as refusal:
        record_refusal(ports, context, refusal)
        raise
    last_seen_at = loaded.value.binding.last_seen_at
    if last_seen_at is not None and tools.now - last_seen_at < SEEN_STEP:
        return context, loaded
    return context, _store_seen(transactions, context, reading, loaded)


def _store_seen(
    transactions: Transactions,
    context: AuditContext,
    reading: Reading[AuthenticatedDevice],
    loaded: Loaded[AuthenticatedDevice],
) -> Loaded[AuthenticatedDevice]:
    """Store that the device was seen, without an event in the audit log, and read it again."""
    transactions.transact(context, loaded, store_seen)
    with refusals(transactions.ports, context):
        return transactions.load(reading)


def _revalidate(transactions: Transactions, device: AuthenticatedDevice) -> None:
    ports, policy, now = transactions.ports, transactions.policy, device.proving.now
    # Another call may have asked since the guard, and the user may have logged out.
    account = identity.read_account(ports, device.account.guid)
    if not revalidation_due(account, device.app_space, now, policy):
        return
    try:
        identity.revalidate(transactions, account, device.app_space)
    except IdentityUnavailable as failure:
        event = AuditEvent(
            at=now,
            event="identity.revalidate",
            actor="idp",
            subject=account.guid,
            reason=failure.code,
            app_space=account.app_space,
        )
        ports.audit.record(event)
        if not within_grace(account, now, policy_within(policy, device.app_space, None)):
            raise


def demand_sendable(notifier: Notifier, addresses: tuple[PushAddress, ...]) -> None:
    """
    Refuse an address that *notifier* could send nothing to; of other kinds, every one is accepted.

    Raises:
        InvalidField: One of *addresses* is malformed; the field names its place.
    """
    kinds = notifier.kinds()
    for index, address in enumerate(addresses):
        if address.kind in kinds:
            try:
                notifier.require_sendable(address)
            except InvalidField as error:
                raise InvalidField(f"addresses[{index}].{error.field}", error.problem) from None
