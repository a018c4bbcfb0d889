"""Endings: the one place where a challenge ends, with its callback in the same commit."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal._decisions.plan import AuditEntry, Tools
from counterseal.machines import CALLBACK
from counterseal.models import (
    Callback,
    Challenge,
    ChallengeState,
    History,
    Outcome,
    Record,
    revise,
)
from counterseal.models.guid import LUCK_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.rules.asking import after_approval, after_refusal, closed, lapsed


@attrs.define
class Ending:
    """
    A challenge that ends, and what has to be committed with it.

    Attributes:
        writes: The challenge, and its callback where one is asked for.
        history: What the account's has to become.
        entry: For the audit log.
    """

    challenge: Challenge
    writes: tuple[Record, ...]
    history: History
    entry: AuditEntry


def end(
    tools: Tools,
    challenge: Challenge,
    history: History,
    state: ChallengeState,
    outcome: Outcome,
    *,
    reason: str = "",
) -> Ending:
    """
    End *challenge* in *state*, which `step` has decided.

    Args:
        challenge: As it was read.
        history: Its account's, with what else the event changes in it.
        outcome: What became of the challenge.
        reason: For the audit log.
    """
    policy = tools.policy
    ended = revise(
        challenge,
        state=state,
        outcome=outcome,
        keep_until=max(challenge.keep_until, outcome.at + policy.retention),
        sealed_code=b"",
        wrong_codes=challenge.wrong_codes + (state is ChallengeState.FAILED),
    )
    callback = _callback(tools, ended, outcome.at)
    return Ending(
        ended,
        (ended,) if callback is None else (ended, callback),
        _history(history, ended, outcome.at, policy),
        AuditEntry(challenge.guid, f"challenge.{state.value.lower()}", reason),
    )


def _history(history: History, ended: Challenge, at: datetime, policy: Policy) -> History:
    if ended.state is ChallengeState.CANCELLED:
        # Its origin took the question back: that says nothing about the person.
        return closed(lapsed(history, at, policy), ended.guid)
    if ended.approved:
        return after_approval(history, ended.guid, at, policy, code_matched=ended.code_asked)
    return after_refusal(history, ended.guid, at, policy)


def _callback(tools: Tools, ended: Challenge, at: datetime) -> Callback | None:
    if ended.callback is None or ended.state not in ended.callback_states:
        return None
    return Callback(
        guid=mint(partition_of(ended.guid), tools.entropy(LUCK_BYTES)),
        state=CALLBACK.initial,
        challenge=ended.guid,
        account=ended.account,
        origin=ended.origin,
        url=ended.callback,
        next_at=at,
        created_at=at,
        keep_until=at + tools.policy.retention,
    )
