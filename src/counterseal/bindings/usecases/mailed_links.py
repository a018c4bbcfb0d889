"""Mailed links: an administrator has one mailed to a user, who gets one fresh invitation by it."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._plan import records
from counterseal._transaction import UseCase
from counterseal.bindings.decisions import mailed_links
from counterseal.bindings.decisions.invitations import Invitation, InvitedUser
from counterseal.bindings.decisions.mailed_links import IssuedMailedLink
from counterseal.bindings.rules.evidence import split_token
from counterseal.models import Administrator, Guid

REDEMPTIONS_A_MINUTE = 10
"""Attempts to use the mailed link of one account, from all addresses together."""


@attrs.frozen
class MailedLinks(UseCase):
    """Links that are mailed to users, each for one invitation of a device."""

    def make(
        self,
        app_space: Guid,
        account_id: str,
        *,
        user_info: str | None = None,
        life: timedelta | None = None,
        by: Administrator,
    ) -> IssuedMailedLink:
        """
        Make a link to mail to a user, with which the user gets one invitation, as an administrator.

        An earlier link of the user ends. A person who reads the mail first can bind a device: an
        App Space may demand that each new device is confirmed.

        Args:
            app_space: Whose user it is.
            account_id: The origin's own id of the user; creates the account at first use.
            user_info: Stored with the account and returned; None leaves it as it is.
            life: How long it may be used; None for the policy's `mailed_link_life`, the longest.
            by: Who makes it.

        Raises:
            NotFound: There is no such App Space.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The App Space is out of the administrator's reach.
            RoleLacking: It is User Support, and the policy's `support_invites` does not let it.
            InvalidField: A text or *life* does not fit the policy, the App Space has no origin that
                may bind devices, or it is the portal's own.
            WrongKind: An Identity Provider identifies the users of this App Space.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
        """
        return self._decide_for(
            by,
            "account.mail_link",
            app_space,
            records(app_space),
            mailed_links.make,
            InvitedUser(account_id, user_info),
            life,
        )

    def redeem(self, token: str) -> Invitation:
        """
        Use a mailed link, once, to get one invitation.

        Args:
            token: What `make` returned, `guid.secret`.

        Raises:
            WrongToken: There is no such link, its secret is another, or it was used or has ended.
            DeadlinePassed: It was made too long ago.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            WrongKind: An Identity Provider identifies the users by now.
            AskingOnly: The origin in whose name it was made may only ask by now.
            TooOften: It was tried too often.
        """
        ports, context = self.ports, AuditContext(event="binding.redeem_link", actor="stranger")
        with refusals(ports, context):
            account, secret = split_token(token)
        context = context.with_subject(account)
        demand_rate(ports, context, ("mailed_link", account), REDEMPTIONS_A_MINUTE)
        return self._transactions.transact(context, records(account), mailed_links.redeem, secret)
