"""
Mailed links: a secret that is mailed to a user gets one fresh invitation, once.

An invitation lives for minutes, and a mail may be read after hours. The account has one link at
most: a newer one, its use, a bind, a lock, a revocation of all devices and the erasure end it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal import keys
from counterseal._plan import AuditEntry, Decision, Records, Tools, records, require
from counterseal.accounts.rules import (
    Deadline,
    binding_limit_unreached,
    identified_by_origin,
    in_time,
    unlocked,
)
from counterseal.bindings.decisions.invitations import (
    SECRET_BYTES,
    Invitation,
    InvitedUser,
    Invitee,
    admit_inviter,
    invite,
    invited_account,
    new_account,
)
from counterseal.errors import InvalidField, WrongToken
from counterseal.models import (
    Account,
    Administrator,
    AppSpace,
    MailedLink,
    Origin,
    replace,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint
from counterseal.tenancy.rules.authorization import OriginPermission, require_origin_role


@attrs.frozen(kw_only=True)
class IssuedMailedLink:
    """
    A mailed link with its secret, which is returned once.

    Attributes:
        account: Whose it is.
        token: `guid.secret`, for the address that is mailed.
        deadline: From then on it is refused.
        account_created: Whether the account did not exist before.
    """

    account: Account
    token: str = attrs.field(repr=False)
    deadline: datetime
    account_created: bool


async def make(
    stored: Records, tools: Tools, by: Administrator, user: InvitedUser, life: timedelta | None
) -> Decision[IssuedMailedLink]:
    """Decide that an administrator makes a link to mail to a user; *stored*: the App Space."""
    invitee, tools = await admit_inviter(stored, tools, by, user)
    longest = tools.policy.mailed_link_life
    if life is not None and not timedelta(0) < life <= longest:
        raise InvalidField("life", f"not positive, or longer than mailed_link_life: {longest}")
    origin = invitee.origin
    assert origin is not None  # noqa: S101 (an administrator's invitee has one)
    account, now = await invited_account(invitee), tools.now
    secret = keys.b64url(tools.entropy(SECRET_BYTES))
    link = MailedLink(
        secret_hash=keys.token_hash(secret),
        origin=origin,
        deadline=now + (longest if life is None else life),
    )
    user_info = {} if user.user_info is None else {"user_info": user.user_info}
    if account is None:
        partition = account_partition(invitee.app_space.guid, invitee.account_id)
        guid = mint(partition, tools.entropy(ENTROPY_BYTES))
        updated_account = new_account(invitee, guid, now, mailed_link=link, **user_info)
    else:
        unlocked(account)
        binding_limit_unreached(account, now, tools.policy)
        updated_account = revise(account, mailed_link=link, **user_info)
    return Decision(
        result=IssuedMailedLink(
            account=updated_account,
            token=f"{updated_account.guid}.{secret}",
            deadline=link.deadline,
            account_created=account is None,
        ),
        writes=(updated_account,),
        audit=(AuditEntry(updated_account.guid),),
    )


async def redeem(stored: Records, tools: Tools, secret: str) -> Decision[Invitation]:
    """Decide that a mailed link gets one invitation; *stored*: the account that it is of."""
    account = stored[0]
    if not isinstance(account, Account) or account.mailed_link is None:
        raise WrongToken
    link = account.mailed_link
    keys.require_equal(keys.token_hash(secret), link.secret_hash, WrongToken)
    in_time(Deadline(now=tools.now, deadline=link.deadline))
    app_space_record, origin_record = await records(account.app_space, link.origin)
    app_space, origin = require(app_space_record, AppSpace), require(origin_record, Origin)
    identified_by_origin(app_space)
    require_origin_role(origin, OriginPermission.USERS)
    invitee = Invitee(app_space=app_space, account_id=account.account_id, origin=origin.guid)
    return invite(replace(account, mailed_link=None), tools.within(app_space, origin), invitee)
