"""Uses of sessions: what is read for a cookie that a browser presents, and how it is refused."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal._decisions.plan import AuditEntry, Decision, Reading, Records, Tools, require
from counterseal._decisions.proofs import PROOF_ENDED
from counterseal._decisions.readings import record_with_account, records
from counterseal.errors import BindingInactive, NotFound, WrongToken
from counterseal.models import Guid, Session, SessionState, revise
from counterseal.rules.sessions import SessionUseFacts, require_secret


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
    proof, account, *others = stored
    facts = facts_of_use(session, tuple(others), tools, secret)
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
