"""Invitations: an origin or an Identity Provider has a device invited, and a worker ends them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from counterseal import usecases
from counterseal._audit_context import AuditContext, demand_rate
from counterseal._decisions import invitations
from counterseal._decisions.invitations import Invitation, Invitee, invited_account
from counterseal._decisions.readings import record_with_account
from counterseal._transaction import UseCase, refusals
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
from counterseal.rules.authorization import OriginPermission
from counterseal.rules.sizes import text_fits
from counterseal.rules.standing import expected_issuer, identified_by_origin

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
                call = usecases.reserve(
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

    def renew(self, invitation: Guid, *, by: Administrator) -> Invitation:
        """
        Make an origin's invitation anew, as support staff; the earlier one no longer works.

        Whoever gets the new one can bind a device of this user.

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

    def expire(self, limit: int = 100, *, looking_past: bool = True) -> int:
        """
        Expire invitations whose deadline has come; return how many, *limit* at most.

        Args:
            looking_past: Whether to read past the first due bindings if these cannot be ended.

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
            looking_past=looking_past,
        )


def sweep_due_bindings(
    ports: Ports,
    limit: int,
    end: Callable[[Binding], bool],
    *,
    provisional: bool,
    looking_past: bool,
) -> int:
    """
    End bindings that are due, *limit* at most; return how many ended.

    Both kinds are due in one list, and what is refused stays in it.

    Args:
        end: Ends one, or returns False where that is refused.
        provisional: Whether to end invitations and unconfirmed devices, or all others.
        looking_past: Whether to read on where the first `PAGES` times *limit* that are due hold too
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
                if count >= limit or (len(tried) >= limit and not looking_past):
                    return count
        if len(page) < size or size >= MOST_AT_ONCE or (size > limit and not looking_past):
            return count
        size = min(size * PAGES, MOST_AT_ONCE)
