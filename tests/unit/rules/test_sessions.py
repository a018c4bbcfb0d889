"""When a session ends, and whose secret opens it: properties with an oracle of their own."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import (
    CredentialRefused,
    DeadlinePassed,
    StepUpNeeded,
    WrongState,
    WrongToken,
)
from counterseal.keys import token_hash
from counterseal.models import BindingState, Credential, Scheme, SessionProof, SessionState
from counterseal.operators.rules import (
    SessionUseFacts,
    administrator_active,
    inviting_session_active,
    is_stepped_up,
    proofs_valid,
    session_end,
    session_in_time,
    session_secret_matches,
    stepped_up,
)
from counterseal.policy import Policy
from counterseal_testing import START
from counterseal_testing.contracts.record_factory import RecordFactory

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
seconds = st.integers(0, 100_000).map(lambda count: count * SECOND)


def facts(now=START, *, policy=None, admin=None, text="right", **changes):
    factory = RecordFactory()
    proven = {"proofs": (SessionProof(binding=factory.guid()),)} | changes
    session = factory.session(factory.guid(), secret_hash=token_hash("right"), **proven)
    return SessionUseFacts(
        now=now, policy=policy or Policy(), session=session, admin=admin, secret=text
    )


@given(age=seconds, unused=seconds, deadline=seconds, idle=seconds, life=seconds)
def test_a_session_ends_by_its_deadline_its_age_or_its_last_use(age, unused, deadline, idle, life):
    """The oracle counts seconds back from now."""
    idle = min(max(idle, 2 * MINUTE), 60 * MINUTE)
    life = min(max(life, MINUTE), timedelta(days=1))
    used = facts(
        START,
        policy=Policy(portal_session_idle=idle, portal_session_life=life),
        state=SessionState.ACTIVE,
        started_at=START - age,
        last_used_at=START - unused,
        deadline=START + deadline - 1000 * SECOND,
    )
    ended = age >= life or unused >= idle or deadline <= 1000 * SECOND

    if ended:
        with pytest.raises(DeadlinePassed):
            session_in_time(used)
    else:
        session_in_time(used)


@pytest.mark.parametrize("state", SessionState)
def test_a_session_that_names_no_proof_has_ended_once_it_began(state):
    """An older release has stored it; of a link nothing is proven yet."""
    session = facts(
        state=state, proofs=(), created_at=START - SECOND, deadline=START + MINUTE
    ).session
    ends_at = START - SECOND if state is SessionState.ACTIVE else START + MINUTE
    assert session_end(session, Policy()) == ends_at


@pytest.mark.parametrize("unused", [2 * MINUTE - SECOND, 2 * MINUTE])
def test_a_session_that_the_policy_of_now_has_ended_invites_nobody(unused):
    """Its deadline follows the policy of its last use."""
    used = facts(state=SessionState.ACTIVE, last_used_at=START - unused, deadline=START + MINUTE)
    (proof,) = used.session.proofs
    binding = RecordFactory().binding(
        RecordFactory().account(), guid=proof.binding, state=BindingState.ACTIVE
    )
    policy = Policy(portal_session_idle=2 * MINUTE)
    if unused < 2 * MINUTE:
        inviting_session_active(used.session, (binding,), START, policy)
        return
    with pytest.raises(WrongState):
        inviting_session_active(used.session, (binding,), START, policy)


@pytest.mark.parametrize("state", [SessionState.INVITED, SessionState.ENROLLING])
def test_a_link_has_only_its_deadline(state):
    link = facts(START, state=state, deadline=START + SECOND, last_used_at=START - 9000 * MINUTE)
    session_in_time(link)

    with pytest.raises(DeadlinePassed):
        session_in_time(facts(START, state=state, deadline=START))


@given(secret=st.text())
def test_only_the_present_secret_opens_a_session(secret):
    session_secret_matches(facts())

    if secret != "right":
        with pytest.raises(WrongToken):
            session_secret_matches(facts(text=secret))


@pytest.mark.parametrize(
    ("person", "ended", "live", "stands"),
    [
        (True, False, False, True),
        (True, True, False, False),
        (True, True, True, False),
        (False, False, True, True),
        (False, False, False, False),
        (False, True, True, False),
    ],
)
def test_a_person_needs_no_secret_and_a_revoked_one_stays_revoked(person, ended, live, stands):
    credential = Credential(scheme=Scheme.HMAC, created_at=START, ends_at=START)
    secrets = (credential, Credential(scheme=Scheme.HMAC, created_at=START)) if live else ()
    admin = RecordFactory().admin(
        None, person=person, ends_at=START if ended else None, credentials=secrets
    )

    if stands:
        administrator_active(facts(admin=admin))
    else:
        with pytest.raises(CredentialRefused):
            administrator_active(facts(admin=admin))


def test_a_secret_that_has_ended_keeps_nobody_in_force():
    credential = Credential(scheme=Scheme.HMAC, created_at=START, ends_at=START)

    with pytest.raises(CredentialRefused):
        administrator_active(facts(admin=RecordFactory().admin(None, credentials=(credential,))))


@pytest.mark.parametrize("record", [None, RecordFactory().company()])
def test_what_is_no_administrator_does_not_stand(record):
    with pytest.raises(CredentialRefused):
        administrator_active(facts(admin=record))


def test_a_step_up_ends():
    for until, holds in ((None, False), (START, False), (START + SECOND, True)):
        session = facts(stepped_up_until=until).session
        assert is_stepped_up(session, START) is holds
        if holds:
            stepped_up(session, START)
        else:
            with pytest.raises(StepUpNeeded):
                stepped_up(session, START)


def test_each_proof_of_a_session_has_to_be_valid():
    factory = RecordFactory()
    first, second = (
        factory.binding(factory.account(), state=BindingState.ACTIVE, suspensions=1)
        for _ in range(2)
    )
    proofs = tuple(SessionProof(binding=one.guid, suspensions=1) for one in (first, second))
    session = facts(proofs=proofs).session

    assert proofs_valid(session, (first, second))
    for lost in (
        None,
        session,
        attrs.evolve(second, state=BindingState.REVOKED),
        attrs.evolve(second, suspensions=2),
    ):
        assert not proofs_valid(session, (first, lost))
    for other in (None, first):
        with pytest.raises(WrongState):
            inviting_session_active(other, (), START, Policy())
    for bindings in ((), (first,), (first, second, second)):
        with pytest.raises(ValueError, match="zip"):
            proofs_valid(session, bindings)
