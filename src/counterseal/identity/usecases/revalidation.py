"""
Revalidation: an Identity Provider is asked whether it still knows a user, or logs the user out.

The provider is asked between transactions, never inside one: it may take seconds. A
confirmation is stored only if the account has not changed since the provider was asked; otherwise
it is asked again, a bounded number of times.
"""

from __future__ import annotations

from contextlib import suppress

from counterseal._audit_context import AuditContext
from counterseal._plan import records, require
from counterseal._transaction import Transactions, load
from counterseal.accounts.records import subject_alias
from counterseal.accounts.rules import provider_of
from counterseal.errors import Contended, IdentityWithdrawn, Refused, Unavailable
from counterseal.identity.decisions import revalidation
from counterseal.models import Account, AppSpace, Guid, Identity, IdpSettings
from counterseal.models.sealing import grant_context
from counterseal.ports import Ports


def revalidate(transactions: Transactions, account: Account, app_space: AppSpace) -> Account:
    """
    Ask the Identity Provider whether it still vouches for the user, and return the account.

    If it does, devices that were suspended on its behalf are resumed; if not, active devices are
    suspended.

    Args:
        account: As it was read just before: its grant may be usable only once.

    Raises:
        IdentityWithdrawn: The provider does not vouch, or the user has logged out.
        IdentityUnavailable: The provider did not answer.
        WrongIssuer, AccountTaken: The provider named another identity.
        WrongKind: The App Space has no Identity Provider.
        Contended: The account changed each time while the provider was asked.
    """
    provider = provider_of(app_space)
    context = AuditContext(event="identity.revalidate", actor="idp", subject=account.guid)
    grant: bytes | None = None
    for _ in range(transactions.policy.commit_attempts):
        try:
            identity = _ask(transactions.ports, account, provider, app_space.company, grant)
        except IdentityWithdrawn as refusal:
            return transactions.transact(
                context, records(account.guid), revalidation.suspend, refusal
            )
        renewal = transactions.transact(
            context, records(account.guid), revalidation.renew, account, identity
        )
        if renewal.counted:
            return renewal.account
        # The provider may have replaced the grant that it was asked with by this one.
        account, grant = renewal.account, identity.grant
    raise Contended


def read_account(ports: Ports, account: Guid) -> Account:
    """Read the account anew, before the Identity Provider is asked about it."""
    return require(load(ports, records(account))[0], Account)


def revoke_grant(ports: Ports, account: Account) -> None:
    """
    Revoke, at the provider, the grant that *account* had; *account* is as it was before.

    Whatever fails: the grant is not stored any more.
    """
    if not account.sealed_grant:
        return
    with suppress(Refused, Unavailable):
        app_space = require(load(ports, records(account.app_space))[0], AppSpace)
        if app_space.idp is None or account.issuer != app_space.idp.issuer:
            return
        grant = ports.sealer.open(account.sealed_grant, grant_context(account.guid))
        identity = Identity(issuer=app_space.idp.issuer, subject=account.subject, grant=grant)
        ports.identity.revoke_grant(app_space.idp, identity, company=app_space.company)


def add_aliases(transactions: Transactions, account: Account, identity: Identity) -> None:
    """Let *account* be found by the identity's subject and session."""
    context = AuditContext(event="identity.remember", actor="idp", subject=account.guid)
    for guid, life in revalidation.aliases_of(account, identity, transactions.policy):
        transactions.transact(context, records(guid), revalidation.add_alias, account, guid, life)


def remove_alias(transactions: Transactions, account: Account) -> None:
    """Remove the alias of an erased account's subject; *account* is as it was before."""
    if account.issuer is None or not account.subject:
        return
    context = AuditContext(event="identity.forget", actor="idp", subject=account.guid)
    guid = subject_alias(account.app_space, account.issuer, account.subject)
    transactions.transact(context, records(guid), revalidation.remove_alias, account.guid)


def _ask(
    ports: Ports, account: Account, provider: IdpSettings, company: Guid, grant: bytes | None
) -> Identity:
    if not account.sealed_grant:
        # Perhaps while the provider was asked: only a new log-in counts.
        raise IdentityWithdrawn("logged out")
    if grant is None:
        grant = ports.sealer.open(account.sealed_grant, grant_context(account.guid))
    identity = Identity(
        issuer=account.issuer or provider.issuer, subject=account.subject, grant=grant
    )
    return ports.identity.revalidate(provider, identity, company=company)
