"""Callbacks: workers claim, send and record them (`rules.retries` says when to try again)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from counterseal import ijson
from counterseal._decisions.attempts import draw_jitter
from counterseal._decisions.authorization import permission_to
from counterseal._decisions.backchannel import open_ping
from counterseal._decisions.channel import compose_callback
from counterseal._decisions.events import describe
from counterseal._decisions.plan import (
    AuditEntry,
    Decision,
    DecisionCoroutine,
    Reading,
    Records,
    Tools,
    require,
    store,
)
from counterseal._decisions.readings import dead_callbacks_of, records
from counterseal.charts.outbox import CALLBACK, CallbackEvent
from counterseal.errors import CallbackForbidden, LeaseLost, NotFound, WrongState
from counterseal.machines import step
from counterseal.models import Guid, LoggedEvent, Record, replace, revise
from counterseal.models.account import Account
from counterseal.models.backchannel import BackchannelRequest
from counterseal.models.challenge import Challenge
from counterseal.models.channel import ChannelRequest
from counterseal.models.outbox import Callback, CallbackState, DeadReason, Delivery, DeliveryOutcome
from counterseal.models.sealing import webhook_context
from counterseal.models.tenancy import Administrator, Operator, Origin
from counterseal.rules.addresses import allow_list, callback_allowed
from counterseal.rules.authorization import Permission
from counterseal.rules.retries import (
    DELIVERED,
    LONGEST_DELAY_ONCE,
    Delivering,
    dead_reason,
    next_attempt,
)
from counterseal.rules.sizes import LIST_LIMIT
from counterseal.rules.standing import in_force, receives
from counterseal.wire.members import write_record
from counterseal.wire.messages import processed_document
from counterseal.wire.webhook import webhook_headers

R = TypeVar("R")
P = ParamSpec("P")

NOTHING_SENT = DeliveryOutcome(status=None, final=True, may_have_arrived=False)
"""The outcome of an attempt that the core did not allow."""

NOT_ATTEMPTED = DeliveryOutcome(status=None, may_have_arrived=False)
"""The outcome of an attempt that the sender could not make."""

REFUSALS = range(400, 500)
PASSING = frozenset({408, 429})
"""Statuses of 4xx that say that a later attempt may succeed (RFC 9110, 15.5.9; RFC 6585, 4)."""


def read_to_compose(callback: Callback) -> Reading[Records]:
    """Read what `compose` needs: the callback itself too, where it is sent at most once."""
    own = (callback.guid,) if callback.once else ()
    return records(callback.subject, callback.origin, callback.account, *own)


def compose(stored: Records, tools: Tools, callback: Callback) -> Decision[Delivery | DeadReason]:
    """Compose what is sent of a claimed callback, or say why nothing may be."""
    if callback.once:
        return begin_once(stored[3], tools, callback, _compose_any(stored[:3], tools, callback))
    return _compose_any(stored, tools, callback)


def begin_once(
    stored: Record | None,
    tools: Tools,
    claimed: Callback,
    composed: Decision[Delivery | DeadReason],
) -> Decision[Delivery | DeadReason]:
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
    if isinstance(composed.result, DeadReason):
        return composed
    begun_callback = revise(callback, begun_at=tools.now)
    return Decision(result=replace(composed.result, once=True), writes=(begun_callback,))


def _compose_any(
    stored: Records, tools: Tools, callback: Callback
) -> Decision[Delivery | DeadReason]:
    subject, origin, account = stored
    if not isinstance(origin, Origin):
        return Decision(result=DeadReason.FORGOTTEN)
    if isinstance(subject, LoggedEvent):
        return _compose_event(tools, callback, subject, origin, account)
    erased = not isinstance(account, Account) or account.erased_at is not None
    if not isinstance(subject, Challenge) or erased:
        return Decision(result=DeadReason.FORGOTTEN)
    if subject.backchannel is not None:
        return _compose_ping(tools, callback, origin, subject.backchannel)
    if subject.channel is not None:
        return _compose_channel(tools, callback, origin, subject, subject.channel)
    document = processed_document(subject, now=tools.now)
    return _compose(tools, callback, origin, callback.guid, document)


def _compose_event(
    tools: Tools, callback: Callback, event: LoggedEvent, origin: Origin, account: Record | None
) -> Decision[Delivery | DeadReason]:
    if tools.now >= event.keep_until:
        return Decision(result=DeadReason.FORGOTTEN)
    if not receives(origin, event.kind, tools.now):
        return Decision(result=DeadReason.FORBIDDEN)
    described = describe(event, account if isinstance(account, Account) else None)
    return _compose(tools, callback, origin, event.event, write_record(described))


def _compose_ping(
    tools: Tools, callback: Callback, origin: Origin, request: BackchannelRequest
) -> Decision[Delivery | DeadReason]:
    client = origin.backchannel
    if client is None or client.notification_endpoint != callback.url:
        return Decision(result=DeadReason.FORBIDDEN)
    if _forbidden(tools, callback, origin):
        return Decision(result=DeadReason.FORBIDDEN)
    headers, body = open_ping(tools, callback.subject, request)
    if callback.trace is not None:
        headers += callback.trace.headers()
    delivery = Delivery(
        url=callback.url, headers=headers, body=body, timeout=tools.policy.callback_timeout
    )
    return Decision(result=delivery)


def _compose_channel(
    tools: Tools, callback: Callback, origin: Origin, challenge: Challenge, request: ChannelRequest
) -> Decision[Delivery | DeadReason]:
    if tools.now >= request.until:
        return Decision(result=DeadReason.EXHAUSTED)
    realm = origin.realm
    if realm is None or realm.callback != callback.url or _forbidden(tools, callback, origin):
        return Decision(result=DeadReason.FORBIDDEN)
    headers, body = compose_callback(tools, challenge, request)
    delivery = Delivery(
        url=callback.url, headers=headers, body=body, timeout=tools.policy.callback_timeout
    )
    return Decision(result=delivery)


def _forbidden(tools: Tools, callback: Callback, origin: Origin) -> bool:
    try:
        # At each delivery, since the allow-list may have changed.
        callback_allowed(callback.url, allow_list(origin, tools.policy))
    except CallbackForbidden:
        return True
    return False


def _compose(
    tools: Tools, callback: Callback, origin: Origin, message: Guid, document: dict[str, Any]
) -> Decision[Delivery | DeadReason]:
    if _forbidden(tools, callback, origin):
        return Decision(result=DeadReason.FORBIDDEN)
    body = ijson.compact(document)
    secrets = [
        tools.open(key.sealed, webhook_context(origin.guid))
        for key in origin.webhook_keys
        if in_force(key.ends_at, tools.now)
    ]
    headers = webhook_headers(secrets, message=message, at=tools.now, body=body)
    if callback.trace is not None:
        headers += callback.trace.headers()
    delivery = Delivery(
        url=callback.url,
        headers=headers,
        body=body,
        timeout=tools.policy.callback_timeout,
    )
    return Decision(result=delivery)


def final_if_refused(delivery: Delivery, outcome: DeliveryOutcome) -> DeliveryOutcome:
    """
    Return *outcome*, which is final where a CIBA client has refused a ping.

    CIBA Core 1.0, 10.2, leaves 4xx and 5xx to the provider. A client that refuses the token will
    refuse it again, and polls.
    """
    is_ping = all(name != "webhook-id" for name, _ in delivery.headers)
    if is_ping and outcome.status in REFUSALS and outcome.status not in PASSING:
        return replace(outcome, final=True)
    return outcome


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
    facts = Delivering(
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
    next_at = next_attempt(attempts, outcome, tools.now, tools.policy, draw_jitter(tools))
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


async def list_dead(
    stored: Records, _: Tools, limit: int, since: datetime | None
) -> Decision[tuple[Callback, ...]]:
    """Decide to list the origin's dead callbacks created at or after *since*, oldest first."""
    origin, read_count = require(stored[0], Origin), limit if since is None else LIST_LIMIT
    while True:
        callbacks = await dead_callbacks_of(origin.guid, read_count)
        chosen = tuple(one for one in callbacks if since is None or one.created_at >= since)
        if len(chosen) >= limit or len(callbacks) < read_count:
            return Decision(result=chosen[:limit])
        # Those that are older stand before the others in the store's list.
        read_count *= 2


async def drop(stored: Records, tools: Tools) -> Decision[Callback]:
    """Decide that no attempt of the queued or dead callback is made any more, for good."""
    callback = require(stored[0], Callback)
    state = step(CALLBACK, callback.state, CallbackEvent.DROP, None)
    dropped_callback = revise(callback, state=state, lease_until=None)
    decision = store(dropped_callback, dropped_callback)
    decision.writes += await _released_successor(callback, tools)
    return decision


async def requeue(stored: Records, tools: Tools) -> Decision[Callback]:
    """
    Decide to queue the dead callback again, and to keep its challenge for as long.

    An event is not kept for longer: its log forgets events in the order of their numbers.
    """
    callback, now = require(stored[0], Callback), tools.now
    state = step(CALLBACK, callback.state, CallbackEvent.REQUEUE, None)
    if callback.begun_at is not None:
        raise WrongState("it may have arrived, and is sent at most once")
    queued_callback = revise(callback, state=state, attempts=0, next_at=now, cause=None)
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
