"""
Callbacks: what a worker sends, and what follows from the outcome of an attempt.

`outbox.decisions.claims` says who may attempt one, `outbox.rules.retries` when to try it again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from counterseal import ijson
from counterseal._input_limits import LIST_LIMIT
from counterseal._plan import (
    AuditEntry,
    Decision,
    DecisionCoroutine,
    Reading,
    Records,
    Tools,
    dead_callbacks_of,
    records,
    require,
    store,
)
from counterseal.accounts.records import Account
from counterseal.accounts.rules import in_force
from counterseal.challenges.documents.messages import processed_document
from counterseal.challenges.records import Challenge
from counterseal.errors import CallbackForbidden, LeaseLost, NotFound, WrongState
from counterseal.machines import step
from counterseal.models import Guid, LoggedEvent, Record, replace, revise
from counterseal.models.sealing import webhook_context
from counterseal.outbox.chart import CALLBACK, CallbackEvent
from counterseal.outbox.documents import webhook_headers
from counterseal.outbox.records import (
    Callback,
    CallbackState,
    DeadReason,
    Delivery,
    DeliveryOutcome,
)
from counterseal.outbox.rules.retries import (
    DELIVERED,
    JITTER_BYTES,
    LONGEST_DELAY_ONCE,
    DeliveryFacts,
    dead_reason,
    jitter_from,
    next_attempt,
)
from counterseal.tenancy.decisions.authorization import permission_to, reached_app_spaces
from counterseal.tenancy.records import Administrator, Operator, Origin
from counterseal.tenancy.rules.addresses import allow_list, callback_allowed
from counterseal.tenancy.rules.authorization import Permission

R = TypeVar("R")
P = ParamSpec("P")

NOTHING_SENT = DeliveryOutcome(status=None, final=True, may_have_arrived=False)
"""The outcome of an attempt that the core did not allow."""

NOT_ATTEMPTED = DeliveryOutcome(status=None, may_have_arrived=False)
"""The outcome of an attempt that the sender could not make."""

PASSING = frozenset({408, 429})
"""Statuses of 4xx that say that a later attempt may succeed (RFC 9110, 15.5.9; RFC 6585, 4)."""

REFUSALS = frozenset(range(400, 500)) - PASSING
"""The answers of a receiver that refuses a token, and will refuse it again."""

Composed: TypeAlias = Delivery | DeadReason
"""What is sent, or why nothing may be."""

CallbackForm: TypeAlias = Callable[
    [Tools, Callback, Origin, Record, Account | None], Composed | None
]
"""
Composes what is sent of a record, given its origin and account as stored.

None for a challenge that is called back as such.
"""


def read_to_compose(callback: Callback) -> Reading[Records]:
    """Read what `compose` needs: the callback itself too, where it is sent at most once."""
    callback_guids = (callback.guid,) if callback.once else ()
    return records(callback.subject, callback.origin, callback.account, *callback_guids)


def compose(
    stored: Records, tools: Tools, callback: Callback, form: CallbackForm
) -> Decision[Composed]:
    """Compose what is sent of a claimed callback, or say why nothing may be."""
    composed = _compose(stored[:3], tools, callback, form)
    if callback.once:
        return begin_once(stored[3], tools, callback, composed)
    return Decision(result=composed)


def begin_once(
    stored: Record | None,
    tools: Tools,
    claimed: Callback,
    composed: Composed,
) -> Decision[Composed]:
    """
    Store that the attempt of a callback begins that is sent at most once.

    An attempt that began before, and of which no outcome is stored, may have been sent: the process
    that made it may have crashed.
    """
    callback = require(stored, Callback)
    if callback.lease_until != claimed.lease_until:
        raise LeaseLost
    if callback.begun_at is not None:
        return Decision(result=DeadReason.UNKNOWN)
    if isinstance(composed, DeadReason):
        return Decision(result=composed)
    begun_callback = revise(callback, begun_at=tools.now)
    return Decision(result=replace(composed, once=True), writes=(begun_callback,))


def _compose(stored: Records, tools: Tools, callback: Callback, form: CallbackForm) -> Composed:
    subject, origin, account = stored
    if not isinstance(origin, Origin) or subject is None:
        return DeadReason.FORGOTTEN
    known_account = account if isinstance(account, Account) else None
    erased = known_account is None or known_account.erased_at is not None
    if erased and callback.event is None:
        return DeadReason.FORGOTTEN
    composed = form(tools, callback, origin, subject, known_account)
    if composed is not None:
        return composed
    if not isinstance(subject, Challenge):
        return DeadReason.FORGOTTEN
    document = processed_document(subject, now=tools.now)
    return sign_and_compose(tools, callback, origin, callback.guid, document)


def is_forbidden(tools: Tools, callback: Callback, origin: Origin) -> bool:
    """Tell whether the origin's allow-list, which may have changed, forbids the callback's URL."""
    try:
        callback_allowed(callback.url, allow_list(origin, tools.policy))
    except CallbackForbidden:
        return True
    return False


def sign_and_compose(
    tools: Tools, callback: Callback, origin: Origin, message: Guid, document: dict[str, Any]
) -> Composed:
    """Compose *document*, signed by the origin's webhook keys, under the `webhook-id` *message*."""
    if is_forbidden(tools, callback, origin):
        return DeadReason.FORBIDDEN
    body = ijson.compact(document)
    secrets = [
        tools.open(key.sealed, webhook_context(origin.guid))
        for key in origin.webhook_keys
        if in_force(key.ends_at, tools.now)
    ]
    headers = webhook_headers(secrets, message=message, at=tools.now, body=body)
    if callback.trace is not None:
        headers += callback.trace.headers()
    return Delivery(
        url=callback.url, headers=headers, body=body, timeout=tools.policy.callback_timeout
    )


def compose_with_token(
    tools: Tools, callback: Callback, headers: tuple[tuple[str, str], ...], body: bytes
) -> Delivery:
    """Compose *body*, which a token of the receiver authenticates; a refusal of it is final."""
    return Delivery(
        url=callback.url,
        headers=headers,
        body=body,
        timeout=tools.policy.callback_timeout,
        final_statuses=REFUSALS,
    )


def final_if_refused(delivery: Delivery, outcome: DeliveryOutcome) -> DeliveryOutcome:
    """Return *outcome*, which is final where *delivery* says so of its status."""
    return replace(outcome, final=True) if outcome.status in delivery.final_statuses else outcome


async def record_attempt(
    stored: Records,
    tools: Tools,
    claimed: Callback,
    outcome: DeliveryOutcome,
    unsent: DeadReason | None,
) -> Decision[Callback]:
    """Decide the callback's new state after an attempt; *unsent* says why nothing was sent."""
    callback = require(stored[0], Callback)
    assert claimed.lease_until is not None  # noqa: S101 (the claim; for the type checker)
    arrived = outcome.status in DELIVERED
    if callback.state is CallbackState.DROPPED and arrived:
        # It was dropped while the attempt ran: its origin got it all the same.
        entry = AuditEntry(callback.guid, "callback.succeed", "dropped")
        return Decision(result=callback, guards=(callback,), audit=(entry,))
    facts = DeliveryFacts(
        record=callback,
        claimed=claimed.lease_until,
        outcome=outcome,
        unsent=unsent,
        policy=tools.policy,
    )
    event = CallbackEvent.SUCCEED if arrived else CallbackEvent.FAIL
    state = step(CALLBACK, callback.state, event, facts)
    cause = dead_reason(facts) if state is CallbackState.DEAD else None
    attempts = callback.attempts + 1
    jitter = jitter_from(tools.entropy(JITTER_BYTES))
    next_at = next_attempt(attempts, outcome, tools.now, tools.policy, jitter)
    if callback.once:
        next_at = min(next_at, tools.now + LONGEST_DELAY_ONCE)
    recorded_callback = revise(
        callback,
        state=state,
        attempts=attempts,
        lease_until=None,
        last_status=outcome.status,
        cause=cause,
        next_at=next_at,
        begun_at=callback.begun_at if outcome.may_have_arrived or unsent is not None else None,
    )
    entry = AuditEntry(
        callback.guid, f"callback.{event.value}", "" if cause is None else cause.value
    )
    decision = Decision(result=recorded_callback, writes=(recorded_callback,), audit=(entry,))
    if state is not CallbackState.QUEUED:
        decision.writes += await _released_successor(callback, tools)
    return decision


async def _released_successor(callback: Callback, tools: Tools) -> tuple[Callback, ...]:
    """Return the callback that waits for *callback*, which ends: it is due now."""
    if callback.successor is None:
        return ()
    (successor,) = await records(callback.successor)
    if not isinstance(successor, Callback) or successor.waits_for != callback.guid:
        return ()
    return (revise(successor, waits_for=None, next_at=min(successor.next_at, tools.now)),)


async def administer(
    stored: Records,
    tools: Tools,
    by: Administrator,
    decide: Callable[Concatenate[Records, Tools, P], Decision[R] | DecisionCoroutine[R]],
    /,
    *arguments: P.args,
    **keywords: P.kwargs,
) -> Decision[R]:
    """Decide on a callback, or on the callbacks of an origin, if *by* reaches the origin."""
    if not isinstance(by, Operator):
        origin = stored[0]
        if not isinstance(origin, Origin):
            (origin,) = await records(require(origin, Callback).origin)
        await permission_to(Permission.ORIGINS, by, require(origin, Origin))
    step = decide(stored, tools, *arguments, **keywords)
    return step if isinstance(step, Decision) else await step


async def decide_reach(
    _: Tools, by: Administrator, app_space: Guid | None
) -> Decision[frozenset[Guid] | None]:
    """Decide of which App Spaces *by* may list dead callbacks; None is all."""
    return Decision(result=(await reached_app_spaces(by, app_space, Permission.ORIGINS))[0])


async def list_dead(
    stored: Records, _: Tools, limit: int, since: datetime | None = None
) -> Decision[tuple[Callback, ...]]:
    """Decide to list the origin's dead callbacks that fit, oldest first."""
    origin, read_count = require(stored[0], Origin), limit if since is None else LIST_LIMIT
    while True:
        callbacks = await dead_callbacks_of(origin.guid, read_count)
        chosen = tuple(one for one in callbacks if since is None or one.created_at >= since)
        if len(chosen) >= limit or len(callbacks) < read_count:
            return Decision(result=chosen[:limit])
        # The store lists older callbacks first.
        read_count *= 2


async def drop(stored: Records, tools: Tools) -> Decision[Callback]:
    """Decide that no attempt of the queued or dead callback is made any more, for good."""
    callback = require(stored[0], Callback)
    state = step(CALLBACK, callback.state, CallbackEvent.DROP, None)
    dropped_callback = revise(callback, state=state, lease_until=None)
    decision = store(dropped_callback, dropped_callback)
    decision.writes += await _released_successor(callback, tools)
    return decision


async def requeue(
    stored: Records, tools: Tools, delay: timedelta = timedelta(0)
) -> Decision[Callback]:
    """
    Decide to queue the dead callback again, after *delay*, and to keep its challenge for as long.

    An event is not kept for longer: its log forgets events in the order of their numbers.
    """
    callback, now = require(stored[0], Callback), tools.now
    state = step(CALLBACK, callback.state, CallbackEvent.REQUEUE, None)
    if callback.begun_at is not None:
        raise WrongState("it may have arrived, and is sent at most once")
    queued_callback = revise(callback, state=state, attempts=0, next_at=now + delay, cause=None)
    (subject,) = await records(callback.subject)
    return _requeue(subject, queued_callback, tools)


def _requeue(subject: Record | None, callback: Callback, tools: Tools) -> Decision[Callback]:
    if callback.event is not None:
        if tools.now >= require(subject, LoggedEvent).keep_until:
            raise NotFound
        return store(callback, callback)
    challenge = require(subject, Challenge)
    callback = replace(
        callback, keep_until=max(callback.keep_until, tools.now + tools.policy.retention)
    )
    keep_until = max(challenge.keep_until, callback.keep_until)
    return Decision(
        result=callback,
        writes=(callback, revise(challenge, keep_until=keep_until)),
        audit=(AuditEntry(callback.guid),),
    )
