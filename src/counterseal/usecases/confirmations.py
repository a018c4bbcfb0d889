"""Confirmations: a device invites another, and a device or an origin confirms or refuses it."""

from __future__ import annotations

import attrs

from counterseal._audit_context import AuditContext, demand_rate
from counterseal._capabilities import demand_inviter
from counterseal._decisions import confirmations
from counterseal._decisions.device_requests import open_request
from counterseal._decisions.invitations import Invitation
from counterseal._decisions.readings import record_with_account
from counterseal._transaction import UseCase, refusals
from counterseal.models import Binding, DeviceCall, Guid, RelyingParty
from counterseal.rules.authorization import OriginPermission
from counterseal.rules.sizes import text_fits
from counterseal.usecases._admission import admit, open_call

CODE_BYTES = 64
"""A comparison code as a person types it, with spaces or hyphens anywhere."""


@attrs.frozen
class Confirmations(UseCase):
    """
    New devices of an account that has one, or whose App Space has new ones confirmed.

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
        context, request = open_call(self._transactions, call, "binding.invite", about_device=False)
        context, device = admit(self._transactions, context, request, request.reading())
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
        context, request = open_call(
            self._transactions, call, "binding.unconfirmed", about_device=False
        )
        context, device = admit(self._transactions, context, request, request.reading())
        return self._transactions.transact(context, device, confirmations.list_unconfirmed)

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
        ports, stranger = self.ports, AuditContext(event="binding.confirm", actor="stranger")
        with refusals(ports, stranger):
            request = open_request(call, self.policy)
            token = confirmations.read_token(call.body, self.policy)
        binding = token.confirmation.binding
        context = AuditContext(event="binding.confirm", actor=request.proof.device, subject=binding)
        context, device = admit(self._transactions, context, request, request.reading(binding))
        served_kinds = ports.notifier.kinds()
        return self._transactions.transact(
            context,
            device,
            confirmations.decide_by_device,
            token,
            served_kinds=served_kinds,
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
            code: As the person says it: case, spaces and hyphens do not count.

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
