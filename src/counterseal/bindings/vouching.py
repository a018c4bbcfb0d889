"""Vouching: what becomes of a user's devices when the Identity Provider is asked again."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import attrs

from counterseal.bindings.roster import enlisted
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import Contended, IdentityWithdrawn, Refused, Unavailable
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import (
    Account,
    AppSpace,
    AuditEvent,
    Authority,
    Binding,
    BindingState,
    Change,
    Guid,
    Identity,
    IdpSettings,
)
from counterseal.models.sealing import grant_context
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.facts import Standing
from counterseal.rules.standing import identified_elsewhere, same_identity

VOUCHED = "identity.vouch"


def renew_vouch(ports: Ports, policy: Policy, account: Guid, app_space: AppSpace) -> Account:
    """
    Ask the Identity Provider whether it still vouches for the user, and act on the answer.

    If it does, devices that its silence suspended are resumed; if not, active ones are suspended.
    A good word counts only for the account as it was before the provider was asked: if it changed
    meanwhile, perhaps by a newer withdrawal, the provider is asked again, a bounded number
    of times.

    Returns:
        The account as committed.

    Raises:
        IdentityWithdrawn: It does not; the devices are suspended.
        WrongIssuer, AccountTaken: The provider named another identity.
        WrongKind: The App Space has no Identity Provider.
        Contended: The account changed each time while the provider was asked.
        Unavailable: A port failed.
    """
    settings = provider_of(app_space)
    act = Act(event=VOUCHED, actor="idp", subject=account)
    grant: bytes | None = None
    for _ in range(policy.commit_attempts):
        held = read(ports.store, account, Account)
        if not held.sealed_grant:
            # Logged out, perhaps while the provider was asked: only a new log-in counts.
            withdrawal = IdentityWithdrawn("logged out")
            return settle(ports, policy, act, partial(_withdrawn, ports, account, withdrawal))
        if grant is None:
            grant = ports.sealer.open(held.sealed_grant, grant_context(account))
        identity = Identity(
            issuer=held.issuer or settings.issuer, subject=held.subject, grant=grant
        )
        try:
            renewed = ports.identity.still_vouches(settings, identity, company=app_space.company)
        except IdentityWithdrawn as withdrawal:
            return settle(ports, policy, act, partial(_withdrawn, ports, account, withdrawal))
        vouched = settle(ports, policy, act, partial(_renewed, ports, held, renewed))
        if vouched is not None:
            return vouched
        # The grant that was asked with may have been replaced by the new one.
        grant = renewed.grant
    raise Contended


def withdraw(ports: Ports, policy: Policy, account: Guid) -> Account:
    """
    Suspend the devices of a user who has logged out at the Identity Provider.

    The grant is forgotten, too: it may outlive the session at the provider (OpenID Connect
    Back-Channel Logout 1.0, 2.7), and only a new log-in is to bring the devices back.

    Returns:
        The account as committed.

    Raises:
        NotFound: There is no such account.
        Unavailable: A port failed.
    """
    act = Act(event="identity.logout", actor="idp", subject=account)

    def decide() -> Decision[Account]:
        held = read(ports.store, account, Account)
        left = attrs.evolve(held, version=held.version + 1, vouched_at=None, sealed_grant=b"")
        return _moved(
            ports,
            held,
            left,
            BindingState.ACTIVE,
            BindingEvent.SUSPEND,
            refusal=None,
            recorded=act.event,
        )

    return settle(ports, policy, act, decide)


def let_go(ports: Ports, account: Account) -> None:
    """
    Tell the provider of *account*, as it was, that its grant is needed no more.

    An effect: whatever fails, the grant is not kept here, and nobody is told.
    """
    if not account.sealed_grant:
        return
    with suppress(Refused, Unavailable):
        app_space = read(ports.store, account.app_space, AppSpace)
        if app_space.idp is None or account.issuer != app_space.idp.issuer:
            return
        grant = ports.sealer.open(account.sealed_grant, grant_context(account.guid))
        identity = Identity(issuer=app_space.idp.issuer, subject=account.subject, grant=grant)
        ports.identity.let_go(app_space.idp, identity, company=app_space.company)


def provider_of(app_space: AppSpace) -> IdpSettings:
    """
    Return the App Space's Identity Provider.

    Raises:
        WrongKind: It has none.
    """
    identified_elsewhere(app_space)
    assert app_space.idp is not None  # noqa: S101 (the rule above; for the type checker)
    return app_space.idp


def _withdrawn(ports: Ports, guid: Guid, refusal: IdentityWithdrawn) -> Decision[Account]:
    account = read(ports.store, guid, Account)
    return _moved(
        ports,
        account,
        attrs.evolve(account, version=account.version + 1, vouched_at=None),
        BindingState.ACTIVE,
        BindingEvent.SUSPEND,
        refusal=refusal,
    )


def _renewed(ports: Ports, held: Account, identity: Identity) -> Decision[Account | None]:
    account = read(ports.store, held.guid, Account)
    same_identity(account, identity)
    if account.version != held.version:
        return Decision(result=None)
    renewed = attrs.evolve(
        account,
        version=account.version + 1,
        vouched_at=ports.clock.now(),
        sealed_grant=ports.sealer.seal(identity.grant, grant_context(account.guid)),
    )
    moved = _moved(
        ports, account, renewed, BindingState.SUSPENDED, BindingEvent.RESUME, refusal=None
    )
    return Decision(changes=moved.changes, audit=moved.audit, result=moved.result)


def _moved(
    ports: Ports,
    account: Account,
    renewed: Account,
    source: BindingState,
    event: BindingEvent,
    *,
    refusal: IdentityWithdrawn | None,
    recorded: str = VOUCHED,
) -> Decision[Account]:
    now = ports.clock.now()
    changes: list[Change] = []
    for binding in ports.store.bindings(account.guid):
        by_idp = event is BindingEvent.SUSPEND or binding.suspended_by is Authority.IDP
        if binding.state is not source or not by_idp:
            continue
        moved = stood(binding, event, Authority.IDP)
        changes.append(Change(binding, moved))
        renewed = attrs.evolve(enlisted(renewed, moved, now), version=renewed.version)
    reason = "" if refusal is None else refusal.code
    return Decision(
        changes=(Change(account, renewed), *changes),
        audit=(
            AuditEvent(at=now, event=recorded, actor="idp", subject=account.guid, reason=reason),
        ),
        result=renewed,
        refusal=refusal,
    )


def stood(binding: Binding, event: BindingEvent, authority: Authority) -> Binding:
    """
    Return *binding* suspended or resumed by *authority*.

    Raises:
        WrongState: It cannot be, as it stands.
        WrongAuthority: Another authority suspended it.
    """
    state = step(BINDING, binding.state, event, Standing(binding=binding, authority=authority))
    return attrs.evolve(
        binding,
        version=binding.version + 1,
        state=state,
        suspended_by=authority if state is BindingState.SUSPENDED else None,
    )
