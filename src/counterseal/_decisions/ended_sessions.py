"""Ended sessions: who and what ends the sessions and the one-time links of administrators."""

from __future__ import annotations

from counterseal._decisions.authorization import admin_guards, permission_to
from counterseal._decisions.plan import AuditEntry, Decision, Records, Tools, require
from counterseal._decisions.proofs import revocations_of, revoke_session, sessions_in
from counterseal._decisions.readings import records, tenancy_records_of
from counterseal._decisions.session_uses import (
    facts_of_use,
    read_proofs,
    refuse_use,
    require_session,
)
from counterseal.charts.sessions import SESSION, SessionEvent
from counterseal.machines import step
from counterseal.models import Admin, Administrator, Session, SessionState, revise
from counterseal.rules.authorization import permission_for
from counterseal.rules.standing import Deadline


def log_out(stored: Records, _: Tools, secret: str) -> Decision[None]:
    """Decide to end the session whose cookie a browser has presented; an ended one stays so."""
    session = require_session(stored, secret)
    if session.state in SESSION.finished:
        return Decision(result=None)
    revoked = revoke_session(session)
    return Decision(result=None, writes=(revoked,), audit=(AuditEntry(revoked.guid),))


async def end_others(stored: Records, tools: Tools, secret: str) -> Decision[int]:
    """Decide to end an administrator's other sessions and links, for a logged-in browser."""
    session = require_session(stored, secret)
    facts = facts_of_use(session, await read_proofs(session), tools, secret)
    state = step(SESSION, session.state, SessionEvent.USE, facts)
    if state is SessionState.REVOKED:
        return refuse_use(session, state)
    revoked = tuple(
        revoke_session(other)
        for other in sessions_in(await tenancy_records_of(session.admin))
        if other.guid != session.guid
    )
    return Decision(
        result=len(revoked),
        writes=revoked,
        # A session that ends in between ends no other.
        guards=(session,) if revoked else (),
        audit=revocations_of(revoked),
    )


async def revoke(stored: Records, _: Tools, by: Administrator) -> Decision[Session]:
    """Decide to end a session, or a link."""
    session = require(stored[0], Session)
    holder = require((await records(session.admin))[0], Admin)
    actor = await permission_to(permission_for(holder, by), by, holder)
    if session.state in SESSION.finished:
        # It has ended already, so the request is satisfied.
        return Decision(result=session)
    revoked = revoke_session(session)
    return Decision(
        result=revoked,
        writes=(revoked,),
        guards=admin_guards(actor, holder),
        audit=(AuditEntry(revoked.guid),),
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire a session or link whose deadline has come."""
    session = require(stored[0], Session)
    facts = Deadline(now=tools.now, deadline=session.deadline)
    state = step(SESSION, session.state, SessionEvent.EXPIRE, facts)
    expired = revise(session, state=state)
    return Decision(result=None, writes=(expired,), audit=(AuditEntry(expired.guid),))
