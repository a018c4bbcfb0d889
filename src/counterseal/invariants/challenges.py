"""Invariants of challenges: what an ended one has led to, and of callbacks: what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from counterseal.accounts.records import Account
from counterseal.approvals.records import (
    ActionState,
    ActionUse,
    ApprovedAction,
    action_use_guid,
    approved_action_guid,
)
from counterseal.challenges.records import UNFINISHED, Challenge
from counterseal.invariants import PartitionRecords, Violation
from counterseal.outbox.records import Callback, CallbackState


def of_challenges(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield what an ended challenge should have led to, unless its account is gone or erased."""
    callbacks = stored.grouped(Callback, lambda callback: callback.challenge)
    has_actions = bool(stored.of(ApprovedAction) or stored.of(ActionUse))
    for challenge in stored.of(Challenge):
        account = stored.by_guid.get(challenge.account)
        if isinstance(account, Account) and account.erased_at is None:
            # Of most challenges no GUID of an action has to be derived.
            if has_actions or challenge.action is not None:
                yield from _action(challenge, stored)
            yield from _callbacks(challenge, callbacks.get(challenge.guid, []), stored.now)


def of_callbacks(stored: PartitionRecords) -> Iterator[Violation]:
    """Yield the callbacks whose subject is gone, and those that wait for ever."""
    for callback in stored.of(Callback):
        if callback.state is CallbackState.QUEUED:
            yield from _subject(callback, stored)


def _subject(callback: Callback, stored: PartitionRecords) -> Iterator[Violation]:
    by_guid, now = stored.by_guid, stored.now
    if callback.event is None:
        if callback.challenge not in by_guid:
            yield Violation(callback.guid, "the challenge that it reports is gone")
    elif callback.event not in by_guid and now < callback.keep_until:
        yield Violation(callback.guid, "the event that it reports is gone")
    if callback.waits_for is not None and now < callback.keep_until:
        earlier = by_guid.get(callback.waits_for)
        if not isinstance(earlier, Callback) or earlier.successor != callback.guid:
            yield Violation(callback.guid, "nothing ends its waiting")
        elif earlier.state is not CallbackState.QUEUED:
            yield Violation(callback.guid, "it waits for a callback that is over")


def _callbacks(
    challenge: Challenge, callbacks: list[Callback], now: datetime
) -> Iterator[Violation]:
    expected = (
        challenge.state not in UNFINISHED
        and challenge.callback is not None
        and challenge.state in challenge.callback_states
    )
    if len(callbacks) > expected:
        yield Violation(challenge.guid, "it has a callback too many")
    if len(callbacks) < expected and now < challenge.keep_until:
        yield Violation(challenge.guid, "it has ended, and has no callback")


def _action(challenge: Challenge, stored: PartitionRecords) -> Iterator[Violation]:
    now = stored.now
    action = stored.by_guid.get(approved_action_guid(challenge.guid))
    use = stored.by_guid.get(action_use_guid(challenge.guid))
    if isinstance(action, ApprovedAction):
        if not challenge.approved or challenge.action != action.terms:
            yield Violation(action.guid, "its challenge was not approved, or for another action")
        if action.origin != challenge.origin or action.account != challenge.account:
            yield Violation(action.guid, "its challenge is another origin's or account's")
        used = action.state is ActionState.USED
        if used is not isinstance(use, ActionUse) and now < action.keep_until:
            yield Violation(action.guid, "it was used without a use, or not used and has one")
    elif isinstance(use, ActionUse) and now < use.keep_until:
        yield Violation(use.guid, "the action that it used is not there")
    elif challenge.approved and challenge.action is not None and now < challenge.keep_until:
        yield Violation(challenge.guid, "it was approved, and there is no approved action")
