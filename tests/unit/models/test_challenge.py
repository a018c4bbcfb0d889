"""Challenges: when they count as approved, and what is told of them when."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from counterseal.models import (
    DEFAULT_BUTTONS,
    UNFINISHED,
    Button,
    Challenge,
    ChallengeState,
    Outcome,
    guid,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta.resolution
ID = guid.mint(7, bytes(15))
CHALLENGE = Challenge(
    guid=ID,
    state=ChallengeState.PENDING,
    app_space=ID,
    origin=ID,
    account=ID,
    display="{}",
    display_hash="h",
    buttons=(
        Button(title="Pay", strong=True, approving=True),
        Button(title="Pay tomorrow", strong=True, approving=True),
        Button(title="No", strong=False),
    ),
    issued_at=NOW - timedelta(minutes=2),
    deadline=NOW,
    keep_until=NOW + timedelta(days=1),
)
WAITING = [state for state in ChallengeState if state in UNFINISHED]
FINISHED = [state for state in ChallengeState if state not in UNFINISHED]


def ended(state, button):
    outcome = Outcome(at=NOW, button=button)
    return attrs.evolve(CHALLENGE, state=state, outcome=outcome)


@pytest.mark.parametrize(("button", "approved"), [(0, True), (1, True), (2, False)])
def test_an_answer_approves_by_its_button(button, approved):
    assert ended(ChallengeState.ANSWERED, button).approved is approved


@pytest.mark.parametrize("state", ChallengeState)
def test_nothing_but_an_answer_approves(state):
    assert ended(state, 0).approved is (state is ChallengeState.ANSWERED)


def test_an_answer_without_a_button_approves_nothing():
    assert ended(ChallengeState.ANSWERED, None).approved is False
    assert not attrs.evolve(CHALLENGE, state=ChallengeState.ANSWERED).approved


@pytest.mark.parametrize("state", WAITING)
def test_it_has_expired_from_the_deadline_on_swept_or_not(state):
    challenge = attrs.evolve(CHALLENGE, state=state)

    assert challenge.state_at(NOW - TICK) is state
    assert challenge.state_at(NOW) is ChallengeState.EXPIRED
    assert challenge.state_at(NOW + TICK) is ChallengeState.EXPIRED


@pytest.mark.parametrize("state", FINISHED)
def test_a_decision_stays_readable_after_the_deadline(state):
    challenge = attrs.evolve(CHALLENGE, state=state)

    assert challenge.state_at(NOW - TICK) is state
    assert challenge.state_at(NOW + timedelta(days=30)) is state


def test_the_finished_states():
    assert {state.name for state in FINISHED} == {
        "ANSWERED",
        "CANCELLED",
        "DISOWNED",
        "EXPIRED",
        "FAILED",
    }


def test_by_default_the_first_button_approves_and_needs_a_strong_key():
    first, *others = DEFAULT_BUTTONS

    assert first.approving
    assert first.strong
    assert others
    assert not any(button.approving for button in others)
