"""
Revalidation: what an Identity Provider's statement about a user does to the user's devices.

A confirmation is stored only if the account has not changed since the provider was asked: the
provider may have withdrawn the user since. A withdrawal or a logout is stored in any case.

A logout token may name the user by a subject or a session that is not the account id; an alias is
the record by which the account is found then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

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
    require_provider,
)
from counterseal.accounts.decisions.account_events import NewAccountEvent, build_account_events
from counterseal.accounts.records import session_alias, subject_alias
from counterseal.accounts.rules import same_identity
from counterseal.bindings.chart import BindingEvent
from counterseal.bindings.decisions.bindings import suspend_or_resume_binding, with_binding
from counterseal.errors import IdentityWithdrawn
from counterseal.models import (
    Account,
    AccountEventKind,
    Alias,
    AppSpace,
    Authority,
    Binding,
    BindingState,
    Device,
    Guid,
    Identity,
    Logout,
    Record,
    revise,
)
from counterseal.models.sealing import grant_context
from counterseal.policy import Policy

ALIAS_LIMIT = 8
"""Accounts that one alias names; the one that was added longest ago is left out first."""


@attrs.define
class Renewal:
    """The account as it is stored now, and whether the provider's statement counted for it."""

    account: Account
    counted: bool


def find_provider(stored: Records, _: Tools) -> Decision[AppSpace]:
    """Decide which App Space's Identity Provider is asked."""
    return Decision(result=require_provider(stored[0]))


async def find_user(stored: Records, _: Tools) -> Decision[tuple[Account, AppSpace]]:
    """Decide which App Space's Identity Provider is asked about an account."""
    account = require(stored[0], Account)
    # The account once more: its grant may be replaced meanwhile.
    app_space, current_account = await records(account.app_space, account.guid)
    return Decision(result=(require_account(current_account), require_provider(app_space)))


async def renew(
    stored: Records, tools: Tools, asked_account: Account, identity: Identity
) -> Decision[Renewal]:
    """
    Decide what follows if the provider vouches for *identity*, which has to be the account's.

    Devices that it had suspended are resumed, if the account is still as it was when it was asked.
    """
    account = require(stored[0], Account)
    same_identity(account, identity)
    if account.version != asked_account.version:
        return Decision(result=Renewal(account, counted=False))
    bindings = await _bindings_in(account, BindingState.SUSPENDED)
    # Staff, too, suspend devices, and only they resume these.
    resumed_bindings = tuple(
        suspend_or_resume_binding(binding, BindingEvent.RESUME, Authority.IDP, tools.now)
        for binding in bindings
        if isinstance(binding, Binding) and binding.suspended_by is Authority.IDP
    )
    updated_account = revise(
        account,
        devices=_with_bindings(account, resumed_bindings, tools.now),
        confirmed_at=tools.now,
        sealed_grant=tools.seal(identity.grant, grant_context(account.guid)),
    )
    updated_account, events = build_account_events(
        tools, updated_account, *_new_events(AccountEventKind.RESUMED, resumed_bindings)
    )
    return Decision(
        result=Renewal(updated_account, counted=True),
        writes=(updated_account, *resumed_bindings, *events),
        audit=(AuditEntry(account.guid),),
    )


async def suspend(
    stored: Records, tools: Tools, refusal: IdentityWithdrawn | None
) -> Decision[Account]:
    """
    Decide what follows if the provider does not vouch: active devices are suspended.

    The refusal is raised after the commit. Without one the user has logged out there: then the
    grant is removed, too, since it may outlive the session (OpenID Connect Back-Channel Logout
    1.0, 2.7).
    """
    account = require(stored[0], Account)
    if account.erased_at is not None:
        # Its devices are revoked, and nothing is written to what is left of it.
        if refusal is not None:
            raise refusal
        return Decision(result=account)
    suspended_bindings = tuple(
        suspend_or_resume_binding(binding, BindingEvent.SUSPEND, Authority.IDP, tools.now)
        for binding in await _bindings_in(account, BindingState.ACTIVE)
        if isinstance(binding, Binding) and binding.state is BindingState.ACTIVE
    )
    updated_account = revise(
        account,
        devices=_with_bindings(account, suspended_bindings, tools.now),
        confirmed_at=None,
        sealed_grant=b"" if refusal is None else account.sealed_grant,
    )
    updated_account, events = build_account_events(
        tools, updated_account, *_new_events(AccountEventKind.SUSPENDED, suspended_bindings)
    )
    return Decision(
        result=updated_account,
        writes=(updated_account, *suspended_bindings, *events),
        audit=(AuditEntry(account.guid, reason="" if refusal is None else refusal.code),),
        refusal=refusal,
    )


def add_alias(
    stored: Records, tools: Tools, account: Account, guid: Guid, life: timedelta | None
) -> Decision[None]:
    """Decide that the alias *guid* names *account*, too, for *life*; None stores it for ever."""
    alias = stored[0] if isinstance(stored[0], Alias) else None
    accounts = () if alias is None else alias.accounts
    accounts = (*(guid for guid in accounts if guid != account.guid), account.guid)[-ALIAS_LIMIT:]
    keep_until = None if life is None else tools.now + life
    if alias is None:
        updated_alias = Alias(
            guid=guid,
            app_space=account.app_space,
            accounts=accounts,
            created_at=tools.now,
            keep_until=keep_until,
        )
    elif (accounts, keep_until) == (alias.accounts, alias.keep_until):
        return Decision(result=None)
    else:
        updated_alias = revise(alias, accounts=accounts, keep_until=keep_until)
    return Decision(result=None, writes=(updated_alias,), audit=(AuditEntry(account.guid),))


def remove_alias(stored: Records, tools: Tools, account: Guid) -> Decision[None]:
    """Decide that an alias no longer names *account*."""
    alias = stored[0]
    if not isinstance(alias, Alias) or account not in alias.accounts:
        return Decision(result=None)
    accounts = tuple(guid for guid in alias.accounts if guid != account)
    keep_until = alias.keep_until if accounts else tools.now
    updated_alias = revise(alias, accounts=accounts, keep_until=keep_until)
    return Decision(result=None, writes=(updated_alias,), audit=(AuditEntry(account),))


def aliases_of(
    account: Account, identity: Identity, policy: Policy
) -> tuple[tuple[Guid, timedelta | None], ...]:
    """
    Return the aliases that have to name *account* after a log-in, and how long each is stored.

    A subject that is the account id needs no alias: the account is found by it.
    """
    app_space, issuer = account.app_space, identity.issuer
    aliases: list[tuple[Guid, timedelta | None]] = []
    if account.account_id != identity.subject:
        aliases.append((subject_alias(app_space, issuer, identity.subject), None))
    if identity.session:
        alias = session_alias(app_space, issuer, identity.session)
        aliases.append((alias, policy.provider_session_life))
    return tuple(aliases)


async def find_accounts(_: Tools, app_space: Guid, logout: Logout) -> Decision[tuple[Account, ...]]:
    """
    Decide which accounts are those of a user who has logged out; none, if none is known.

    If the token has a subject, accounts are found by it, and the session is ignored: a log-out of
    the user is about all devices, and not only about those of one session.
    """
    account = None
    if logout.subject:
        account = await account_of(app_space, logout.subject)
        guid = subject_alias(app_space, logout.issuer, logout.subject)
    else:
        guid = session_alias(app_space, logout.issuer, logout.session)
    (alias,) = await records(guid)
    accounts = await records(*(alias.accounts if isinstance(alias, Alias) else ()))
    return Decision(result=_named_by(logout, (account, *accounts)))


def _named_by(logout: Logout, accounts: Iterable[Record | None]) -> tuple[Account, ...]:
    return tuple(
        account
        for account in accounts
        if isinstance(account, Account)
        and account.issuer == logout.issuer
        and logout.subject in {"", account.subject}
        and account.erased_at is None
    )


def _bindings_in(account: Account, source: BindingState) -> Reading[Records]:
    """Read the account's bindings that are in the state *source* by its list of devices."""
    return records(*(device.binding for device in account.devices if device.state is source))


def _new_events(
    kind: AccountEventKind, bindings: tuple[Binding, ...]
) -> tuple[NewAccountEvent, ...]:
    return tuple(NewAccountEvent(kind, device=binding.guid) for binding in bindings)


def _with_bindings(
    account: Account, bindings: tuple[Binding, ...], now: datetime
) -> tuple[Device, ...]:
    devices = account.devices
    for binding in bindings:
        devices = with_binding(devices, binding, now)
    return devices
