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

from counterseal._decisions.account_events import Happening, with_events
from counterseal._decisions.bindings import change_standing, with_binding
from counterseal._decisions.plan import AuditEntry, Decision, Plan, Reading, Records, Tools, require
from counterseal._decisions.readings import account_of, records, require_account, require_provider
from counterseal.errors import IdentityWithdrawn
from counterseal.machines import BindingEvent
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
from counterseal.models.account import session_alias, subject_alias
from counterseal.models.sealing import grant_context
from counterseal.policy import Policy
from counterseal.rules.standing import same_identity

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


def find_user(stored: Records, _: Tools) -> Plan[tuple[Account, AppSpace]]:
    """Plan to read the App Space whose Identity Provider is asked about an account."""
    account = require(stored[0], Account)
    # The account once more: its grant may be replaced meanwhile.
    return records(account.app_space, account.guid).then(
        lambda stored, _: Decision(result=(require_account(stored[1]), require_provider(stored[0])))
    )


def renew(asked_account: Account, identity: Identity) -> Plan[Renewal]:
    """
    Plan what follows if the provider vouches for *identity*, which has to be the account's.

    Devices that it had suspended are resumed, if the account is still as it was when it was asked.
    """
    return records(asked_account.guid).then(
        lambda stored, _: _renew(require(stored[0], Account), asked_account, identity)
    )


def suspend(account: Guid, refusal: IdentityWithdrawn | None) -> Plan[Account]:
    """
    Plan what follows if the provider does not vouch: active devices are suspended.

    The refusal is raised after the commit. Without one the user has logged out there: then the
    grant is removed, too, since it may outlive the session (OpenID Connect Back-Channel Logout
    1.0, 2.7).
    """
    return records(account).then(
        lambda stored, _: _plan_suspension(require(stored[0], Account), refusal)
    )


def add_alias(account: Account, guid: Guid, life: timedelta | None) -> Plan[None]:
    """Plan that the alias *guid* names *account*, too, for *life*; None stores it without end."""
    return records(guid).then(
        lambda stored, tools: _add_alias(tools, stored[0], account, guid, life)
    )


def remove_alias(account: Guid, guid: Guid) -> Plan[None]:
    """Plan that the alias *guid* names *account* no more."""
    return records(guid).then(lambda stored, tools: _remove_alias(tools, stored[0], account))


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


def accounts_of(app_space: Guid, logout: Logout) -> Plan[tuple[Account, ...]]:
    """
    Plan to read the accounts of a user who has logged out; none, if none is known.

    If the token has a subject, accounts are found by it, and the session is ignored: what the
    provider says of the user counts for all devices, and not for those of one session.
    """
    if not logout.subject:
        alias = session_alias(app_space, logout.issuer, logout.session)
        return _accounts_by(alias, logout, None)
    alias = subject_alias(app_space, logout.issuer, logout.subject)
    return account_of(app_space, logout.subject).then(
        lambda account, _: _accounts_by(alias, logout, account)
    )


def _accounts_by(guid: Guid, logout: Logout, account: Account | None) -> Plan[tuple[Account, ...]]:
    return records(guid).then(
        lambda stored, _: records(
            *(stored[0].accounts if isinstance(stored[0], Alias) else ())
        ).then(lambda accounts, _: Decision(result=_named_by(logout, (account, *accounts))))
    )


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


def _renew(
    account: Account, asked_account: Account, identity: Identity
) -> Decision[Renewal] | Plan[Renewal]:
    same_identity(account, identity)
    if account.version != asked_account.version:
        return Decision(result=Renewal(account, counted=False))
    return _bindings_in(account, BindingState.SUSPENDED).then(
        lambda bindings, tools: _resume(tools, account, bindings, identity.grant)
    )


def _resume(tools: Tools, account: Account, bindings: Records, grant: bytes) -> Decision[Renewal]:
    # Staff, too, suspend devices, and only they resume these.
    resumed_bindings = tuple(
        change_standing(binding, BindingEvent.RESUME, Authority.IDP, tools.now)
        for binding in bindings
        if isinstance(binding, Binding) and binding.suspended_by is Authority.IDP
    )
    updated_account = revise(
        account,
        devices=_with_bindings(account, resumed_bindings, tools.now),
        confirmed_at=tools.now,
        sealed_grant=tools.seal(grant, grant_context(account.guid)),
    )
    updated_account, events = with_events(
        tools, updated_account, *_happenings(AccountEventKind.RESUMED, resumed_bindings)
    )
    return Decision(
        result=Renewal(updated_account, counted=True),
        writes=(updated_account, *resumed_bindings, *events),
        audit=(AuditEntry(account.guid),),
    )


def _plan_suspension(
    account: Account, refusal: IdentityWithdrawn | None
) -> Decision[Account] | Plan[Account]:
    if account.erased_at is not None:
        # Its devices are revoked, and nothing is written to what is left of it.
        if refusal is not None:
            raise refusal
        return Decision(result=account)
    return _bindings_in(account, BindingState.ACTIVE).then(
        lambda bindings, tools: _suspend(tools, account, bindings, refusal)
    )


def _suspend(
    tools: Tools, account: Account, bindings: Records, refusal: IdentityWithdrawn | None
) -> Decision[Account]:
    suspended_bindings = tuple(
        change_standing(binding, BindingEvent.SUSPEND, Authority.IDP, tools.now)
        for binding in bindings
        if isinstance(binding, Binding) and binding.state is BindingState.ACTIVE
    )
    updated_account = revise(
        account,
        devices=_with_bindings(account, suspended_bindings, tools.now),
        confirmed_at=None,
        sealed_grant=b"" if refusal is None else account.sealed_grant,
    )
    updated_account, events = with_events(
        tools, updated_account, *_happenings(AccountEventKind.SUSPENDED, suspended_bindings)
    )
    return Decision(
        result=updated_account,
        writes=(updated_account, *suspended_bindings, *events),
        audit=(AuditEntry(account.guid, reason="" if refusal is None else refusal.code),),
        refusal=refusal,
    )


def _happenings(kind: AccountEventKind, bindings: tuple[Binding, ...]) -> tuple[Happening, ...]:
    return tuple(Happening(kind, device=binding.guid) for binding in bindings)


def _with_bindings(
    account: Account, bindings: tuple[Binding, ...], now: datetime
) -> tuple[Device, ...]:
    devices = account.devices
    for binding in bindings:
        devices = with_binding(devices, binding, now)
    return devices


def _add_alias(
    tools: Tools, record: Record | None, account: Account, guid: Guid, life: timedelta | None
) -> Decision[None]:
    alias = record if isinstance(record, Alias) else None
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


def _remove_alias(tools: Tools, alias: Record | None, account: Guid) -> Decision[None]:
    if not isinstance(alias, Alias) or account not in alias.accounts:
        return Decision(result=None)
    accounts = tuple(guid for guid in alias.accounts if guid != account)
    keep_until = alias.keep_until if accounts else tools.now
    updated_alias = revise(alias, accounts=accounts, keep_until=keep_until)
    return Decision(result=None, writes=(updated_alias,), audit=(AuditEntry(account),))
