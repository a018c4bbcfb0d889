"""
Consequences: what the policy demands for the reason of a refusal, committed with the refusal.

No consequence lets an origin ask more often: a cancelled request is counted like a
refused one, a demand for codes is never shortened, and nothing here unlocks an account.
"""

from __future__ import annotations

import attrs

from counterseal._plan import AuditEntry, Tools
from counterseal.accounts.decisions.account_events import NewAccountEvent
from counterseal.accounts.records import Account
from counterseal.accounts.rules import CancellationFacts
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.ended_challenges import end_challenge
from counterseal.challenges.records import (
    UNFINISHED,
    CancelReason,
    Challenge,
    ChallengeState,
    Outcome,
    Reaction,
    RefusalReason,
)
from counterseal.challenges.rules.question_limits import with_codes_demanded
from counterseal.machines import step
from counterseal.models import Record, replace
from counterseal.models.events import AccountEventKind
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind
from counterseal.outbox.decisions.outbox import build_ending_notifications


@attrs.define
class Consequences:
    """
    What follows from a refusal's reason.

    Attributes:
        account: The account as the commit writes it.
        writes: Other records to be committed with it.
        new_events: What the App Space's origins are to hear of it.
        wakes: Whose waiting callers are woken.
    """

    account: Account
    writes: tuple[Record, ...] = ()
    new_events: tuple[NewAccountEvent, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    wakes: tuple[Guid, ...] = ()


def needs_pending(tools: Tools, reason: RefusalReason) -> bool:
    """Tell whether the account's open challenges have to be read for *reason*."""
    return Reaction.CANCEL_PENDING in tools.policy.reactions_to(reason)


def decide_consequences(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    account: Account,
    refused: Challenge,
    pending: tuple[Challenge, ...],
) -> Consequences:
    """
    Decide what follows from the reason for which *refused* has ended.

    Args:
        account: The account as the commit writes it: already revised.
        pending: The account's open challenges; needed where the policy cancels them.
    """
    reason = refused.reason
    consequences = Consequences(account)
    if reason is None:
        return consequences
    reactions = tools.policy.reactions_to(reason)
    if Reaction.CANCEL_PENDING in reactions:
        _cancel_pending(tools, served_kinds, consequences, refused, pending)
    if Reaction.ALERT in reactions and refused.state is not ChallengeState.DISOWNED:
        # Of every disown, origins hear anyway.
        device = None if refused.outcome is None else refused.outcome.device
        consequences.new_events += (
            NewAccountEvent(AccountEventKind.REPORTED, device=device, challenge=refused.guid),
        )
    account = consequences.account
    if Reaction.DEMAND_CODES in reactions:
        history = with_codes_demanded(account.history, tools.now, tools.policy)
        account = replace(account, history=history)
        consequences.audit += (AuditEntry(account.guid, "account.demand_codes", reason.value),)
    if Reaction.LOCK_ACCOUNT in reactions:
        account = replace(account, locked_at=tools.now)
        consequences.audit += (AuditEntry(account.guid, "account.lock", reason.value),)
        consequences.new_events += (NewAccountEvent(AccountEventKind.LOCKED),)
    consequences.account = account
    return consequences


def _cancel_pending(
    tools: Tools,
    served_kinds: frozenset[AddressKind],
    consequences: Consequences,
    refused: Challenge,
    pending: tuple[Challenge, ...],
) -> None:
    account = consequences.account
    for challenge in pending:
        is_another_of_origin = challenge.origin == refused.origin and challenge.guid != refused.guid
        # One whose deadline has come is expired by a worker.
        if not is_another_of_origin or challenge.state_at(tools.now) not in UNFINISHED:
            continue
        facts = CancellationFacts(now=tools.now, challenge=challenge, origin=challenge.origin)
        ended = end_challenge(
            tools,
            challenge,
            account.history,
            step(CHALLENGE, challenge.state, ChallengeEvent.CANCEL, facts),
            Outcome(at=tools.now, reason=CancelReason.REFUSED),
            reason=CancelReason.REFUSED.value,
        )
        account = replace(account, history=ended.history)
        consequences.writes += ended.writes
        consequences.writes += build_ending_notifications(
            tools, served_kinds, account, ended.challenge
        )
        consequences.audit += (ended.entry,)
        consequences.wakes += (challenge.guid,)
    consequences.account = account
