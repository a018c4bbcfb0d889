"""Invitations: an origin or an Identity Provider has a device invited, and a worker ends them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from counterseal import _idempotency
from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._capabilities import demand_inviter
from counterseal._guid_memory import GuidMemory
from counterseal._input_limits import text_fits
from counterseal._plan import record_with_account, records
from counterseal._transaction import UseCase
from counterseal.accounts.rules import expected_issuer, identified_by_origin
from counterseal.bindings.decisions import enrolments, invitations
from counterseal.bindings.decisions.invitations import (
    Invitation,
    InvitedUser,
    Invitee,
    invited_account,
)
from counterseal.bindings.documents.enrolment import Bound, Enrolment, InvitationTarget
from counterseal.bindings.rules.evidence import split_token
from counterseal.bindings.usecases.admission import demand_sendable
from counterseal.errors import Refused
from counterseal.models import (
    PROVISIONAL,
    Administrator,
    AppSpace,
    Binding,
    Guid,
    Identity,
    KeyScope,
    RelyingParty,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint
from counterseal.ports import Due, Ports
from counterseal.tenancy.decisions import app_spaces
from counterseal.tenancy.records import logo_guid
from counterseal.tenancy.rules.authorization import OriginPermission

PAGES = 10
"""How many times as many a worker reads if what it has read is of another kind, or refused."""
MOST_AT_ONCE = 10_000
"""How many due bindings a worker reads at once: some megabytes."""


@attrs.frozen
class Invitations(UseCase):
    """Invite devices, one for each invitation."""

    def invite(
        self,
        party: RelyingParty,
        account_id: str,
        *,
        user_info: str | None = None,
        idempotency_key: str | None = None,
        session: Guid | None = None,
    ) -> Invitation:
        """
        Invite one device of the origin's user.

        The origin must know who its user is: from its own session, never from a request's body.

        Args:
            account_id: The origin's own id of the user; creates the account at first use.
            user_info: Stored with the account and returned; None leaves it as it is.
            idempotency_key: The same key with the same arguments again gets the first result.
            session: Of an administrator who invites a device of their own: the device is bound, and
                confirmed if the policy demands it, only while the session is active. None for a
                user's device.

        Raises:
            InvalidField: A text does not fit the policy.
            WrongKind: An Identity Provider identifies the users of this App Space.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            TooOften: The origin makes too many invitations.
            KeyInProgress: A call with this idempotency key is running.
            KeyReused: The key was used for other arguments.
            NotFound: What the key made has been erased.
        """
        transactions = self._within(party.app_space, party.origin)
        ports, policy = self.ports, transactions.policy
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.USERS, "binding.invite")
        demand_rate(ports, context, ("invite", origin), policy.invite_rate)
        invitee = Invitee(
            app_space=party.app_space,
            account_id=account_id,
            user_info=user_info,
            origin=origin,
            session=session,
        )
        with refusals(ports, context):
            text_fits(account_id, policy.account_id_bytes, "accountId")
            text_fits(user_info, policy.user_info_bytes, "userInfo", empty=True)
            identified_by_origin(party.app_space)
            if idempotency_key is not None:
                partition = account_partition(party.app_space.guid, account_id)
                call = _idempotency.reserve(
                    ports,
                    policy,
                    KeyScope.INVITE,
                    party,
                    {"accountId": account_id, "userInfo": user_info},
                    key=idempotency_key,
                    guid=mint(partition, ports.entropy.token(ENTROPY_BYTES)),
                )
        if idempotency_key is None:
            first = invited_account(invitee)
            return transactions.transact(context, first, invitations.invite, invitee)
        with call:
            invitee.guid = call.guid
            return transactions.transact(context, call.first, invitations.invite_once, invitee)

    def invite_identified(self, app_space: AppSpace, identity: Identity) -> Invitation:
        """
        Invite one device of a user whom the App Space's Identity Provider has named.

        Raises:
            InvalidField: The account id or the subject does not fit the policy.
            WrongIssuer: The identity is of another issuer than the App Space's or account's.
            AccountTaken: The account id is another subject's.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
        """
        context = AuditContext(event="binding.invite", actor="idp", app_space=app_space.guid)
        with refusals(self.ports, context):
            expected_issuer(identity, app_space)
            text_fits(identity.account_id, self.policy.account_id_bytes, "accountId")
            text_fits(identity.subject, self.policy.account_id_bytes, "subject")
        invitee = Invitee(app_space=app_space, account_id=identity.account_id, identity=identity)
        return self._within(app_space, None).transact(
            context, invited_account(invitee), invitations.invite, invitee
        )

    def invite_as_admin(
        self,
        app_space: Guid,
        account_id: str,
        *,
        user_info: str | None = None,
        by: Administrator,
    ) -> Invitation:
        """
        Invite one device of a user in the name of the App Space's oldest origin that binds devices.

        The administrator must know who the user is: a person who gets the invitation can bind a
        device to the user's account.

        Args:
            app_space: Whose user it is.
            account_id: The origin's own id of the user; creates the account at first use.
            user_info: Stored with the account and returned; None leaves it as it is.
            by: Who invites.

        Raises:
            NotFound: There is no such App Space.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The App Space is out of the administrator's reach.
            RoleLacking: It is User Support, and the policy's `support_invites` does not let it.
            InvalidField: A text does not fit the policy, the App Space has no origin that may bind
                devices, or it is the portal's own.
            WrongKind: An Identity Provider identifies the users of this App Space.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
        """
        return self._decide_for(
            by,
            "binding.invite",
            app_space,
            records(app_space),
            invitations.invite_as_admin,
            InvitedUser(account_id, user_info),
        )

    def refusal_for(self, app_space: AppSpace, *, by: Administrator) -> Refused | None:
        """
        Return with what `invite_as_admin` refuses *by* all users of an App Space; None for nothing.

        A program asks it before it offers an invitation; nothing is read or recorded. One user may
        still be refused.

        Args:
            app_space: One that *by* reaches.
            by: Who would invite, as just authenticated.
        """
        return invitations.inviting_refusal(app_space, by, self.policy)

    def renew(self, invitation: Guid, *, by: Administrator) -> Invitation:
        """
        Renew an origin's invitation, as support staff; the earlier one no longer works.

        A person who gets the new invitation can bind a device to this user's account.

        Raises:
            NotFound: There is no such invitation.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The invitation is out of the administrator's reach.
            WrongState: It was used or revoked.
            WrongKind: No origin made it: an Identity Provider identifies the user, or a device of
                the user invited.
            DeadlinePassed: It was made longer ago than the policy's `renewal_window`.
            InvalidField: The user is an administrator, in the portal's own App Space.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
        """
        return self._decide_for(
            by, "binding.renew", invitation, record_with_account(invitation), invitations.renew
        )

    def expire(self, limit: int = 100, *, read_further: bool = True) -> int:
        """
        Expire invitations whose deadline has come; return how many, *limit* at most.

        Args:
            read_further: Whether to read past the first due bindings if these cannot be ended.

        Raises:
            Unavailable: A port failed; what has expired earlier stays so.
        """
        context = AuditContext(event="binding.expire", actor="worker")
        return sweep_due_bindings(
            self.ports,
            limit,
            lambda binding: bool(
                self._transactions.sweep(
                    context, (binding,), record_with_account, invitations.expire
                )
            ),
            provisional=True,
            read_further=read_further,
        )


def sweep_due_bindings(
    ports: Ports,
    limit: int,
    end: Callable[[Binding], bool],
    *,
    provisional: bool,
    read_further: bool,
) -> int:
    """
    End bindings that are due, *limit* at most; return how many ended.

    Both kinds are due in one list, and what is refused stays in it.

    Args:
        end: Ends one, or returns False where that is refused.
        provisional: Whether to end invitations and unconfirmed devices, or all others.
        read_further: Whether to read on where the first `PAGES` times *limit* that are due hold too
            few that can be ended: `MOST_AT_ONCE` at most, unless *limit* is more.

    Raises:
        Unavailable: A port failed.
    """
    tried: set[Guid] = set()
    count, size = 0, limit
    while True:
        page = ports.store.due(Due.BINDING, ports.clock.now(), size)
        for binding in page:
            if not isinstance(binding, Binding) or binding.guid in tried:
                continue
            if (binding.state in PROVISIONAL) is provisional:
                tried.add(binding.guid)
                count += end(binding)
                if count >= limit or (len(tried) >= limit and not read_further):
                    return count
        if len(page) < size or size >= MOST_AT_ONCE or (size > limit and not read_further):
            return count
        size = min(size * PAGES, MOST_AT_ONCE)


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
        result, also after the policy of the App Space no longer allows the keys.

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
            context, record_with_account(binding), enrolments.peek, secret, self._companies.find
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
