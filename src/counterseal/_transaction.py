"""
The transaction: reads, lets a pure function decide, signs, commits, and wakes waiting callers.

No other module commits. `Transactions.transact` makes a first reading and decides on it; `act`
decides with all readings inside:

1. It loads the records, with one trip for each reading.
2. It calls the function that decides, and drives it where it is a coroutine: each awaited reading
   is made, and each token signed. There is no event loop.
3. It commits writes, guards and audit entries atomically.
4. It wakes waiting callers, and the workers whose records the commit made due.

- On Conflict, it repeats all steps, a limited number of times.
- On Indeterminate, it repeats the same commit under the same operation id, so a lost reply never
  becomes a reported conflict.
- A refusal is recorded in the audit log, then raised, and nothing is committed. A refusal that
  changes something (a strike, a wrong code; `Decision.refusal`) is raised after the commit.
  Not recorded is only what a worker expects: that another one was first.
- A write that is neither a new record (version 1, not read) nor the next version of one that was
  read, or a guard that was not read, is Misuse: a decision can neither overwrite blindly nor rely
  on a record that this attempt has not read.

Steps that must not be repeated are done by the use case, before the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import attrs

from counterseal import keys
from counterseal._audit_context import AuditContext, events_of, record_refusal
from counterseal._new_callbacks import NewCallbacks
from counterseal._plan import Decision, DecisionCoroutine, Reading, Tools
from counterseal.accounts.rules import without_old_link
from counterseal.errors import (
    Conflict,
    Contended,
    DeadlineAhead,
    Indeterminate,
    Refused,
    Unavailable,
    WrongRecord,
    WrongState,
)
from counterseal.models import (
    TRACE,
    Account,
    Administrator,
    AppSpace,
    Callback,
    Change,
    Guid,
    Origin,
    Record,
    RelyingParty,
)
from counterseal.narrowing import policy_within
from counterseal.outbox.decisions.outbox import NEW_RECORDS, workers_to_wake
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.tenancy.rules.authorization import OriginPermission, require_origin_role

Value = TypeVar("Value")
R = TypeVar("R")
P = ParamSpec("P")

LOST_RACES = (WrongState, DeadlineAhead)
"""What a worker expects of a record that another was the first to change."""

OPERATION_BYTES = 16


@attrs.define
class Loaded(Generic[Value]):
    """
    A first reading, made before the transaction; without a trip there are no tools.

    Attributes:
        reading: What a second attempt reads.
    """

    stored: Any
    value: Value
    tools: Tools | None = None
    reading: Reading[Value] = attrs.field(kw_only=True)


@attrs.frozen
class Transactions:
    """Runs the decisions of one use case."""

    ports: Ports
    policy: Policy

    def transact(
        self,
        context: AuditContext,
        first: Reading[Value] | Loaded[Value],
        decide: Callable[Concatenate[Value, Tools, P], Decision[R] | DecisionCoroutine[R]],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """
        Read, decide on what was read, and commit; repeat all of it if a race was lost.

        Args:
            context: Who does what, for the audit log.
            first: What *decide* decides on; if it is loaded already, a second attempt reads again.
            decide: Returns a decision, or a coroutine that reads further or has something signed.

        Raises:
            Refused: The decision refused, or the committed decision has a refusal.
            Contended: Every attempt lost its race.
            Indeterminate: The store's reply was lost each time.
            Misuse: The decision writes or guards a record that it may not; see above.
        """
        ports = self.ports
        for _ in range(self.policy.commit_attempts):
            stored: list[Any] = []
            try:
                decision, now = self._decide(first, decide, arguments, keywords, stored)
            except Refused as refusal:
                record_refusal(ports, context, refusal, stored)
                raise
            if decision.writes or decision.audit:
                try:
                    if Callback in map(type, decision.writes):
                        with NewCallbacks(ports.callback_slots, decision, now, self.policy):
                            _commit(self, context, decision, now, stored)
                    else:
                        _commit(self, context, decision, now, stored)
                except Conflict:
                    if isinstance(first, Loaded):
                        first = first.reading
                    continue
            elif decision.refusal is not None and not decision.unrecorded:
                record_refusal(ports, context, decision.refusal, stored)
            if decision.writes or decision.wakes:
                _wake_those_who_wait(ports, decision, now)
            if decision.refusal is not None:
                raise decision.refusal
            result: R = decision.result
            return result
        raise Contended

    def act(
        self,
        context: AuditContext,
        decide: Callable[Concatenate[Tools, P], DecisionCoroutine[R]],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Decide, with all readings inside of *decide*, and commit; errors as in `transact`."""
        transact: Any = self.transact
        result: R = transact(context, None, decide, *arguments, **keywords)
        return result

    def sweep(
        self,
        context: AuditContext,
        due: Iterable[Record],
        reading: Callable[[Guid], Reading[Value]],
        decide: Callable[[Value, Tools], Decision[None] | DecisionCoroutine[None]],
    ) -> int:
        """
        Read and decide on each due record; return on how many it was decided.

        Records that have changed meanwhile are skipped; that another worker was first is not
        audited. If a port fails, earlier commits stay.
        """
        count = 0
        for record in due:
            guid = record.guid
            try:
                self.transact(
                    context.with_subject(guid), reading(guid), _decide_unless_lost, decide
                )
            except Refused:
                # It was finished, or the clock stepped back, since the store was read.
                continue
            count += 1
        return count

    def load(self, reading: Reading[Value]) -> Loaded[Value]:
        """Make the first reading of a transaction before it begins."""
        value = stored = load(self.ports, reading)
        tools = tools_of(self.ports, self.policy)
        if reading.parse is not None:
            value = reading.parse(stored, tools)
        return Loaded(stored, value, tools, reading=reading)

    def _decide(
        self,
        first: Reading[Any] | Loaded[Any] | None,
        decide: Callable[..., Any],
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
        stored: list[Any],
    ) -> tuple[Decision[Any], datetime]:
        """Return what was decided, and when, and add to *stored* what each trip returned."""
        ports = self.ports
        step: Any
        if isinstance(first, Reading):
            value = load(ports, first)
            # A reading that refuses has been made.
            stored.append(value)
            tools = tools_of(ports, self.policy)
            value = value if first.parse is None else first.parse(value, tools)
            step = decide(value, tools, *arguments, **keywords)
        elif first is None:
            tools = tools_of(ports, self.policy)
            step = decide(tools, *arguments, **keywords)
        else:
            stored.append(first.stored)
            tools = first.tools or tools_of(ports, self.policy)
            step = decide(first.value, tools, *arguments, **keywords)
        if not isinstance(step, Decision):
            step = self._drive(step, tools, stored, is_timed=first is not None)
        return step, tools.now

    def _drive(
        self, coroutine: DecisionCoroutine[R], tools: Tools, stored: list[Any], *, is_timed: bool
    ) -> R:
        """Make the readings of a coroutine, and have signed what it asks for, to its end."""
        reply: Any = None
        if not is_timed:
            # The time of a decision is that after its first trip, and nothing reads it earlier.
            del tools.now
        while True:
            try:
                request = coroutine.send(reply)
            except StopIteration as end:
                if not is_timed:
                    tools.now = self.ports.clock.now()
                result: R = end.value
                return result
            if isinstance(request, Reading):
                records = load(self.ports, request)
                stored.append(records)
                if not is_timed:
                    tools.now, is_timed = self.ports.clock.now(), True
                reply = records, tools
            else:
                issuer = request.issuer or self.ports.signer.jwks()[0]
                sign = partial(self.ports.signer.sign, issuer.kid)
                payload = request.payload(issuer)
                reply = keys.sign_bytes(sign, issuer, typ=request.typ, payload=payload)


@attrs.frozen
class UseCase:
    """What each use case decides with: the service's ports and policy."""

    ports: Ports
    policy: Policy
    _transactions: Transactions = attrs.field(init=False, eq=False, repr=False)

    @_transactions.default
    def _bind(self) -> Transactions:
        return Transactions(self.ports, self.policy)

    def _permit(
        self,
        party: RelyingParty,
        permission: OriginPermission,
        event: str,
        subject: Guid | None = None,
    ) -> AuditContext:
        """
        Return the audit context of a call that *party* makes; each of its calls begins with this.

        Args:
            permission: What the call needs.
            event: `noun.verb`.
            subject: The record that the call names.

        Raises:
            AskingOnly: The origin only asks, and *permission* is another one; the refusal is
                recorded.
        """
        context = AuditContext(
            event=event,
            actor=party.origin.guid,
            subject=subject,
            app_space=party.app_space.guid,
        )
        try:
            require_origin_role(party.origin, permission)
        except Refused as refusal:
            record_refusal(self.ports, context, refusal)
            raise
        return context

    def _decide_for(
        self,
        by: Administrator,
        event: str,
        subject: Guid | None,
        first: Reading[Value],
        decide: Callable[
            Concatenate[Value, Tools, Administrator, P], Decision[R] | DecisionCoroutine[R]
        ],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        """Transact for an administrator, whose permission *decide* demands."""
        context = AuditContext(event=event, actor=by.actor, subject=subject)
        return self._transactions.transact(context, first, decide, by, *arguments, **keywords)

    def _within(self, app_space: AppSpace, origin: Origin | None) -> Transactions:
        """Return what decides by the policy of *app_space*, and of *origin* if one acts."""
        policy = policy_within(self.policy, app_space, origin)
        return self._transactions if policy is self.policy else Transactions(self.ports, policy)


def with_same_ports(use_case: Callable[[Ports, Policy], Value]) -> Value:
    """Return the default of a use case's member that is a use case of the same service."""
    return attrs.Factory(lambda holder: use_case(holder.ports, holder.policy), takes_self=True)


async def _decide_unless_lost(
    value: Any, tools: Tools, decide: Callable[..., Any]
) -> Decision[None]:
    """Decide, and leave out of the audit log that another worker was the first."""
    try:
        step = decide(value, tools)
        return step if isinstance(step, Decision) else await step
    except LOST_RACES as refusal:
        return Decision(result=None, refusal=refusal, unrecorded=True)


def load(ports: Ports, reading: Reading[Any]) -> Any:
    """Make one trip to the store, and return the records."""
    if not reading.query:
        return ()
    return getattr(ports.store, reading.query)(*reading.arguments)


def tools_of(ports: Ports, policy: Policy) -> Tools:
    """Return the tools of a decision that is made now."""
    sealer = ports.sealer
    return Tools(
        ports.clock.now(), ports.entropy.token, sealer.seal, sealer.open, policy, TRACE.get()
    )


def changes_of(decision: Decision[Any], stored: Iterable[Any], now: datetime) -> tuple[Change, ...]:
    """
    Pair the writes and guards of *decision* with the records that each trip returned.

    An account is written without a mailed link that is too old *now*: whichever commit is the next
    one drops it.

    Raises:
        Conflict: Two trips returned different versions of one record.
        WrongRecord: A write of version 1 was read; any other is not the next version of a record
            that was read; or a guard was not read.
    """
    previous: dict[Guid, Record] = {}
    for trip in stored:
        for record in trip if isinstance(trip, tuple) else (trip,):
            if record is None:
                continue
            if previous.setdefault(record.guid, record).version != record.version:
                raise Conflict
    changes = []
    for record in decision.writes:
        old = previous.get(record.guid)
        if record.version != (1 if old is None else old.version + 1):
            raise WrongRecord(f"{record.guid} is not the next version of what was read")
        if isinstance(record, Account) and record.mailed_link is not None:
            record = without_old_link(record, now)  # noqa: PLW2901
        changes.append(Change(old, record))
    for record in decision.guards:
        old = previous.get(record.guid)
        if old is not record and old != record:
            raise WrongRecord(f"{record.guid} is guarded and was not read")
        changes.append(Change(record, record))
    return tuple(changes)


def _commit(
    transactions: Transactions,
    context: AuditContext,
    decision: Decision[Any],
    now: datetime,
    stored: list[Any],
) -> None:
    """
    Commit, and repeat the same commit if the store's reply was lost.

    Raises:
        Conflict: A stored record has changed since the decision read it.
        Indeterminate: The reply was lost each time.
    """
    ports, policy = transactions.ports, transactions.policy
    changes, audit = changes_of(decision, stored, now), events_of(decision, context, now, stored)
    operation = keys.b64url(ports.entropy.token(OPERATION_BYTES))
    lost: Indeterminate | None = None
    for _ in range(policy.commit_attempts):
        try:
            ports.store.commit(changes, audit, operation)
        except Indeterminate as indeterminate:
            lost = indeterminate
        except Unavailable as failure:
            # After a lost reply, a later failure does not prove that nothing was stored.
            raise failure if lost is None else lost from failure
        else:
            return
    if lost is not None:
        raise lost


def _wake_those_who_wait(ports: Ports, decision: Decision[Any], now: datetime) -> None:
    for guid in decision.wakes:
        wake(ports, guid)
    if not NEW_RECORDS.keys().isdisjoint(map(type, decision.writes)):
        for guid in workers_to_wake(decision.writes, now):
            wake(ports, guid)


def wake(ports: Ports, guid: Guid) -> None:
    """Wake the callers that wait for *guid*, if the port answers."""
    try:
        ports.wake.notify(guid)
    except Unavailable:
        # A waiting caller reads the store when its timeout ends.
        return
