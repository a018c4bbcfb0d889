"""Ended challenges: only `end_challenge` ends one, with its callback in the same commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import attrs

from counterseal._plan import AuditEntry, Tools
from counterseal.challenges.rules.question_limits import (
    after_approval,
    after_refusal,
    with_expired_counted,
    without_question,
)
from counterseal.machines import CHARTS
from counterseal.models import (
    Callback,
    CancelReason,
    Challenge,
    ChallengeState,
    History,
    Outcome,
    Record,
    replace,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.policy import Policy

ENDED_LIMIT = 20
"""Challenges that an account names as ended, for its devices; each commit of it stores them."""

Followers: TypeAlias = Callable[[Challenge, datetime], tuple[Record, ...]]
"""Returns what is stored with a challenge that an answer ended at this time."""


@attrs.define
class EndedChallenge:
    """A challenge that ended, with the records to commit, and the account's new history."""

    challenge: Challenge
    writes: tuple[Record, ...]
    history: History
    entry: AuditEntry


def end_challenge(
    tools: Tools,
    challenge: Challenge,
    history: History,
    state: ChallengeState,
    outcome: Outcome,
    *,
    reason: str = "",
) -> EndedChallenge:
    """
    End *challenge* in *state*, which `step` has decided.

    Args:
        history: The account's, with the other changes of the event.
        reason: For the audit log.
    """
    policy = tools.policy
    ended_challenge = revise(
        challenge,
        state=state,
        outcome=outcome,
        keep_until=max(challenge.keep_until, outcome.at + policy.retention),
        sealed_code=b"",
        wrong_codes=challenge.wrong_codes + (state is ChallengeState.FAILED),
    )
    callback = _callback(tools, ended_challenge, outcome.at)
    return EndedChallenge(
        ended_challenge,
        (ended_challenge,) if callback is None else (ended_challenge, callback),
        replace(
            _history(history, ended_challenge, outcome.at, policy),
            ended=(*history.ended, challenge.guid)[-ENDED_LIMIT:],
        ),
        AuditEntry(challenge.guid, f"challenge.{state.value.lower()}", reason),
    )


def _history(history: History, challenge: Challenge, at: datetime, policy: Policy) -> History:
    refused = challenge.outcome is not None and challenge.outcome.reason is CancelReason.REFUSED
    if challenge.state is ChallengeState.CANCELLED and not refused:
        # The origin cancelled it, which says nothing about the person.
        return without_question(with_expired_counted(history, at, policy), challenge.guid)
    if challenge.approved:
        return after_approval(
            history, challenge.guid, at, policy, code_matched=challenge.code_asked
        )
    return after_refusal(history, challenge.guid, at, policy)


def _callback(tools: Tools, challenge: Challenge, at: datetime) -> Callback | None:
    if challenge.callback is None or challenge.state not in challenge.callback_states:
        return None
    start = challenge.calls_back_from
    return Callback(
        guid=mint(partition_of(challenge.guid), tools.entropy(ENTROPY_BYTES)),
        state=CHARTS["callback"].initial,
        challenge=challenge.guid,
        account=challenge.account,
        origin=challenge.origin,
        app_space=challenge.app_space,
        url=challenge.callback,
        once=challenge.calls_back_once,
        next_at=at if start is None else max(at, start),
        created_at=at,
        keep_until=at + tools.policy.retention,
        trace=tools.trace,
    )
