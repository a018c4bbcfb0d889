"""Actions: use what a person has approved, once, and record the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._input_limits import text_fits
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Signing,
    Tools,
    record_with_account,
    require,
    require_account,
)
from counterseal.accounts.rules import Deadline
from counterseal.approvals.chart import ACTION, USE, ActionEvent, UseEvent
from counterseal.approvals.documents import USE_TYP, use_payload
from counterseal.approvals.records import action_use_guid, approved_action_guid
from counterseal.approvals.rules import ReportFacts, UseFacts, WithdrawalFacts
from counterseal.challenges.documents.receipt import receipt_hash
from counterseal.errors import (
    ActionUsed,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotApproved,
    WrongState,
)
from counterseal.machines import step
from counterseal.models import (
    Account,
    ActionState,
    ActionTerms,
    ActionUse,
    ApprovedAction,
    Challenge,
    ChallengeState,
    Guid,
    UseState,
    revise,
)

DETAIL_BYTES = 1_024
"""The most bytes that an origin says of the outcome of a use."""

EVENTS = {UseState.EXECUTED: UseEvent.SUCCEED, UseState.FAILED: UseEvent.FAIL}
"""The outcomes that an origin can report."""


@attrs.frozen(kw_only=True)
class ActionStatus:
    """
    What is known of an action that an origin asked about.

    Attributes:
        challenge: The question, in its present state.
        action: What was approved, in its present state; None unless it was.
        use: Its use; None unless it was used.
    """

    challenge: Challenge
    action: ApprovedAction | None
    use: ActionUse | None


@attrs.frozen(kw_only=True)
class ConsumedAction:
    """An approved action that this call has used; nobody else has, or ever will."""

    action: ApprovedAction
    use: ActionUse


@attrs.define(kw_only=True)
class Stored:
    """What the store has of an action, and the account whose person is asked."""

    challenge: Challenge
    account: Account
    action: ApprovedAction | None
    use: ActionUse | None


def approve(challenge: Challenge, at: datetime) -> tuple[ApprovedAction, ...]:
    """Return what *challenge*, which ended *at* this time, allows: nothing unless approved."""
    terms, outcome = challenge.action, challenge.outcome
    if terms is None or not challenge.approved or outcome is None or outcome.device is None:
        return ()
    approved_action = ApprovedAction(
        guid=approved_action_guid(challenge.guid),
        state=ACTION.initial,
        challenge=challenge.guid,
        account=challenge.account,
        origin=challenge.origin,
        app_space=challenge.app_space,
        device=outcome.device,
        terms=terms,
        created_at=at,
        keep_until=challenge.keep_until,
    )
    return (approved_action,)


async def read_status(tools: Tools, challenge: Guid, origin: Guid) -> Decision[ActionStatus]:
    """Decide to return what is known of an action that *origin* asked about."""
    stored = await _read_action(challenge, origin)
    _require_action(stored.challenge)
    shown_challenge = attrs.evolve(stored.challenge, state=stored.challenge.state_at(tools.now))
    action = stored.action
    if action is not None:
        action = attrs.evolve(action, state=action.state_at(tools.now))
    return Decision(result=ActionStatus(challenge=shown_challenge, action=action, use=stored.use))


async def consume(
    tools: Tools, challenge: Guid, origin: Guid, arguments: Mapping[str, Any]
) -> Decision[ConsumedAction]:
    """Decide to use what *challenge* asked for, for *arguments*."""
    if not isinstance(arguments, Mapping):
        raise InvalidField("arguments", "not an object")
    ijson.check(arguments, field="arguments")
    return await _use(tools, challenge, origin, arguments)


async def consume_unpresented(
    tools: Tools, challenge: Guid, origin: Guid
) -> Decision[ConsumedAction]:
    """Decide to use what *challenge* asked for, without naming the arguments."""
    return await _use(tools, challenge, origin, None)


async def _use(
    tools: Tools, challenge: Guid, origin: Guid, arguments: Mapping[str, Any] | None
) -> Decision[ConsumedAction]:
    """Decide to use what *challenge* asked for, for *arguments*, which are checked."""
    stored = await _read_action(challenge, origin)
    action = _require_approved(stored, tools)
    facts = UseFacts(
        now=tools.now,
        deadline=action.terms.valid_until,
        policy=tools.policy,
        action=action,
        account=stored.account,
        origin=origin,
        digest=None if arguments is None else digest_with(action.terms, arguments),
    )
    state = step(ACTION, action.state, ActionEvent.CONSUME, facts)
    # If the clock stepped back, the use is not dated before the approval.
    at = max(tools.now, action.created_at)
    outcome = stored.challenge.outcome
    approval = "" if outcome is None or outcome.receipt is None else receipt_hash(outcome.receipt)
    presented = arguments is not None
    receipt = await Signing(
        typ=USE_TYP,
        payload=lambda issuer: use_payload(
            action, issuer=issuer, presented=presented, approval=approval, at=at
        ),
    )
    keep_until = max(action.keep_until, at + tools.policy.retention)
    used_action = revise(action, state=state, keep_until=keep_until)
    use = ActionUse(
        guid=action_use_guid(challenge),
        state=USE.initial,
        challenge=action.challenge,
        account=action.account,
        origin=action.origin,
        app_space=action.app_space,
        presented=presented,
        receipt=receipt,
        created_at=at,
        keep_until=keep_until,
    )
    compared = "matched" if presented else "not_presented"
    return Decision(
        result=ConsumedAction(action=used_action, use=use),
        writes=(used_action, use),
        # A lock of the account, or a device that is revoked, comes before the use or after it.
        guards=(stored.account,),
        audit=(
            AuditEntry(
                action.challenge,
                attributes=(("type", action.terms.type), ("arguments", compared)),
            ),
        ),
        wakes=(action.challenge,),
    )


async def withdraw(tools: Tools, challenge: Guid, origin: Guid) -> Decision[ApprovedAction]:
    """Decide to withdraw what was approved, so that it can no longer be used."""
    action = _require_approved(await _read_action(challenge, origin), tools, withdraw=True)
    if action.state is ActionState.WITHDRAWN:
        # Already withdrawn, so the request is satisfied.
        return Decision(result=action)
    facts = WithdrawalFacts(
        now=tools.now, deadline=action.terms.valid_until, action=action, origin=origin
    )
    state = step(ACTION, action.state, ActionEvent.WITHDRAW, facts)
    withdrawn_action = revise(action, state=state)
    return Decision(
        result=withdrawn_action,
        writes=(withdrawn_action,),
        audit=(AuditEntry(action.challenge),),
        wakes=(action.challenge,),
    )


async def report(
    tools: Tools, challenge: Guid, origin: Guid, outcome: UseState, detail: str | None
) -> Decision[ActionUse]:
    """Decide to record the *outcome* of the use."""
    event = EVENTS.get(outcome)
    if event is None:
        raise InvalidField("outcome", "neither executed nor failed")
    text_fits(detail, DETAIL_BYTES, "detail")
    stored = await _read_action(challenge, origin)
    use = stored.use
    if use is None:
        _require_action(stored.challenge)
        raise WrongState("the action was not used")
    if use.state is outcome and use.detail == detail:
        # The same report again.
        return Decision(result=use)
    state = step(USE, use.state, event, ReportFacts(use=use, origin=origin))
    reported_use = revise(use, state=state, detail=detail, reported_at=tools.now)
    return Decision(
        result=reported_use,
        writes=(reported_use,),
        audit=(AuditEntry(use.challenge, attributes=(("outcome", state.value.lower()),)),),
        wakes=(use.challenge,),
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire an approved action whose time has passed."""
    action = require(stored[0], ApprovedAction)
    facts = Deadline(now=tools.now, deadline=action.terms.valid_until)
    state = step(ACTION, action.state, ActionEvent.EXPIRE, facts)
    expired_action = revise(action, state=state)
    return Decision(
        result=None,
        writes=(expired_action,),
        audit=(AuditEntry(action.challenge),),
        wakes=(action.challenge,),
    )


def digest_with(terms: ActionTerms, arguments: Mapping[str, Any]) -> str:
    """Return the digest of the action of *terms* with *arguments*, which `ijson` has checked."""
    # Only "agent", a text, sorts before "arguments", so the first member "client" is the action's:
    # within a text, its quotes are escaped.
    before, member, after = terms.document.partition('"client":')
    canonical_arguments = ijson.canonical(arguments, field="arguments", checked=True)
    return keys.digest(
        b'%b"arguments":%b,%b%b'
        % (before.encode(), canonical_arguments, member.encode(), after.encode())
    )


async def _read_action(challenge: Guid, origin: Guid) -> Stored:
    """Read an action of *origin*, and its use."""
    record, account, action, use = await record_with_account(
        challenge, approved_action_guid(challenge), action_use_guid(challenge)
    )
    asked_challenge = require(record, Challenge)
    if asked_challenge.origin != origin:
        raise Foreign
    return Stored(
        challenge=asked_challenge,
        account=require_account(account),
        action=None if action is None else require(action, ApprovedAction),
        use=None if use is None else require(use, ActionUse),
    )


def _require_action(challenge: Challenge) -> None:
    if challenge.action is None:
        raise NotApproved("no_action")


def _require_approved(stored: Stored, tools: Tools, *, withdraw: bool = False) -> ApprovedAction:
    """Return the action as it was approved; refuse, by name, what can no longer be used."""
    challenge, action = stored.challenge, stored.action
    _require_action(challenge)
    if action is None:
        state = challenge.state_at(tools.now)
        declined = state is ChallengeState.ANSWERED
        raise NotApproved("declined" if declined else state.value.lower())
    match action.state:
        case ActionState.USED:
            raise ActionUsed
        case ActionState.EXPIRED:
            raise DeadlinePassed
        case ActionState.WITHDRAWN if not withdraw:
            raise NotApproved("withdrawn")
    return action
