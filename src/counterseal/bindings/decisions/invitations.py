"""Invitations: whether one more device of a user may be bound, and when that offer ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal._input_limits import text_fits
from counterseal._plan import (
    AuditEntry,
    Decision,
    Reading,
    Records,
    Tools,
    account_of,
    records,
    require,
    require_account,
    tenancy_records_of,
)
from counterseal.accounts.rules import (
    Deadline,
    binding_limit_unreached,
    identified_by_origin,
    renewable,
    same_identity,
    unlocked,
)
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import end_binding, with_binding
from counterseal.bindings.rules.confirmations import login_limit_unreached, waiting_limit_unreached
from counterseal.errors import InvalidField
from counterseal.machines import step
from counterseal.models import (
    Account,
    Administrator,
    AppSpace,
    Binding,
    Device,
    Guid,
    Identity,
    Origin,
    OriginRole,
    replace,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal.models.sealing import grant_context, token_context
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.rules.authorization import Permission, support_may_invite, unreserved
from counterseal.wire.link import BindLink, write_link

SECRET_BYTES = 16
"""128 bits (OWASP ASVS 5.0, 11.5.1)."""


@attrs.frozen(kw_only=True)
class Invitation:
    """
    Invitation for one device to complete one binding.

    Attributes:
        token: The session token, `guid.secret`; stored as a hash. With an idempotency key it is
            also stored sealed, and returned to a repeat.
        deadline: From then on the token is refused.
        devices: Of a log-in: the bound devices of the account, oldest first, one of which the new
            one may replace.
        account_created: Whether the account did not exist before.
    """

    account: Account
    app_space: AppSpace
    binding: Guid
    token: str = attrs.field(repr=False)
    deadline: datetime
    devices: tuple[Binding, ...] = ()
    account_created: bool = False

    def link(
        self, *, public_url: str, app_url: str | None = None, display_name: str | None = None
    ) -> str:
        """
        Return the bind link. It contains the token, so anybody who has it can complete the bind.

        Args:
            public_url: The service's address; only a link for a device in the browser has it.
            app_url: The address of the device in the browser that opens the link; None for an app
                that handles `counterseal:` links.
            display_name: What the device is to call the account; None for nothing.

        Raises:
            InvalidField: One of the two is not a base address.
        """
        return write_link(
            BindLink(
                token=self.token,
                app_space=self.app_space.guid,
                app_space_name=self.app_space.name,
                account=self.account.guid,
                display_name=display_name,
                app=app_url,
                service=None if app_url is None else public_url,
            )
        )


@attrs.frozen
class InvitedUser:
    """The user whom an administrator invites: the origin's id, and a text stored beside it."""

    account_id: str
    user_info: str | None = None


@attrs.define(kw_only=True)
class Invitee:
    """
    The user whose device is to be invited, as an origin or an Identity Provider names the user.

    Attributes:
        user_info: A text that is stored with the account; None leaves the stored one.
        endorser: The device of the user that invites, if one does.
        session: Of the administrator who invites a device of their own; None for every other.
        guid: Of the new binding, if an idempotency key has reserved it.
    """

    app_space: AppSpace
    account_id: str
    user_info: str | None = None
    origin: Guid | None = None
    endorser: Guid | None = None
    session: Guid | None = None
    identity: Identity | None = None
    guid: Guid | None = None


def invited_account(invitee: Invitee) -> Reading[Account | None]:
    """Read the account of the user who is invited."""
    return account_of(invitee.app_space.guid, invitee.account_id)


async def invite_once(stored: Records, tools: Tools, invitee: Invitee) -> Decision[Invitation]:
    """Return the invitation whose GUID an idempotency key has reserved, or decide to make it."""
    binding, record = stored
    if not isinstance(binding, Binding):
        return invite(await invited_account(invitee), tools, invitee)
    account = require_account(record)
    token = tools.open(binding.sealed_token, token_context(binding.guid)).decode()
    # An account and the invitation that creates it are made at the same moment.
    created = account.created_at == binding.created_at
    return Decision(result=_invitation(invitee, account, binding, token, account_created=created))


def invite(account: Account | None, tools: Tools, invitee: Invitee) -> Decision[Invitation]:
    """Decide to invite one more device of the user; the first invitation creates the account."""
    identity, now = invitee.identity, tools.now
    devices: tuple[Device, ...] = ()
    if account is None:
        partition = account_partition(invitee.app_space.guid, invitee.account_id)
        account_guid = mint(partition, tools.entropy(ENTROPY_BYTES))
    else:
        unlocked(account)
        if identity is not None:
            login_limit_unreached(account, now, tools.policy)
            same_identity(account, identity)
        elif invitee.endorser is not None:
            waiting_limit_unreached(account, now)
        else:
            binding_limit_unreached(account, now, tools.policy)
        account_guid, devices = account.guid, account.devices
    secret = keys.b64url(tools.entropy(SECRET_BYTES))
    binding = _new_binding(tools, invitee, account_guid, secret)
    changes: dict[str, Any] = {"devices": with_binding(devices, binding, now)}
    if invitee.user_info is not None:
        changes["user_info"] = invitee.user_info
    if identity is not None:
        changes["sealed_grant"] = tools.seal(identity.grant, grant_context(account_guid))
        changes["confirmed_at"] = now
    if account is None:
        updated_account = new_account(invitee, account_guid, now, **changes)
    else:
        updated_account = revise(account, **changes)
    token = f"{binding.guid}.{secret}"
    return Decision(
        result=_invitation(
            invitee, updated_account, binding, token, account_created=account is None
        ),
        writes=(updated_account, binding),
        audit=(AuditEntry(binding.guid),),
    )


async def invite_as_admin(
    stored: Records, tools: Tools, by: Administrator, user: InvitedUser
) -> Decision[Invitation]:
    """Decide that an administrator invites one more device of a user; *stored*: the App Space."""
    invitee, tools = await admit_inviter(stored, tools, by, user)
    return invite(await invited_account(invitee), tools, invitee)


def new_account(invitee: Invitee, guid: Guid, now: datetime, **members: Any) -> Account:
    """Return the account of a user who is invited for the first time."""
    identity = invitee.identity
    return Account(
        guid=guid,
        app_space=invitee.app_space.guid,
        account_id=invitee.account_id,
        issuer=None if identity is None else identity.issuer,
        subject="" if identity is None else identity.subject,
        created_at=now,
        **members,
    )


async def admit_inviter(
    stored: Records, tools: Tools, by: Administrator, user: InvitedUser
) -> tuple[Invitee, Tools]:
    """
    Return whom an administrator may invite, and the tools by the policy of the inviting origin.

    The invitation is one of the App Space's oldest origin that may bind devices.
    """
    app_space = require(stored[0], AppSpace)
    admin = await permission_to(Permission.USERS, by, app_space)
    if admin is not None:
        support_may_invite(admin, tools.policy)
    unreserved(app_space)
    identified_by_origin(app_space)
    text_fits(user.account_id, tools.policy.account_id_bytes, "accountId")
    text_fits(user.user_info, tools.policy.user_info_bytes, "userInfo", empty=True)
    origin = _inviting_origin(await tenancy_records_of(app_space.guid))
    invitee = Invitee(
        app_space=app_space,
        account_id=user.account_id,
        user_info=user.user_info,
        origin=origin.guid,
    )
    return invitee, tools.within(app_space, origin)


def _inviting_origin(stored: Records) -> Origin:
    for record in stored:
        if isinstance(record, Origin) and record.role is OriginRole.FULL:
            return record
    raise InvalidField("appSpaceGuid", "it has no origin that may bind devices")


async def renew(stored: Records, tools: Tools, by: Administrator) -> Decision[Invitation]:
    """
    Decide that support renews an origin's invitation; *stored*: its binding, and the account.

    The earlier one ends in the same commit.
    """
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    await permission_to(Permission.USERS, by, account)
    app_space = require((await records(binding.app_space))[0], AppSpace)
    unreserved(app_space)
    tools = tools.within(app_space)
    renewable(binding, tools.now, tools.policy)
    ended_bindings: tuple[Binding, ...] = ()
    devices = account.devices
    if binding.state is BINDING.initial:
        state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
        ended_bindings = (end_binding(binding, state, tools.now),)
        devices = with_binding(devices, ended_bindings[0], tools.now)
    invitee = Invitee(app_space=app_space, account_id=account.account_id, origin=binding.origin)
    decision = invite(replace(account, devices=devices), tools, invitee)
    return attrs.evolve(decision, writes=(*decision.writes, *ended_bindings))


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide that an invitation has ended that no device has used."""
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    facts = Deadline(now=tools.now, deadline=binding.deadline)
    state = step(BINDING, binding.state, BindingEvent.EXPIRE, facts)
    expired_binding = end_binding(binding, state, tools.now)
    devices = with_binding(account.devices, expired_binding, tools.now)
    return Decision(
        result=None,
        writes=(expired_binding, revise(account, devices=devices)),
        audit=(AuditEntry(binding.guid),),
    )


def _new_binding(tools: Tools, invitee: Invitee, account: Guid, secret: str) -> Binding:
    guid, sealed_token = invitee.guid, b""
    if guid is None:
        guid = mint(partition_of(account), tools.entropy(ENTROPY_BYTES))
    else:
        # A repeat of the call gets the token again.
        sealed_token = tools.seal(f"{guid}.{secret}".encode(), token_context(guid))
    return Binding(
        guid=guid,
        state=BINDING.initial,
        account=account,
        app_space=invitee.app_space.guid,
        origin=invitee.origin,
        endorser=invitee.endorser,
        session=invitee.session,
        token_hash=keys.token_hash(secret),
        sealed_token=sealed_token,
        deadline=tools.now + tools.policy.session_token_life,
        created_at=tools.now,
    )


def _invitation(
    invitee: Invitee, account: Account, binding: Binding, token: str, *, account_created: bool
) -> Invitation:
    return Invitation(
        account=account,
        app_space=invitee.app_space,
        binding=binding.guid,
        token=token,
        deadline=binding.deadline,
        account_created=account_created,
    )
