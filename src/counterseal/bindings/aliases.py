"""Aliases: finding the account of which an Identity Provider speaks by a name of its own."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import attrs

from counterseal.decisions import Act, Decision, settle
from counterseal.models import Account, Alias, AuditEvent, Change, Guid, Identity, Logout
from counterseal.models.account import session_alias, subject_alias
from counterseal.policy import Policy
from counterseal.ports import Ports

NAMED = 8
"""Accounts that one name stands for; the one that was named longest ago is left out first."""

_EVENT = "identity.remember"


def remember(ports: Ports, policy: Policy, account: Account, identity: Identity) -> None:
    """
    Let *account* be found by the identity's subject and session.

    A subject that is the account id needs no alias: the account is found by it.

    Raises:
        Contended: Others changed the same alias each time.
        Unavailable: A port failed.
    """
    space, issuer = account.app_space, identity.issuer
    wanted: list[tuple[Guid, datetime | None]] = []
    if account.account_id != identity.subject:
        wanted.append((subject_alias(space, issuer, identity.subject), None))
    if identity.session:
        over = ports.clock.now() + policy.provider_session_life
        wanted.append((session_alias(space, issuer, identity.session), over))
    act = Act(event=_EVENT, actor="idp", subject=account.guid)
    for guid, keep_until in wanted:
        settle(ports, policy, act, partial(_remembered, ports, account, guid, keep_until))


def spoken_of(ports: Ports, app_space: Guid, logout: Logout) -> tuple[Account, ...]:
    """
    Return the accounts of the user who has logged out; nobody, if none is known.

    By the subject where there is one, whatever the session is: a user's devices stand on what
    the provider says of the user, and not on one session each.

    Raises:
        Unavailable: The store did not answer.
    """
    if logout.subject:
        guid = subject_alias(app_space, logout.issuer, logout.subject)
        named = ports.store.account(app_space, logout.subject)
    else:
        guid, named = session_alias(app_space, logout.issuer, logout.session), None
    (alias,) = ports.store.get(guid)
    held = ports.store.get(*alias.accounts) if isinstance(alias, Alias) else ()
    return tuple(
        account
        for account in (named, *held)
        if isinstance(account, Account)
        and account.issuer == logout.issuer
        and logout.subject in {"", account.subject}
        and account.erased_at is None
    )


def forget(ports: Ports, policy: Policy, account: Account) -> None:
    """
    Let *account*, as it was before it was erased, be found by its subject no more.

    Raises:
        Contended: Others changed the alias each time.
        Unavailable: A port failed.
    """
    if account.issuer is None or not account.subject:
        return
    guid = subject_alias(account.app_space, account.issuer, account.subject)
    act = Act(event="identity.forget", actor="idp", subject=account.guid)

    def decide() -> Decision[None]:
        (alias,) = ports.store.get(guid)
        if not isinstance(alias, Alias) or account.guid not in alias.accounts:
            return Decision(result=None)
        now = ports.clock.now()
        left = tuple(one for one in alias.accounts if one != account.guid)
        new = attrs.evolve(
            alias,
            version=alias.version + 1,
            accounts=left,
            keep_until=alias.keep_until if left else now,
        )
        event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=account.guid)
        return Decision(changes=(Change(alias, new),), audit=(event,), result=None)

    settle(ports, policy, act, decide)


def _remembered(
    ports: Ports, account: Account, guid: Guid, keep_until: datetime | None
) -> Decision[None]:
    (old,) = ports.store.get(guid)
    if not isinstance(old, Alias):
        old = None
    before = () if old is None else old.accounts
    named = (*(one for one in before if one != account.guid), account.guid)[-NAMED:]
    if old is not None and (named, keep_until) == (old.accounts, old.keep_until):
        return Decision(result=None)
    now = ports.clock.now()
    new = Alias(
        guid=guid,
        version=1 if old is None else old.version + 1,
        app_space=account.app_space,
        accounts=named,
        created_at=now if old is None else old.created_at,
        keep_until=keep_until,
    )
    event = AuditEvent(at=now, event=_EVENT, actor="idp", subject=account.guid)
    return Decision(changes=(Change(old, new),), audit=(event,), result=None)
