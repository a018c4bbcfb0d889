"""
Proofs: passkeys and devices by which administrators log in, and the sessions that end with them.

A session is in another partition than the bindings that it was opened by, so no commit ends both. A
worker ends the session later; until then, each use of the session reads the bindings.
"""

from __future__ import annotations

from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    record_with_account,
    records,
    require,
    tenancy_records_of,
)
from counterseal.accounts.rules import Deadline, deadline_came
from counterseal.bindings.decisions.bindings import revoke_binding, session_of
from counterseal.ceremonies.rules import opened_by
from counterseal.errors import NotFound
from counterseal.machines import step
from counterseal.models import (
    LIVING,
    OPERATORS,
    Account,
    AddressKind,
    Admin,
    Administrator,
    Binding,
    Guid,
    Session,
    SessionProof,
    revise,
)
from counterseal.models.guid import parse
from counterseal.operators.chart import SESSION, SessionEvent
from counterseal.operators.rules import inviting_session_active, proof_valid
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.rules.authorization import permission_for

PROOF_ENDED = "proof_ended"
"""The audit log's reason for the end of a session whose passkey or device has ended."""


def with_proof(proofs: tuple[SessionProof, ...], binding: Binding) -> tuple[SessionProof, ...]:
    """Return the proofs of a session that *binding*, too, has proven."""
    if binding.guid in {proof.binding for proof in proofs}:
        return proofs
    return (*proofs, SessionProof(binding=binding.guid, suspensions=binding.suspensions))


def revoke_session(session: Session) -> Session:
    """Return *session* revoked, whatever state it is in that allows it."""
    return revise(session, state=step(SESSION, session.state, SessionEvent.REVOKE, None))


def revocations_of(revoked: tuple[Session, ...]) -> tuple[AuditEntry, ...]:
    """Return what is recorded of sessions that were *revoked* with something else."""
    return tuple(AuditEntry(each.guid, event="session.revoke") for each in revoked)


def sessions_in(children: Records) -> tuple[Session, ...]:
    """Return the sessions among the records under an administrator."""
    return tuple(each for each in children if isinstance(each, Session))


async def complete_enrolment(
    stored: Records, tools: Tools, *, served_kinds: frozenset[AddressKind]
) -> Decision[None]:
    """
    Decide to keep a passkey that a one-time link registered, or to revoke it.

    It is kept once it has opened the link's session, and revoked if it has not by its deadline.
    """
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    if binding.session is None or binding.answers or binding.state not in LIVING:
        return Decision(result=None)
    (session,) = await records(binding.session)
    if opened_by(session, binding):
        return Decision(result=None, writes=(revise(binding, session=None),))
    deadline_came(Deadline(now=tools.now, deadline=binding.deadline))
    revocation = revoke_binding(tools, account, binding, served_kinds)
    return Decision(result=None, writes=revocation.writes, audit=revocation.audit)


async def end_sessions(stored: Records, _: Tools) -> Decision[Binding | None]:
    """Decide to end the sessions that were opened or stepped up by a binding that has ended."""
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    if binding.sessions_end_at is None:
        return Decision(result=None)
    admin: Guid = binding.admin or parse(account.account_id, field="accountId")
    # For the audit log, which names the App Space of the administrator.
    await records(admin)
    ended_sessions = tuple(
        revoke_session(session)
        for session in sessions_in(await tenancy_records_of(admin))
        if any(
            proof.binding == binding.guid and not proof_valid(proof, binding)
            for proof in session.proofs
        )
    )
    return Decision(
        result=binding,
        writes=ended_sessions,
        audit=tuple(AuditEntry(session.guid, reason=PROOF_ENDED) for session in ended_sessions),
    )


def forget_sessions(stored: Records, _: Tools, ended_binding: Binding | None) -> Decision[None]:
    """Decide that the sessions of *ended_binding* have ended, unless it has changed meanwhile."""
    if ended_binding is None or stored[0] != ended_binding:
        return Decision(result=None)
    return Decision(result=None, writes=(revise(ended_binding, sessions_end_at=None),))


async def revoke_of_administrator(
    stored: Records,
    tools: Tools,
    by: Administrator,
    device: Guid,
    *,
    served_kinds: frozenset[AddressKind],
) -> Decision[Binding]:
    """Decide that a passkey, device or open invitation of an administrator is revoked for good."""
    admin = require(stored[0], Admin)
    await permission_to(permission_for(admin, by), by, admin)
    record, owner = await record_with_account(device)
    binding, account = require(record, Binding), require(owner, Account)
    if (account.app_space, account.account_id) != (OPERATORS, admin.guid):
        raise NotFound
    return revoke_binding(tools, account, binding, served_kinds)


async def demand_inviting_session(binding: Binding, tools: Tools) -> None:
    """
    Require that the session in which a device was invited is active, if there was one.

    Raises:
        WrongState: The session has ended.
    """
    sessions = await session_of(binding)
    proofs = await records(
        *(
            proof.binding
            for session in sessions
            if isinstance(session, Session)
            for proof in session.proofs
        )
    )
    for session in sessions:
        inviting_session_active(session, proofs, tools.now, tools.policy)
