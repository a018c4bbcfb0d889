"""Rules of sessions: whose secret opens one, until when, and for which administrator."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal import keys
from counterseal.errors import (
    BindingInactive,
    CredentialRefused,
    DeadlinePassed,
    StepUpNeeded,
    WrongKey,
    WrongState,
    WrongToken,
)
from counterseal.models import (
    OPERATORS,
    Account,
    Admin,
    Binding,
    BindingState,
    Record,
    Session,
    SessionProof,
    SessionState,
)
from counterseal.policy import Policy
from counterseal.tenancy.rules.authorization import is_in_force


@attrs.define(kw_only=True)
class LoginFacts:
    """
    Facts of a log-in that has been proven.

    Attributes:
        admin: The record of who logs in, as stored.
        proof: The record of the passkey or device by which the person has proven it, as stored.
        proof_account: The account of that, as stored.
        suspensions: How often it had been suspended when it was proven; None is now.
    """

    now: datetime
    admin: Record | None
    proof: Record | None
    proof_account: Record | None
    suspensions: int | None = None


@attrs.define(kw_only=True)
class SessionUseFacts:
    """
    Facts of a link or a cookie that a browser presents.

    Attributes:
        admin: The record of whose session it is, as stored.
        bindings: The records of the session's proofs, in their order, as stored.
        proof: The record of what an enrolment or a step-up is proven by; None for other uses.
        proof_account: The account of that, as stored.
        suspensions: How often that had been suspended when it was proven; None is now.
        secret: What the browser has presented, without the session's GUID.
    """

    now: datetime
    policy: Policy
    session: Session
    admin: Record | None
    bindings: tuple[Record | None, ...] = ()
    proof: Record | None = None
    proof_account: Record | None = None
    suspensions: int | None = None
    secret: str = attrs.field(repr=False)


def session_secret_matches(facts: SessionUseFacts) -> None:
    """Refuse another secret than the session's present one."""
    require_secret(facts.session, facts.secret)


def require_secret(session: Session, secret: str) -> None:
    """Refuse another secret than the present one of *session*, compared in constant time."""
    keys.require_equal(keys.token_hash(secret), session.secret_hash, WrongToken)


def session_in_time(facts: SessionUseFacts) -> None:
    """Refuse a session that is too old, or was not used for too long, by the policy of now."""
    if facts.now >= session_end(facts.session, facts.policy):
        raise DeadlinePassed


def session_end(session: Session, policy: Policy) -> datetime:
    """
    Return when a session ends if nobody uses it: at its deadline, or earlier by *policy*.

    An active one that names no proof, as an older release stored it, has ended.
    """
    ends = [session.deadline]
    if session.state is SessionState.ACTIVE:
        if not session.proofs:
            ends.append(session.created_at)
        if session.started_at is not None:
            ends.append(session.started_at + policy.portal_session_life)
        if session.last_used_at is not None:
            ends.append(session.last_used_at + policy.portal_session_idle)
    return min(ends)


def administrator_active(facts: LoginFacts | SessionUseFacts) -> None:
    """Refuse an administrator whose time is over, or who was revoked."""
    require_administrator(facts)


def require_administrator(facts: LoginFacts | SessionUseFacts) -> Admin:
    """
    Return the administrator, as stored.

    Raises:
        CredentialRefused: The administrator's time is over, or it was revoked.
    """
    admin = facts.admin
    if not isinstance(admin, Admin) or not is_in_force(admin, facts.now):
        raise CredentialRefused
    return admin


def proof_active(facts: LoginFacts | SessionUseFacts) -> None:
    """Refuse what no passkey or device proves that is active, and was not suspended since."""
    proof = facts.proof
    if not isinstance(proof, Binding) or proof.state is not BindingState.ACTIVE:
        raise BindingInactive
    if facts.suspensions not in {None, proof.suspensions}:
        raise BindingInactive


def proof_own(facts: LoginFacts | SessionUseFacts) -> None:
    """Refuse a passkey or device of another account than the administrator's own."""
    account, admin = facts.proof_account, require_administrator(facts)
    if not isinstance(account, Account):
        raise WrongKey
    if (account.app_space, account.account_id) != (OPERATORS, admin.guid):
        raise WrongKey


def proof_enrols(facts: SessionUseFacts) -> None:
    """Refuse to enrol a browser by another passkey than its link has registered."""
    if not isinstance(facts.proof, Binding) or facts.proof.session != facts.session.guid:
        raise WrongKey


def proof_lost(facts: SessionUseFacts) -> bool:
    """Tell whether something that the session was opened or stepped up by has ended."""
    return not proofs_valid(facts.session, facts.bindings)


def proofs_valid(session: Session, bindings: tuple[Record | None, ...]) -> bool:
    """
    Tell whether every proof of *session* is still valid.

    Args:
        bindings: The records of its proofs, in their order, as stored.

    Raises:
        ValueError: There are not as many.
    """
    pairs = zip(session.proofs, bindings, strict=True)
    return all(proof_valid(proof, binding) for proof, binding in pairs)


def proof_valid(proof: SessionProof, binding: Record | None) -> bool:
    """Tell whether *binding*, as stored, is active, and was not suspended since *proof*."""
    return (
        isinstance(binding, Binding)
        and binding.state is BindingState.ACTIVE
        and binding.suspensions == proof.suspensions
    )


def inviting_session_active(
    session: Record | None, bindings: tuple[Record | None, ...], now: datetime, policy: Policy
) -> None:
    """
    Refuse a device that was invited in a session that has ended since, as a stolen one may have.

    Args:
        bindings: The records of the session's proofs, in their order, as stored.

    Raises:
        WrongState: It was logged out, ended or expired, or with what it was opened or stepped up by
            has ended.
    """
    if (
        not isinstance(session, Session)
        or session.state is not SessionState.ACTIVE
        or now >= session_end(session, policy)
        or not proofs_valid(session, bindings)
    ):
        raise WrongState("the session that invited it has ended")


def is_stepped_up(session: Session, now: datetime) -> bool:
    """Tell whether the person proved a short while ago to be there."""
    return session.stepped_up_until is not None and now < session.stepped_up_until


def stepped_up(session: Session, now: datetime) -> None:
    """
    Refuse a dangerous act in a session that is not stepped up.

    Raises:
        StepUpNeeded: The person has to prove to be there, by a passkey or a device.
    """
    if not is_stepped_up(session, now):
        raise StepUpNeeded
