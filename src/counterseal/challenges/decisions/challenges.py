"""Challenges: read, list and cancel them for their origin, and expire them for a worker."""

from __future__ import annotations

from collections.abc import Iterable

from counterseal._plan import (
    Decision,
    Records,
    Tools,
    demand_readable,
    pending_of,
    records,
    require,
    require_account,
    require_known,
)
from counterseal.accounts.records import Account
from counterseal.accounts.rules import CancellationFacts, Deadline
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.ended_challenges import end_challenge
from counterseal.challenges.records import UNFINISHED, CancelReason, Challenge, Outcome
from counterseal.errors import Foreign
from counterseal.machines import step
from counterseal.models import Record, replace, revise
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind
from counterseal.outbox.decisions.outbox import build_ending_notifications
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.records import Admin, Administrator, AdminRole, AppSpace
from counterseal.tenancy.rules.authorization import Permission


def read_status(stored: Records, tools: Tools, origin: Guid) -> Decision[Challenge]:
    """Return a challenge with its state now: an unfinished one is EXPIRED from its deadline on."""
    record, account = stored
    challenge = _require_challenge(record, origin)
    demand_readable(challenge, account)
    if challenge.state_at(tools.now) is challenge.state:
        return Decision(result=challenge)
    return Decision(result=replace(challenge, state=challenge.state_at(tools.now)))


async def list_open(
    account: Account | None, tools: Tools, origin: Guid
) -> Decision[tuple[Challenge, ...]]:
    """Decide to list the account's open challenges that *origin* issued, oldest first."""
    challenges = tuple(
        challenge
        for challenge in await pending_of(require_known(account).guid)
        if challenge.origin == origin and challenge.state_at(tools.now) in UNFINISHED
    )
    return Decision(result=challenges)


async def list_of_account(
    stored: Records, tools: Tools, by: Administrator
) -> Decision[tuple[Challenge, ...]]:
    """Decide to list what an account is asked and was asked last, newest first, for support."""
    account = require_account(stored[0])
    await permission_to(Permission.USERS, by, account)
    guids = (*(question.challenge for question in account.history.open), *account.history.ended)
    app_space, *challenges = await records(account.app_space, *guids)
    narrowed_tools = tools.within(require(app_space, AppSpace))
    return Decision(result=_for_staff(challenges, narrowed_tools, by))


def _for_staff(
    stored: Iterable[Record | None], tools: Tools, by: Administrator
) -> tuple[Challenge, ...]:
    reads_content = (
        not isinstance(by, Admin)
        or by.role is not AdminRole.SUPPORT
        or tools.policy.support_reads_content
    )
    challenges = [record for record in stored if isinstance(record, Challenge)]
    challenges.sort(key=lambda challenge: (challenge.issued_at, challenge.guid), reverse=True)
    return tuple(
        replace(
            challenge if reads_content else _without_content(challenge),
            state=challenge.state_at(tools.now),
        )
        for challenge in challenges
    )


def _without_content(challenge: Challenge) -> Challenge:
    """Return *challenge* without what its origin wrote, and what proves the answer."""
    outcome = challenge.outcome
    return replace(
        challenge,
        display="",
        buttons=tuple(replace(button, title="", style=None) for button in challenge.buttons),
        transaction_id=None,
        notification_title=None,
        notification_body=None,
        submission=None,
        outcome=None if outcome is None else replace(outcome, token=None, receipt=None),
    )


def cancel(
    stored: Records, tools: Tools, origin: Guid, *, served_kinds: frozenset[AddressKind]
) -> Decision[Challenge]:
    """Decide to cancel an unfinished challenge, which *origin* has issued."""
    stored_challenge, stored_account = stored
    challenge, account = (
        _require_challenge(stored_challenge, origin),
        require(stored_account, Account),
    )
    return _cancel(tools, challenge, account, CancelReason.ORIGIN, served_kinds)


async def withdraw(
    stored: Records, tools: Tools, by: Administrator, *, served_kinds: frozenset[AddressKind]
) -> Decision[Challenge]:
    """Decide that an administrator withdraws an unfinished challenge."""
    challenge, account = require(stored[0], Challenge), require(stored[1], Account)
    await permission_to(Permission.USERS, by, account)
    decision = _cancel(tools, challenge, account, CancelReason.STAFF, served_kinds)
    (decision.result,) = _for_staff((decision.result,), tools, by)
    return decision


def _cancel(
    tools: Tools,
    challenge: Challenge,
    account: Account,
    reason: CancelReason,
    served_kinds: frozenset[AddressKind],
) -> Decision[Challenge]:
    facts = CancellationFacts(now=tools.now, challenge=challenge, origin=challenge.origin)
    ended = end_challenge(
        tools,
        challenge,
        account.history,
        step(CHALLENGE, challenge.state, ChallengeEvent.CANCEL, facts),
        Outcome(at=tools.now, reason=reason),
    )
    notifications = build_ending_notifications(tools, served_kinds, account, ended.challenge)
    return Decision(
        result=ended.challenge,
        writes=(*ended.writes, revise(account, history=ended.history), *notifications),
        audit=(ended.entry,),
        wakes=(challenge.guid, account.guid),
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire an unfinished challenge whose deadline has passed, by its App Space."""
    stored_challenge, stored_account, app_space = stored
    challenge, account = require(stored_challenge, Challenge), require(stored_account, Account)
    tools = tools.within(require(app_space, AppSpace))
    facts = Deadline(now=tools.now, deadline=challenge.deadline)
    ended = end_challenge(
        tools,
        challenge,
        account.history,
        step(CHALLENGE, challenge.state, ChallengeEvent.EXPIRE, facts),
        Outcome(at=tools.now),
    )
    return Decision(
        result=None,
        writes=(*ended.writes, revise(account, history=ended.history)),
        audit=(ended.entry,),
    )


def _require_challenge(record: Record | None, origin: Guid) -> Challenge:
    challenge = require(record, Challenge)
    if challenge.origin != origin:
        raise Foreign
    return challenge
