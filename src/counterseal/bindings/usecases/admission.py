"""
Admission: a device's call is opened, admitted, and decided on.

Only `admit` makes a loaded `AuthenticatedDevice`. A transaction that lost its race reads and
authenticates again, without repeating these steps.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import attrs

from counterseal import identity
from counterseal._audit_context import AuditContext, record_refusal, refusals
from counterseal._guid_memory import GuidMemory
from counterseal._plan import Decision, DecisionCoroutine, Reading, Tools
from counterseal._transaction import Loaded, Transactions, UseCase, load, tools_of
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
from counterseal.models import AuditEvent, DeviceCall, Guid, PushAddress
from counterseal.models.fields import replace
from counterseal.narrowing import policy_within
from counterseal.policy import Policy
from counterseal.ports import Notifier

R = TypeVar("R")
P = ParamSpec("P")

STRANGER = "stranger"
"""Who calls, in the audit log, until the call is read."""


class SubmittedToken(Protocol):
    """A token in a call's body, read and not verified."""

    @property
    def record_guid(self) -> Guid:
        """The record that it is about, which is read with the device."""


SubmittedT = TypeVar("SubmittedT", bound=SubmittedToken)


class Subject(enum.Enum):
    """What a call is about, where only the call names it: the device that calls."""

    DEVICE = enum.auto()


@attrs.frozen
class DeviceUseCase(UseCase):
    """
    What devices call; only here is a call opened.

    Until a call is opened, its caller is a stranger. A call that is opened is also admitted.
    """

    def _decide_as(
        self,
        call: DeviceCall,
        event: str,
        subject: Guid | Subject | None,
        decide: Callable[
            Concatenate[AuthenticatedDevice, Tools, P], Decision[R] | DecisionCoroutine[R]
        ],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """
        Transact as the device that calls.

        Args:
            event: `noun.verb`.
            subject: The record that the call is about, which is read with the device; None if it
                is about no record.
        """
        context, device = self._admit(call, event, subject)
        return self._transactions.transact(context, device, decide, *arguments, **keywords)

    def _decide_on_token(
        self,
        call: DeviceCall,
        event: str,
        parse: Callable[[bytes, Policy], SubmittedT],
        decide: Callable[
            Concatenate[AuthenticatedDevice, Tools, SubmittedT, P],
            Decision[R] | DecisionCoroutine[R],
        ],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Transact as the device that calls, on the token that *parse* reads in the call's body."""
        try:
            request = open_request(call, self.policy)
            token = parse(call.body, self.policy)
        except Refused as refusal:
            record_refusal(self.ports, AuditContext(event=event, actor=STRANGER), refusal)
            raise
        subject = token.record_guid
        context = AuditContext(event=event, actor=request.proof.device, subject=subject)
        context, device = admit(self._transactions, context, request, subject)
        return self._transactions.transact(context, device, decide, token, *arguments, **keywords)

    def _admit(
        self,
        call: DeviceCall,
        event: str,
        subject: Guid | Subject | None,
        companies: GuidMemory | None = None,
    ) -> tuple[AuditContext, Loaded[AuthenticatedDevice]]:
        """
        Admit the device that calls; see `admit`.

        Args:
            subject: As of `_decide_as`.
            companies: Of App Spaces: the device's is read with it, if it is remembered.
        """
        try:
            request = open_request(call, self.policy)
        except Refused as refusal:
            record_refusal(self.ports, AuditContext(event=event, actor=STRANGER), refusal)
            raise
        proof = request.proof
        other_guids = () if companies is None else companies.find(proof.app_space)
        if subject is Subject.DEVICE:
            subject = proof.device
        elif subject is not None:
            other_guids = (subject, *other_guids)
        context = AuditContext(event=event, actor=proof.device, subject=subject)
        return admit(self._transactions, context, request, *other_guids)


def admit(
    transactions: Transactions, context: AuditContext, request: DeviceRequest, *other_guids: Guid
) -> tuple[AuditContext, Loaded[AuthenticatedDevice]]:
    """
    Authenticate a device's request, and remember its proof.

    Where it is due, its user is revalidated, and it is stored that the device was seen.

    Args:
        other_guids: Records that are read in the same trip.

    Returns:
        The context of what follows, with the device's App Space; and the device.

    Raises:
        WrongDevice: There is no such device.
        Replayed: The proof was used before.
        IdentityUnavailable: Revalidation is due, the Identity Provider does not answer, and the
            policy's grace is over.
        Refused: The proof is not valid, or its account or binding may not act.
    """
    ports, policy, proof = transactions.ports, transactions.policy, request.proof
    guids = (proof.device, proof.account, proof.app_space, *other_guids)
    reading = Reading("get", guids, request.authenticate)
    stored = load(ports, reading)
    tools = tools_of(ports, policy)
    try:
        device = request.identify(stored, tools)
        context = replace(context, app_space=device.app_space.guid)
        key = ("proof", device.binding.guid, proof.id)
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
