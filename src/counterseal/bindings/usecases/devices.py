"""Devices: what a bound device does besides answering, and how others stop it."""

from __future__ import annotations

import attrs

from counterseal import ijson
from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._capabilities import demand_inviter
from counterseal._guid_memory import GuidMemory
from counterseal._input_limits import text_fits
from counterseal._plan import find_record, record_with_account, records, require
from counterseal._transaction import load
from counterseal.bindings.chart import BindingEvent
from counterseal.bindings.decisions import confirmations, devices
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice
from counterseal.bindings.decisions.invitations import Invitation
from counterseal.bindings.usecases.admission import DeviceUseCase, Subject, demand_sendable
from counterseal.models import (
    Account,
    Administrator,
    AuditEvent,
    Binding,
    Company,
    DeviceCall,
    Guid,
    RelyingParty,
    replace,
)
from counterseal.tenancy.rules.authorization import OriginPermission
from counterseal.wire.telemetry import read_report

EVENTS_A_MINUTE = 60
"""Of one device: five events for each of the questions that it may be asked, and room."""


@attrs.frozen
class Devices(DeviceUseCase):
    """
    The life of a bound device.

    Each verb that takes a device's call can raise Refused: the call is not proven, or the device
    may not act. Each that takes an administrator can raise:

    - CredentialRefused: its time is over, or it was revoked;
    - Foreign: the device is out of its reach;
    - RoleLacking: its role does not include this.
    """

    _companies: GuidMemory = attrs.field(factory=GuidMemory, init=False, eq=False, repr=False)

    def authenticate(self, call: DeviceCall, *, event: str = "device.prove") -> AuthenticatedDevice:
        """
        Authenticate a device's call.

        Args:
            call: The call.
            event: The operation that the audit log names if the call is refused.

        Raises:
            MalformedToken: The proof is not spelled as it should be.
            WrongDevice: There is no such device.
            Refused: The proof does not hold, was seen before, or the device may not act.
        """
        _, device = self._admit(call, event, None)
        return device.value

    def status(self, call: DeviceCall) -> tuple[AuthenticatedDevice, Company]:
        """
        Authenticate a device's call; return the device, and the company of its App Space.

        Raises:
            Refused: As `authenticate`.
        """
        _, loaded = self._admit(call, "device.prove", None, self._companies)
        device = loaded.value
        company = find_record(device.others, device.app_space.company)
        if company is None:
            (company,) = load(self.ports, records(device.app_space.company))
            self._companies.remember(device.app_space.guid, device.app_space.company)
        return device, require(company, Company)

    def rotate(self, call: DeviceCall) -> AuthenticatedDevice:
        """
        Replace a device's keys; the body is an enrolment without a token.

        New keys of a role replace all old keys of it; the other role's stay.

        Returns:
            The device with its new keys.

        Raises:
            InvalidField: The body is malformed.
            UnfitKey: A key is weak, malformed or not allowed.
            KeysIncomplete: The device would not have one device key and at least one strong key,
                there are more than the policy allows, or one has the name of another.
            NotPossessed: A new key did not prove its possession.
            NotEndorsed: A new key is not signed by an old key of its role.
            StrongKeyMissed: The device's strong key did not endorse it; has `attempts_left`.
        """
        context, device = self._admit(call, "binding.rotate", Subject.DEVICE)
        served_kinds = self.ports.notifier.kinds()
        binding = self._transactions.transact(
            context, device, devices.rotate, call.body, served_kinds=served_kinds
        )
        return replace(device.value, binding=binding)

    def update(self, call: DeviceCall) -> AuthenticatedDevice:
        """
        Change what a device says of itself, as its push addresses; the body is an update.

        What the body leaves out stays as it is; an empty list clears the addresses.

        Returns:
            The device as it is from now on.

        Raises:
            InvalidField: The body is malformed, a text does not fit, or the notifier of its kind
                refuses a push address.
        """
        context, device = self._admit(call, "binding.update", Subject.DEVICE)
        with refusals(self.ports, context):
            changes = devices.read_changes(call.body, self.policy)
            demand_sendable(self.ports.notifier, changes.addresses or ())
        binding = self._transactions.transact(context, device, devices.update, changes)
        return replace(device.value, binding=binding)

    def unbind(self, call: DeviceCall) -> Binding:
        """
        Revoke the calling device for good, as its owner wants; the call has no body.

        Challenges of the account stay open for its other devices. A repeated call is refused as
        every call of a revoked device.

        Raises:
            BindingInactive: The device is suspended or revoked, perhaps by an earlier such call.
            Refused: The call is not proven, or the device may not act.
        """
        served_kinds = self.ports.notifier.kinds()
        return self._decide_as(
            call, "binding.unbind", Subject.DEVICE, devices.unbind, served_kinds=served_kinds
        )

    def lock(self, call: DeviceCall) -> Account:
        """
        Lock the account of the calling device, as its owner wants; the call has no body.

        The device key's proof is enough: a person in danger is quick, and a thief wins nothing.
        Only an administrator unlocks it. A repeated call is refused as every call of a locked
        account.

        Raises:
            AccountLocked: The account is locked, perhaps by an earlier such call.
            BindingInactive: The device is not active.
            Refused: The call is not proven, or the device may not act.
        """
        return self._decide_as(call, "account.lock", Subject.DEVICE, devices.lock_account)

    def suspend(self, device: Guid, *, by: Administrator) -> Binding:
        """
        Suspend a device on behalf of support staff.

        Raises:
            NotFound: There is no such device.
            WrongState: It is not active.
        """
        return self._suspend_or_resume(device, BindingEvent.SUSPEND, by)

    def resume(self, device: Guid, *, by: Administrator) -> Binding:
        """
        Resume a device that support staff suspended.

        Raises:
            NotFound: There is no such device.
            WrongState: It is not suspended.
            WrongAuthority: Its Identity Provider suspended it.
        """
        return self._suspend_or_resume(device, BindingEvent.RESUME, by)

    def revoke(self, device: Guid, *, by: RelyingParty | Administrator) -> Binding:
        """
        Revoke a device or an open invitation for good, as its origin or as an administrator.

        Raises:
            NotFound: There is no such device.
            Foreign: It belongs to another App Space than the origin's.
            WrongState: It has ended already.
        """
        event = "binding.revoke"
        if isinstance(by, RelyingParty):
            context = self._permit(by, OriginPermission.USERS, event, device)
        else:
            context = AuditContext(event=event, actor=by.actor, subject=device)
        served_kinds = self.ports.notifier.kinds()
        return self._transactions.transact(
            context, record_with_account(device), devices.revoke, by, served_kinds=served_kinds
        )

    def _suspend_or_resume(self, device: Guid, event: BindingEvent, by: Administrator) -> Binding:
        return self._decide_for(
            by,
            f"binding.{event.value}",
            device,
            record_with_account(device),
            devices.suspend_or_resume,
            event,
        )


@attrs.frozen
class KeySets(DeviceUseCase):
    """The service's keys, endorsed for devices."""

    def endorse(self, call: DeviceCall) -> dict[str, str]:
        """
        Return the service's key set signed by each of its keys, by the signing key's id.

        The device takes the one that a key it has pinned has signed.

        Raises:
            Refused: The call is not proven, or the device may not act.
        """
        context, device = self._admit(call, "device.keys", Subject.DEVICE)
        service_keys = self.ports.signer.jwks()
        return self._transactions.transact(context, device, devices.endorse_keys, service_keys)


@attrs.frozen
class Telemetry(DeviceUseCase):
    """What devices report of themselves."""

    def record(self, call: DeviceCall) -> None:
        """
        Record one event of a device in the audit log; the call's body says which.

        Raises:
            InvalidField: The body is malformed, or too much.
            TooOften: The device reports too much.
            Refused: The call is not proven, or the device may not act.
        """
        ports = self.ports
        context, loaded = self._admit(call, "device.telemetry", Subject.DEVICE)
        device = loaded.value
        with refusals(ports, context):
            report = read_report(ijson.parse(call.body))
        guid = device.binding.guid
        demand_rate(ports, context, ("telemetry", guid), EVENTS_A_MINUTE)
        ports.audit.record(
            AuditEvent(
                at=device.proving.now,
                event=f"telemetry.{report.event}",
                actor=guid,
                subject=report.challenge,
                attributes=report.attributes,
                app_space=device.app_space.guid,
            )
        )


CODE_BYTES = 64
"""A comparison code as a person types it, with spaces or hyphens anywhere."""


@attrs.frozen
class Confirmations(DeviceUseCase):
    """
    A device invites another of its account, and new devices are confirmed or refused.

    Each verb that takes a device's call can raise Refused: the call is not proven, or the device
    may not act.
    """

    def invite(self, call: DeviceCall) -> Invitation:
        """
        Invite another device of the calling device's account; the call has no body.

        What is bound by it is unconfirmed until a device of the account, or the origin, confirms.
        It needs no free place, since the calling device may move to it.

        Raises:
            NewDeviceForbidden: Policy or App Space does not let devices invite others.
            TooManyBindings: The account has five devices that wait to be bound or confirmed.
            TooOften: The account's devices make too many invitations.
        """
        context, device = self._admit(call, "binding.invite", None)
        account = device.value.account.guid
        rate = self._within(device.value.app_space, None).policy.device_invite_rate
        demand_rate(self.ports, context, ("device_invite", account), rate)
        return self._transactions.transact(context, device, confirmations.invite_another)

    def pending(self, call: DeviceCall) -> tuple[Binding, ...]:
        """
        Return the new devices of the account that wait to be confirmed, oldest first.

        Raises:
            Refused: The call is not proven, or the device may not act.
        """
        return self._decide_as(call, "binding.unconfirmed", None, confirmations.list_unconfirmed)

    def decide(self, call: DeviceCall) -> Binding:
        """
        Add, move to or refuse a new device; the call's body is a confirmation, a compact JWS.

        To move revokes the calling device in the same commit. Sending the identical confirmation
        again returns the recorded result, unless the device has moved: it may not act any more.

        Raises:
            NotFound: There is no such new device.
            Foreign: It belongs to another account.
            WrongState: It is not unconfirmed: it was confirmed, or has ended. Or the device or the
                administrator's session that invited it is active no more: then it can only be
                refused.
            NewDeviceForbidden: A device has invited it, which policy or App Space do not let it do
                any more: then, too, it can only be refused.
            TooManyBindings: The account has as many devices as the policy allows, and the new one
                takes the place of none.
            DeadlinePassed: It has waited too long.
            KeysChanged: The signed keys are not those of the new device.
            WeakKey: No strong key of the calling device signed it.
            StrongKeyMissed: The device's strong key did not sign it; has `attempts_left`.
        """
        return self._decide_on_token(
            call,
            "binding.confirm",
            confirmations.read_submitted_confirmation,
            confirmations.decide_by_device,
            served_kinds=self.ports.notifier.kinds(),
            demand_inviter=demand_inviter,
        )

    def compare(self, party: RelyingParty, binding: Guid, code: str) -> Binding:
        """
        Confirm a new device by the comparison code that it shows, which its user has read out.

        A wrong code is counted, and the last one that the policy allows revokes the new device.
        The right code again returns the recorded result. To check a code takes some 20 ms, so the
        policy limits how many an origin may send in a minute.

        Args:
            party: The origin, in whose App Space the device is.
            binding: The new device.
            code: As the person says it; case, spaces and hyphens are ignored.

        Raises:
            NotFound: There is no such device.
            Foreign: It belongs to another App Space than the origin's.
            WrongState: It is not unconfirmed: it was confirmed, or has ended. Or a device or an
                administrator's session that is active no more has invited it.
            NewDeviceForbidden: A device has invited it, which policy or App Space do not let it do
                any more.
            TooManyBindings: The account has as many devices as the policy allows.
            TooOften: The origin sends too many codes.
            DeadlinePassed: It has waited too long.
            AccountLocked: The account is locked.
            WrongCode: The code is wrong; has `attempts_left`.
            InvalidField: The code does not fit.
        """
        context = self._permit(party, OriginPermission.USERS, "binding.compare", binding)
        with refusals(self.ports, context):
            text_fits(code, CODE_BYTES, "code")
        transactions = self._within(party.app_space, party.origin)
        rate = transactions.policy.comparison_rate
        demand_rate(self.ports, context, ("compare", context.actor), rate)
        served_kinds = self.ports.notifier.kinds()
        return transactions.transact(
            context,
            record_with_account(binding),
            confirmations.decide_by_origin,
            party,
            code,
            served_kinds=served_kinds,
            demand_inviter=demand_inviter,
        )
