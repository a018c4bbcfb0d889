"""The chart of challenges: one question, and how it ends."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import (
    account_unlocked,
    binding_active,
    deadline_came,
    in_time,
    own_challenge,
)
from counterseal.challenges.records import ChallengeState
from counterseal.challenges.rules.answering import (
    addressed_here,
    button_matches,
    caller_proved,
    chosen_device,
    code_matches,
    code_mistyped,
    codes_exhausted,
    display_matches,
    key_strong_enough,
    own_account,
    signature_holds,
    strikes_left,
)
from counterseal.machines import compiled


class ChallengeEvent(enum.Enum):
    """What can happen to a challenge."""

    FETCH = "fetch"
    ANSWER = "answer"
    MISTYPE = "mistype"
    DISOWN = "disown"
    CANCEL = "cancel"
    EXPIRE = "expire"


_DEVICE_RULES = (
    in_time,
    account_unlocked,
    binding_active,
    own_account,
    chosen_device,
    caller_proved,
)
"""The rules of every event of a challenge that a device sends."""

_ANSWER_RULES = (
    strikes_left,
    addressed_here,
    display_matches,
    button_matches,
    key_strong_enough,
    signature_holds,
)
"""The rules of an answer, whether its matching code is right or wrong."""


class ChallengeChart(StateMachine):
    """One question to one account, answered at most once."""

    _ = States.from_enum(
        ChallengeState,
        initial=ChallengeState.PENDING,
        final=[
            ChallengeState.ANSWERED,
            ChallengeState.DISOWNED,
            ChallengeState.CANCELLED,
            ChallengeState.FAILED,
            ChallengeState.EXPIRED,
        ],
    )
    fetch = _.SEEN.from_(_.PENDING, _.SEEN, validators=[*_DEVICE_RULES])
    answer = _.ANSWERED.from_(
        _.PENDING, _.SEEN, validators=[*_DEVICE_RULES, *_ANSWER_RULES, code_matches]
    )
    mistype = (
        _.FAILED.from_(
            _.PENDING,
            _.SEEN,
            cond=codes_exhausted,
            validators=[*_DEVICE_RULES, *_ANSWER_RULES, code_mistyped],
        )
        | _.PENDING.from_(_.PENDING, validators=[*_DEVICE_RULES, *_ANSWER_RULES, code_mistyped])
        | _.SEEN.from_(_.SEEN, validators=[*_DEVICE_RULES, *_ANSWER_RULES, code_mistyped])
    )
    disown = _.DISOWNED.from_(
        _.PENDING,
        _.SEEN,
        validators=[*_DEVICE_RULES, addressed_here, display_matches, signature_holds],
    )
    cancel = _.CANCELLED.from_(_.PENDING, _.SEEN, validators=[own_challenge, in_time])
    expire = _.EXPIRED.from_(_.PENDING, _.SEEN, validators=[deadline_came])


CHALLENGE = compiled("challenge", ChallengeChart, ChallengeState, ChallengeEvent)
