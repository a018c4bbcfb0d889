"""Sessions: administrators log in by a link, a passkey or a device, step up, and are logged out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import keys
from counterseal._decisions.authorization import admin_guards, permission_to
from counterseal._decisions.plan import AuditEntry, Decision, Plan, Records, Tools, require
from counterseal._decisions.readings import records, tenancy_records_of
from counterseal.errors import InvalidField, NotFound, WrongToken
from counterseal.machines import SESSION, SessionEvent, step
from counterseal.models import (
    Admin,
    Administrator,
    Guid,
    LogInMethod,
    Record,
    Session,
    SessionState,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.rules.authorization import is_in_force, permission_for, require_not_outlived
from counterseal.rules.sessions import (
    Logging,
    UsingSession,
    is_stepped_up,
    require_secret,
    session_end,
    standing_administrator,
    stepped_up,
)
from counterseal.rules.standing import Deadline

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
    """

    admin: Guid
    method: LogInMethod
    browser: str
    guid: Guid | None = None


def create_link(stored: Records, by: Administrator) -> Plan[IssuedSession]:
    """Plan to make an administrator's one-time link; an earlier one that is open ends."""
    holder = require(stored[0], Admin)
    return permission_to(permission_for(holder, by), by, holder).then(
        lambda actor, tools: _create_link(actor, tools, holder)
    )


def _create_link(actor: Admin | None, tools: Tools, holder: Admin) -> Plan[IssuedSession]:
    if actor is not None:
        require_not_outlived(actor, holder)
    if not is_in_force(holder, tools.now):
        raise InvalidField("adminGuid", "revoked, or its time is over")
    return tenancy_records_of(holder.guid).then(
        lambda listed, tools: _issue_link(actor, tools, holder, listed)
    )


def _issue_link(
    actor: Admin | None, tools: Tools, holder: Admin, listed: Records
) -> Decision[IssuedSession]:
    deadline = tools.now + tools.policy.portal_link_life
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
    open_links = (each for each in _sessions(listed) if each.state is SessionState.INVITED)
    return _issue(link, secret, holder, ended=tuple(open_links), guards=admin_guards(actor, holder))


def start_session(stored: Records, _: Tools, login: LogIn) -> Plan[IssuedSession]:
    """
    Plan to start a session for a proven log-in; the oldest ends if there are too many.

    *stored*: the administrator, and the session of `login.guid` if there is one.
    """
    holder, started = stored[0], stored[1] if len(stored) > 1 else None
    if started is not None:
        # One proof starts one session.
        raise WrongToken
    return tenancy_records_of(login.admin).then(
        lambda listed, tools: _start_session(holder, tools, login, listed)
    )


def _start_session(
    holder: Record | None, tools: Tools, login: LogIn, listed: Records
) -> Decision[IssuedSession]:
    facts = Logging(now=tools.now, admin=holder)
    state = step(SESSION, SESSION.initial, SessionEvent.START, facts)
    admin = standing_administrator(facts)
    secret = _new_secret(tools)
    session = Session(
        guid=login.guid or _new_guid(admin, tools),
        state=state,
        admin=admin.guid,
        method=login.method,
        browser=login.browser,
        created_at=tools.now,
        **_started(secret, tools),
    )
    active = [each for each in _sessions(listed) if each.state is SessionState.ACTIVE]
    surplus = len(active) + 1 - tools.policy.portal_sessions_limit
    return _issue(session, secret, admin, ended=tuple(active[: max(surplus, 0)]))


def redeem(stored: Records, _: Tools, secret: str, browser: str) -> Plan[IssuedSession]:
    """Plan to redeem a link: from then on only this browser may go on with it."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _redeem(tools, _facts(session, admins, tools, secret), browser)
    )


def _redeem(tools: Tools, facts: UsingSession, browser: str) -> Decision[IssuedSession]:
    session = facts.session
    state = step(SESSION, session.state, SessionEvent.REDEEM, facts)
    secret = _new_secret(tools)
    redeemed = revise(
        session,
        state=state,
        browser=browser,
        secret_hash=keys.token_hash(secret),
        last_used_at=tools.now,
    )
    attributes = (("admin", session.admin), ("browser", browser))
    return _issue(redeemed, secret, standing_administrator(facts), attributes=attributes)


def enrol(stored: Records, _: Tools, secret: str) -> Plan[IssuedSession]:
    """Plan to log in a browser that has redeemed a link and registered a passkey."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _renew(
            tools, _facts(session, admins, tools, secret), SessionEvent.ENROL
        )
    )


def step_up(
    stored: Records, _: Tools, secret: str, proven_at: datetime | None
) -> Plan[IssuedSession]:
    """Plan to step a session up, for some minutes from *proven_at* on, None being now."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _step_up(tools, _facts(session, admins, tools, secret), proven_at)
    )


def _step_up(
    tools: Tools, facts: UsingSession, proven_at: datetime | None
) -> Decision[IssuedSession]:
    state = step(SESSION, facts.session.state, SessionEvent.STEP_UP, facts)
    until = (proven_at or tools.now) + tools.policy.step_up_life
    if until <= tools.now:
        raise WrongToken
    secret = _new_secret(tools)
    renewed = revise(
        facts.session,
        state=state,
        secret_hash=keys.token_hash(secret),
        last_used_at=tools.now,
        stepped_up_until=until,
        deadline=_deadline(facts.session, tools),
    )
    return _issue(renewed, secret, standing_administrator(facts))


def _renew(tools: Tools, facts: UsingSession, event: SessionEvent) -> Decision[IssuedSession]:
    state = step(SESSION, facts.session.state, event, facts)
    secret = _new_secret(tools)
    renewed = revise(facts.session, state=state, **_started(secret, tools))
    return _issue(renewed, secret, standing_administrator(facts))


def use_session(stored: Records, _: Tools, secret: str) -> Plan[AuthenticatedSession]:
    """Plan to authenticate a browser by the secret of its session's cookie."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _use(tools, _facts(session, admins, tools, secret))
    )


def _use(tools: Tools, facts: UsingSession) -> Decision[AuthenticatedSession]:
    session, now = facts.session, tools.now
    state = step(SESSION, session.state, SessionEvent.USE, facts)
    writes: tuple[Session, ...] = ()
    if session.last_used_at is None or now >= session.last_used_at + USE_INTERVAL:
        session = revise(session, state=state, last_used_at=now, deadline=_deadline(session, tools))
        writes = (session,)
    authenticated = AuthenticatedSession(
        session=session,
        admin=standing_administrator(facts),
        stepped_up=is_stepped_up(session, now),
        ends_at=session_end(session, tools.policy),
    )
    audit = tuple(AuditEntry(one.guid) for one in writes)
    return Decision(result=authenticated, writes=writes, audit=audit)


def may_add_key(stored: Records, _: Tools, secret: str) -> Plan[AuthenticatedSession]:
    """Plan to check a browser that adds a passkey or device: enrolling, or stepped up."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _may_add_key(tools, _facts(session, admins, tools, secret))
    )


def _may_add_key(tools: Tools, facts: UsingSession) -> Decision[AuthenticatedSession]:
    session = facts.session
    enrolling = session.state is SessionState.ENROLLING
    step(SESSION, session.state, SessionEvent.ENROL if enrolling else SessionEvent.USE, facts)
    if not enrolling:
        stepped_up(session, tools.now)
    return Decision(
        result=AuthenticatedSession(
            session=session,
            admin=standing_administrator(facts),
            stepped_up=not enrolling,
            ends_at=session_end(session, tools.policy),
        )
    )


def log_out(stored: Records, _: Tools, secret: str) -> Decision[None]:
    """Decide to end the session whose cookie a browser has presented; an ended one stays so."""
    session = require_session(stored, secret)
    if session.state in SESSION.finished:
        return Decision(result=None)
    revoked = _revoked(session)
    return Decision(result=None, writes=(revoked,), audit=(AuditEntry(revoked.guid),))


def end_others(stored: Records, _: Tools, secret: str) -> Plan[int]:
    """Plan to end an administrator's other sessions and links, in a browser that is logged in."""
    session = require_session(stored, secret)
    return records(session.admin).then(
        lambda admins, tools: _find_others(_facts(session, admins, tools, secret))
    )


def _find_others(facts: UsingSession) -> Plan[int]:
    session = facts.session
    step(SESSION, session.state, SessionEvent.USE, facts)
    return tenancy_records_of(session.admin).then(
        lambda listed, _: _end_others(session, _sessions(listed))
    )


def _end_others(session: Session, living: tuple[Session, ...]) -> Decision[int]:
    revoked = tuple(_revoked(each) for each in living if each.guid != session.guid)
    return Decision(
        result=len(revoked),
        writes=revoked,
        # A session that ends in between ends no other.
        guards=(session,) if revoked else (),
        audit=_revocations(revoked),
    )


def revoke(stored: Records, by: Administrator) -> Plan[Session]:
    """Plan to end a session, or a link."""
    session = require(stored[0], Session)
    return records(session.admin).then(lambda admins, _: _revoke(session, by, admins))


def _revoke(session: Session, by: Administrator, admins: Records) -> Plan[Session]:
    holder = require(admins[0], Admin)
    return permission_to(permission_for(holder, by), by, holder).then(
        lambda actor, _: _end_session(session, actor, holder)
    )


def _end_session(session: Session, actor: Admin | None, holder: Admin) -> Decision[Session]:
    if session.state in SESSION.finished:
        # It has ended already, so the request is satisfied.
        return Decision(result=session)
    revoked = _revoked(session)
    return Decision(
        result=revoked,
        writes=(revoked,),
        guards=admin_guards(actor, holder),
        audit=(AuditEntry(revoked.guid),),
    )


def list_sessions(stored: Records, by: Administrator) -> Plan[tuple[Session, ...]]:
    """Plan to list an administrator's sessions and links that have not ended, oldest first."""
    holder = require(stored[0], Admin)
    return permission_to(permission_for(holder, by), by, holder).then(
        lambda *_: tenancy_records_of(holder.guid).then(
            lambda listed, tools: Decision(
                result=tuple(
                    each
                    for each in _sessions(listed)
                    if tools.now < session_end(each, tools.policy)
                )
            )
        )
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire a session or link whose deadline has come."""
    session = require(stored[0], Session)
    facts = Deadline(now=tools.now, deadline=session.deadline)
    state = step(SESSION, session.state, SessionEvent.EXPIRE, facts)
    expired = revise(session, state=state)
    return Decision(result=None, writes=(expired,), audit=(AuditEntry(expired.guid),))


def require_session(stored: Records, secret: str) -> Session:
    """
    Return the session that was read, before a decision looks at its state.

    Raises:
        WrongToken: There is none, or *secret* is another; a stranger learns no more.
    """
    try:
        session = require(stored[0] if stored else None, Session)
    except NotFound:
        raise WrongToken from None
    require_secret(session, secret)
    return session


def _facts(session: Session, admins: Records, tools: Tools, secret: str) -> UsingSession:
    return UsingSession(
        now=tools.now, policy=tools.policy, session=session, admin=admins[0], secret=secret
    )


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
    guards: tuple[Admin, ...] = (),
    attributes: tuple[tuple[str, str], ...] = (),
) -> Decision[IssuedSession]:
    revoked = tuple(map(_revoked, ended))
    return Decision(
        result=IssuedSession(session=session, admin=admin, token=f"{session.guid}.{secret}"),
        writes=(session, *revoked),
        # A revocation of the administrator in between counts.
        guards=(admin, *guards),
        audit=(AuditEntry(session.guid, attributes=attributes), *_revocations(revoked)),
    )


def _revocations(revoked: tuple[Session, ...]) -> tuple[AuditEntry, ...]:
    return tuple(AuditEntry(each.guid, event="session.revoke") for each in revoked)


def _revoked(session: Session) -> Session:
    return revise(session, state=step(SESSION, session.state, SessionEvent.REVOKE, None))


def _sessions(listed: Records) -> tuple[Session, ...]:
    return tuple(each for each in listed if isinstance(each, Session))


def _new_guid(admin: Admin, tools: Tools) -> Guid:
    return mint(partition_of(admin.guid), tools.entropy(ENTROPY_BYTES))


def _new_secret(tools: Tools) -> str:
    return keys.b64url(tools.entropy(SECRET_BYTES))
