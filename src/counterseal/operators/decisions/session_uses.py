"""Uses of sessions: what is read for a cookie that a browser presents, and how it is refused."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal._plan import (
    AuditEntry,
    Decision,
    Reading,
    Records,
    Tools,
    record_with_account,
    records,
    require,
    tenancy_records_of,
)
from counterseal.accounts.rules import Deadline
from counterseal.errors import BindingInactive, NotFound, WrongToken
from counterseal.machines import step
from counterseal.models import Admin, Administrator, Guid, Session, SessionState, revise
from counterseal.operators.chart import SESSION, SessionEvent
from counterseal.operators.decisions.proofs import (
    PROOF_ENDED,
    revocations_of,
    revoke_session,
    sessions_in,
)
from counterseal.operators.rules import SessionUseFacts, require_secret
from counterseal.tenancy.decisions.authorization import admin_guards, permission_to
from counterseal.tenancy.rules.authorization import permission_for


def require_session(stored: Records, secret: str) -> Session:
    """
    Return the session that was read, before a decision looks at its state.

    Raises:
        WrongToken: There is no such session, or *secret* is not its secret; a stranger cannot
            tell which.
    """
    try:
        session = require(stored[0], Session)
    except NotFound:
        raise WrongToken from None
    require_secret(session, secret)
    return session


def read_proofs(session: Session) -> Reading[Records]:
    """Read the administrator, and the bindings of the session's proofs."""
    return records(session.admin, *(proof.binding for proof in session.proofs))


def read_proofs_with(session: Session, binding: Guid) -> Reading[Records]:
    """Read *binding* and its account, and what `read_proofs` reads."""
    proofs = (proof.binding for proof in session.proofs)
    return record_with_account(binding, session.admin, *proofs)


def facts_of_use(session: Session, stored: Records, tools: Tools, secret: str) -> SessionUseFacts:
    """Return the facts of a use, for what `read_proofs` has read, or of the administrator alone."""
    admin, *bindings = stored
    return SessionUseFacts(
        now=tools.now,
        policy=tools.policy,
        session=session,
        admin=admin,
        bindings=tuple(bindings),
        secret=secret,
    )


def facts_of_proof(session: Session, stored: Records, tools: Tools, secret: str) -> SessionUseFacts:
    """Return the facts of an enrolment or a step-up, for what `read_proofs_with` has read."""
    proof, account, *session_records = stored
    facts = facts_of_use(session, tuple(session_records), tools, secret)
    return attrs.evolve(facts, proof=proof, proof_account=account)


def refuse_use(session: Session, state: SessionState) -> Decision[Any]:
    """Decide to refuse the use of a session whose passkey or device has ended, and to end it."""
    refusal = BindingInactive()
    return Decision(
        result=None,
        writes=(revise(session, state=state),),
        audit=(
            AuditEntry(session.guid, reason=refusal.code),
            AuditEntry(session.guid, event="session.revoke", reason=PROOF_ENDED),
        ),
        refusal=refusal,
    )


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
        guards=(session,),
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
