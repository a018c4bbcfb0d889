"""Mailed links: an administrator has one mailed to a user, who gets one fresh invitation by it."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import records
from counterseal._transaction import UseCase
from counterseal.bindings.decisions import mailed_links
from counterseal.bindings.decisions.invitations import Invitation, InvitedUser
from counterseal.bindings.decisions.mailed_links import IssuedMailedLink
from counterseal.bindings.rules.evidence import split_token
from counterseal.models import Account, Administrator, Guid


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

    def end(self, account: Guid, *, by: Administrator) -> Account:
        """
        End the link of an account; one that has none stays as it is.

        Raises:
            NotFound: There is no such account.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The account is out of the administrator's reach.
        """
        return self._decide_for(by, "account.end_link", account, records(account), mailed_links.end)

    def redeem(self, token: str) -> Invitation:
        """
        Use a mailed link, once, to get one invitation.

        Every error but WrongToken is for somebody who has the secret. Guesses are not limited:
        the secret has 128 bits, and who guesses could deny the link to its user.

        Args:
            token: What `make` returned, `guid.secret`.

        Raises:
            WrongToken: There is no such link, its secret is another, or it was used or has ended.
            DeadlinePassed: It was made too long ago.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            WrongKind: An Identity Provider identifies the users by now.
            CredentialRefused: The time of the administrator who made it is over, or it was revoked.
            RoleLacking: Support made it, and may not invite by now.
            AskingOnly: The origin in whose name it was made may only ask by now.
        """
        context = AuditContext(event="binding.redeem_link", actor="stranger")
        with refusals(self.ports, context):
            account, secret = split_token(token)
        context = context.with_subject(account)
        return self._transactions.transact(context, records(account), mailed_links.redeem, secret)
