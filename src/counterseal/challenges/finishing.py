"""Finishing: the one place where a challenge ends, with its callback in the same commit."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal.machines import CALLBACK
from counterseal.models import (
    Account,
    AuditEvent,
    Callback,
    Challenge,
    ChallengeState,
    Change,
    History,
    Outcome,
)
from counterseal.models.guid import LUCK_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.asking import after_approval, after_refusal, closed, lapsed


@attrs.frozen(kw_only=True)
class Finished:
    """
    A challenge that ends, and everything that has to be committed with it.

    Attributes:
        account: As it has to be stored, in place of the one that was read.
        others: The challenge, and its callback where one is asked for.
    """

    challenge: Challenge
    account: Change
    others: tuple[Change, ...]
    history: History
    audit: AuditEvent

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything together."""
        return (*self.others, self.account)


def finish(
    ports: Ports,
    policy: Policy,
    *,
    challenge: Challenge,
    account: Account,
    state: ChallengeState,
    outcome: Outcome,
    actor: str,
    reason: str = "",
    receipt_hash: str | None = None,
    counted: Account | None = None,
) -> Finished:
    """
    End *challenge* in *state*, which `step` has decided.

    Args:
        outcome: What became of it.
        actor, reason: For the audit log.
        receipt_hash: Of the receipt in *outcome*; None if there is none.
        counted: The account with what else the event changes in it; None if nothing.
    """
    ended = attrs.evolve(
        challenge,
        version=challenge.version + 1,
        state=state,
        outcome=outcome,
        keep_until=max(challenge.keep_until, outcome.at + policy.retention),
        sealed_code=b"",
        wrong_codes=challenge.wrong_codes + (state is ChallengeState.FAILED),
    )
    base = account if counted is None else counted
    kept = attrs.evolve(
        base,
        version=account.version + 1,
        history=_history(base.history, ended, outcome.at, policy),
        receipts=account.receipts + (receipt_hash is not None),
        receipt_hash=account.receipt_hash if receipt_hash is None else receipt_hash,
    )
    others = [Change(challenge, ended)]
    callback = _callback(ports, policy, ended, outcome.at)
    if callback is not None:
        others.append(Change(None, callback))
    return Finished(
        challenge=ended,
        account=Change(account, kept),
        others=tuple(others),
        history=kept.history,
        audit=AuditEvent(
            at=outcome.at,
            event=f"challenge.{state.value.lower()}",
            actor=actor,
            subject=challenge.guid,
            reason=reason,
        ),
    )


def _history(history: History, ended: Challenge, at: datetime, policy: Policy) -> History:
    if ended.state is ChallengeState.CANCELLED:
        # Its origin took the question back: that says nothing about the person.
        return closed(lapsed(history, at, policy), ended.guid)
    if ended.approved:
        return after_approval(history, ended.guid, at, policy, code_matched=ended.code_asked)
    return after_refusal(history, ended.guid, at, policy)


def _callback(ports: Ports, policy: Policy, ended: Challenge, now: datetime) -> Callback | None:
    if ended.callback is None or ended.state not in ended.callback_states:
        return None
    return Callback(
        guid=mint(partition_of(ended.guid), ports.entropy.token(LUCK_BYTES)),
        state=CALLBACK.initial,
        challenge=ended.guid,
        account=ended.account,
        origin=ended.origin,
        url=ended.callback,
        next_at=now,
        created_at=now,
        keep_until=now + policy.retention,
    )
