"""Enrolments: an invited device learns who invites it, and brings its keys; anybody reads logos."""

from __future__ import annotations

import attrs

from counterseal._audit_context import AuditContext
from counterseal._capabilities import demand_inviter
from counterseal._decisions import app_spaces, enrolments
from counterseal._decisions.readings import record_with_account, records
from counterseal._transaction import UseCase, refusals
from counterseal.models import Guid
from counterseal.models.tenancy import logo_guid
from counterseal.rules.evidence import split_token
from counterseal.usecases._admission import demand_sendable
from counterseal.usecases._guid_memory import GuidMemory
from counterseal.wire.enrolment import Bound, Enrolment, InvitationTarget

_COMPLETE = AuditContext(event="binding.complete", actor="stranger")
_PEEK = AuditContext(event="binding.peek", actor="stranger")


@attrs.frozen
class Enrolments(UseCase):
    """Complete bindings."""

    _inviters: GuidMemory = attrs.field(factory=GuidMemory, init=False, eq=False, repr=False)
    _companies: GuidMemory = attrs.field(factory=GuidMemory, init=False, eq=False, repr=False)

    def complete(self, enrolment: Enrolment) -> Bound:
        """
        Complete a binding: check the offered keys, and make it active.

        What it replaces is revoked in the same commit, or by the confirmation where the new
        device has to be confirmed. The same token with the same keys again gets the recorded
        result.

        Raises:
            WrongToken: The session token is not one that was issued.
            TokenSpent: It has bound other keys already, or replaced another device.
            DeadlinePassed: The invitation is over.
            UnfitKey: A key is weak, malformed or not allowed, or it is a passkey and neither App
                Space nor policy say where passkeys are used.
            KeysIncomplete: The keys are not one device key and at least one strong key, or more
                than the policy allows.
            NotPossessed: A key did not prove its possession.
            AccountLocked: The account is locked.
            NewDeviceForbidden: A device has invited it, which policy or App Space do not let it do
                any more.
            AskingOnly: The origin that invited it may only ask by now.
            TooManyBindings: The account has as many devices as the policy allows, and it replaces
                none; the same token may then replace one.
            BindingInactive: The binding has ended since.
            WrongState: The binding is not INVITED, or the device or the administrator's session
                that invited is active no more.
            InvalidField: A member is malformed or does not fit, as a push address that the notifier
                of its kind refuses; or it replaces a device and no log-in invited it, or the policy
                forbids that.
            NotFound: The account has no such device to replace.
            Foreign: It is another account's.
            MalformedToken: A proof is not spelled as it should be.
            MalformedAssertion: Nor is the proof of a passkey.
        """
        ports = self.ports
        with refusals(ports, _COMPLETE):
            binding, _ = split_token(enrolment.token)
            offer = enrolments.read_offer(enrolment, self.policy)
            demand_sendable(ports.notifier, enrolment.addresses)
        context = _COMPLETE.with_subject(binding)
        claimed = enrolments.claimed_app_spaces(offer)
        parents = (*self._companies.find(*claimed), *self._inviters.find(*claimed))
        replaced = () if enrolment.replaces is None else (enrolment.replaces,)
        reading = record_with_account(binding, *claimed, *parents, *replaced)
        served_kinds = ports.notifier.kinds()
        active, account, app_space, company = self._transactions.transact(
            context,
            reading,
            enrolments.complete,
            enrolment,
            offer,
            served_kinds=served_kinds,
            demand_inviter=demand_inviter,
        )
        self._companies.remember(app_space.guid, company.guid)
        if active.origin is not None:
            self._inviters.remember(app_space.guid, active.origin)
        # Only now: a wrong token costs the signer nothing. If it fails, the device repeats.
        return Bound(
            binding=active,
            account=account,
            app_space=app_space,
            company=company,
            service_keys=ports.signer.jwks(),
        )

    def peek(self, token: str) -> InvitationTarget:
        """
        Return what a session token is for, to anyone who has the token.

        A device that was given the token alone needs it: its keys' proofs name the App Space.
        Until a device has used the token, it also learns the account, which it can bind.
        Changes nothing; the token stays as good as it was.

        Raises:
            WrongToken: The session token is not one that was issued.
            DeadlinePassed: The invitation is over, and no device has used it.
            BindingInactive: The device that used it is active no more.
        """
        with refusals(self.ports, _PEEK):
            binding, secret = split_token(token)
        context = _PEEK.with_subject(binding)
        target = self._transactions.transact(
            context, record_with_account(binding), enrolments.peek, secret, self._companies
        )
        self._companies.remember(target.app_space.guid, target.company.guid)
        return target


@attrs.frozen
class Logos(UseCase):
    """Read logos."""

    def read(self, app_space: Guid, digest: str) -> bytes:
        """
        Return the PNG of an App Space's logo.

        Args:
            digest: Its SHA-256, base64url without padding, as a device learns it; another logo
                has another, so that what is returned never changes.

        Raises:
            NotFound: There is no such App Space, or its logo is another one, or none.
        """
        context = AuditContext(event="logo.read", actor="stranger", subject=app_space)
        first = records(logo_guid(app_space))
        return self._transactions.transact(context, first, app_spaces.read_logo, digest)
