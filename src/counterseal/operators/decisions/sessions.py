"""Sessions: administrators log in by a link, a passkey or a device, step up, and are logged out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import keys
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    records,
    require,
    tenancy_records_of,
)
from counterseal.errors import InvalidField, WrongToken
from counterseal.machines import step
from counterseal.models import (
    Admin,
    Administrator,
    Binding,
    Guid,
    LogInMethod,
    Session,
    SessionState,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.operators.chart import SESSION, SessionEvent
from counterseal.operators.decisions.proofs import (
    revocations_of,
    revoke_session,
    sessions_in,
    with_proof,
)
from counterseal.operators.decisions.session_uses import (
    facts_of_proof,
    facts_of_use,
    read_proofs,
    read_proofs_with,
    refuse_use,
    require_session,
)
from counterseal.operators.rules import (
    LoginFacts,
    is_stepped_up,
    require_administrator,
    session_end,
    stepped_up,
)
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import admin_guards, permission_to
from counterseal.tenancy.rules.authorization import (
    is_in_force,
    permission_for,
    require_not_outlived,
)

SECRET_BYTES = 32
USE_INTERVAL = timedelta(minutes=1)
"""A session's last use is written this often at most, so that a page view is no write."""


@attrs.frozen(kw_only=True)
class IssuedSession:
    """
    A session with its new secret, which is returned once.

    Attributes:
        token: `guid.secret`, for the address of a link or the cookie of a browser.
    """

    session: Session
    admin: Admin
    token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AuthenticatedSession:
    """
    A session whose secret a browser has presented, and the administrator, read anew.

    Attributes:
        stepped_up: Whether dangerous acts need no further proof now.
        ends_at: When it ends if nobody uses it.
    """

    session: Session
    admin: Admin
    stepped_up: bool
    ends_at: datetime


@attrs.define(kw_only=True)
class LogIn:
    """
    A log-in that has been proven.

    Attributes:
        guid: Of the new session, if one proof may start only one.
        suspensions: How often the passkey or device by which it was proven had been suspended
            by then; None if it is proven now.
    """

    admin: Guid
    method: LogInMethod
    browser: str
    guid: Guid | None = None
    suspensions: int | None = None


async def create_link(
    stored: Records, tools: Tools, by: Administrator, life: timedelta | None
) -> Decision[IssuedSession]:
    """Decide to make an administrator's one-time link; each earlier one ends, opened or not."""
    holder = require(stored[0], Admin)
    actor = await permission_to(permission_for(holder, by), by, holder)
    if actor is not None:
        require_not_outlived(actor, holder)
    if not is_in_force(holder, tools.now):
        raise InvalidField("adminGuid", "revoked, or its time is over")
    sessions = sessions_in(await tenancy_records_of(holder.guid))
    longest = tools.policy.portal_link_life
    if life is not None and not timedelta(0) < life <= longest:
        raise InvalidField("life", f"not positive, or longer than portal_link_life: {longest}")
    deadline = tools.now + (longest if life is None else life)
    secret = _new_secret(tools)
    link = Session(
        guid=_new_guid(holder, tools),
        state=SESSION.initial,
        admin=holder.guid,
        secret_hash=keys.token_hash(secret),
        method=LogInMethod.LINK,
        created_at=tools.now,
        deadline=deadline,
        keep_until=deadline + tools.policy.portal_link_life,
    )
    earlier_links = tuple(
        session for session in sessions if session.state is not SessionState.ACTIVE
    )
    # Of two links that are made at once, the second one finds the administrator changed, and ends
    # the first.
    decision = _issue(link, secret, revise(holder), ended=earlier_links)
    return attrs.evolve(
        decision,
        writes=(*decision.writes, decision.result.admin),
        guards=admin_guards(actor, holder),
    )


async def start_session(stored: Records, tools: Tools, login: LogIn) -> Decision[IssuedSession]:
    """
    Decide to start a session for a proven log-in; the oldest ends if there are too many.

    *stored*: the binding, its account, the administrator, and the session of `login.guid` if there
    is one.
    """
    binding, account, holder, *started = stored
    if any(started):
        # One proof starts one session.
        raise WrongToken
    sessions = sessions_in(await tenancy_records_of(login.admin))
    facts = LoginFacts(
        now=tools.now,
        admin=holder,
        proof=binding,
        proof_account=account,
        suspensions=login.suspensions,
    )
    state = step(SESSION, SESSION.initial, SessionEvent.START, facts)
    admin = require_administrator(facts)
    secret = _new_secret(tools)
    session = Session(
        guid=login.guid or _new_guid(admin, tools),
        state=state,
        admin=admin.guid,
        method=login.method,
        browser=login.browser,
        created_at=tools.now,
        proofs=with_proof((), require(facts.proof, Binding)),
        **_started(secret, tools),
    )
    active = [one for one in sessions if one.state is SessionState.ACTIVE]
    surplus = len(active) + 1 - tools.policy.portal_sessions_limit
    return _issue(session, secret, admin, ended=tuple(active[: max(surplus, 0)]))


async def redeem(
    stored: Records, tools: Tools, secret: str, browser: str
) -> Decision[IssuedSession]:
    """Decide to redeem a link: from then on only this browser may go on with it."""
    session = require_session(stored, secret)
    facts = facts_of_use(session, await records(session.admin), tools, secret)
    state = step(SESSION, session.state, SessionEvent.REDEEM, facts)
    new_secret = _new_secret(tools)
    redeemed = revise(
        session,
        state=state,
        browser=browser,
        secret_hash=keys.token_hash(new_secret),
        last_used_at=tools.now,
    )
    attributes = (("admin", session.admin), ("browser", browser))
    return _issue(redeemed, new_secret, require_administrator(facts), attributes=attributes)


async def enrol(
    stored: Records, tools: Tools, secret: str, binding: Guid
) -> Decision[IssuedSession]:
    """Decide to log in a browser that redeemed a link and registered the passkey *binding*."""
    session = require_session(stored, secret)
    facts = facts_of_proof(session, await read_proofs_with(session, binding), tools, secret)
    state = step(SESSION, session.state, SessionEvent.ENROL, facts)
    new_secret = _new_secret(tools)
    enrolled = revise(
        session,
        state=state,
        proofs=with_proof((), require(facts.proof, Binding)),
        **_started(new_secret, tools),
    )
    return _issue(enrolled, new_secret, require_administrator(facts))


async def step_up(
    stored: Records,
    tools: Tools,
    secret: str,
    binding: Guid,
    *,
    proven_at: datetime | None,
    suspensions: int | None = None,
) -> Decision[IssuedSession]:
    """
    Decide to step a session up by *binding*, for some minutes from *proven_at* on, None being now.

    Args:
        suspensions: How often *binding* had been suspended by then.
    """
    session = require_session(stored, secret)
    proof_records = await read_proofs_with(session, binding)
    facts = attrs.evolve(
        facts_of_proof(session, proof_records, tools, secret), suspensions=suspensions
    )
    state = step(SESSION, session.state, SessionEvent.STEP_UP, facts)
    if state is SessionState.REVOKED:
        return refuse_use(session, state)
    until = (proven_at or tools.now) + tools.policy.step_up_life
    if until <= tools.now:
        raise WrongToken
    new_secret = _new_secret(tools)
    renewed = revise(
        session,
        state=state,
        proofs=with_proof(session.proofs, require(facts.proof, Binding)),
        secret_hash=keys.token_hash(new_secret),
        last_used_at=tools.now,
        stepped_up_until=until,
        deadline=_deadline(session, tools),
    )
    return _issue(renewed, new_secret, require_administrator(facts))


async def use_session(stored: Records, tools: Tools, secret: str) -> Decision[AuthenticatedSession]:
    """Decide to authenticate a browser by the secret of its session's cookie."""
    session, now = require_session(stored, secret), tools.now
    facts = facts_of_use(session, await read_proofs(session), tools, secret)
    state = step(SESSION, session.state, SessionEvent.USE, facts)
    if state is SessionState.REVOKED:
        return refuse_use(session, state)
    writes: tuple[Session, ...] = ()
    if session.last_used_at is None or now >= session.last_used_at + USE_INTERVAL:
        session = revise(session, state=state, last_used_at=now, deadline=_deadline(session, tools))
        writes = (session,)
    authenticated = AuthenticatedSession(
        session=session,
        admin=require_administrator(facts),
        stepped_up=is_stepped_up(session, now),
        ends_at=session_end(session, tools.policy),
    )
    audit = tuple(AuditEntry(one.guid) for one in writes)
    return Decision(result=authenticated, writes=writes, audit=audit)


async def may_add_key(stored: Records, tools: Tools, secret: str) -> Decision[AuthenticatedSession]:
    """Decide on a browser that adds a passkey or device: it is enrolling, or stepped up."""
    session = require_session(stored, secret)
    facts = facts_of_use(session, await read_proofs(session), tools, secret)
    enrolling = session.state is SessionState.ENROLLING
    event = SessionEvent.REGISTER if enrolling else SessionEvent.USE
    state = step(SESSION, session.state, event, facts)
    if state is SessionState.REVOKED:
        return refuse_use(session, state)
    if not enrolling:
        stepped_up(session, tools.now)
    return Decision(
        result=AuthenticatedSession(
            session=session,
            admin=require_administrator(facts),
            stepped_up=not enrolling,
            ends_at=session_end(session, tools.policy),
        )
    )


async def list_sessions(
    stored: Records, tools: Tools, by: Administrator
) -> Decision[tuple[Session, ...]]:
    """Decide to list an administrator's sessions and links that have not ended, oldest first."""
    holder = require(stored[0], Admin)
    await permission_to(permission_for(holder, by), by, holder)
    sessions = tuple(
        session
        for session in sessions_in(await tenancy_records_of(holder.guid))
        if tools.now < session_end(session, tools.policy)
    )
    return Decision(result=sessions)


def _started(secret: str, tools: Tools) -> dict[str, Any]:
    """Return the members of a session that starts now; a log-in is a step-up too."""
    now, policy = tools.now, tools.policy
    life = policy.portal_session_life
    return {
        "secret_hash": keys.token_hash(secret),
        "started_at": now,
        "last_used_at": now,
        "stepped_up_until": now + policy.step_up_life,
        "deadline": now + min(life, policy.portal_session_idle),
        "keep_until": now + 2 * life,
    }


def _deadline(session: Session, tools: Tools) -> datetime:
    """Return when a session that is used now ends unless it is used again."""
    started_at = session.started_at or session.created_at
    policy: Policy = tools.policy
    return min(tools.now + policy.portal_session_idle, started_at + policy.portal_session_life)


def _issue(
    session: Session,
    secret: str,
    admin: Admin,
    *,
    ended: tuple[Session, ...] = (),
    attributes: tuple[tuple[str, str], ...] = (),
) -> Decision[IssuedSession]:
    revoked = tuple(map(revoke_session, ended))
    return Decision(
        result=IssuedSession(session=session, admin=admin, token=f"{session.guid}.{secret}"),
        writes=(session, *revoked),
        # A revocation of the administrator in between counts.
        guards=(admin,),
        audit=(AuditEntry(session.guid, attributes=attributes), *revocations_of(revoked)),
    )


def _new_guid(admin: Admin, tools: Tools) -> Guid:
    return mint(partition_of(admin.guid), tools.entropy(ENTROPY_BYTES))


def _new_secret(tools: Tools) -> str:
    return keys.b64url(tools.entropy(SECRET_BYTES))
