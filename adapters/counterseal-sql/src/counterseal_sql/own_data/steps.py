"""
What happens to a request, step by step; no step is taken here.

Each function yields the steps that somebody has to take, and is sent their results. A step is a
call to Counterseal, or a transaction of the embedding program's own database. They never overlap:
no transaction is open while Counterseal works, so both may be in one SQLite file.

A process may end between two steps, or within one. The row then has what it had after the last
transaction, and the next step for it is one that may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import attrs

from counterseal import Issued, Refused, Unavailable
from counterseal.errors import (
    ActionUsed,
    CredentialRefused,
    Foreign,
    Misuse,
    NotApproved,
    NotFound,
    WrongState,
)
from counterseal.models import Guid
from counterseal_sql.own_data.approval_request import USED, ApprovalRequest
from counterseal_sql.own_data.service import ApprovalService

S = TypeVar("S")
"""What a transaction is used by: a session of SQLAlchemy's, or nothing."""

S_contra = TypeVar("S_contra", contravariant=True)
T = TypeVar("T")

PAUSE = timedelta(seconds=5)
"""Between two visits of workers to one request."""

FAILURES = 100
"""So many failed visits end a round of a worker: each is an exception that the round keeps."""

WRONG_ORIGIN = (Foreign, CredentialRefused)
"""Refusals that say nothing of a request: the program works for another origin than it should."""


class TransactionEnded(Misuse, code="transaction_ended"):
    """
    A function of the program has committed or rolled back the transaction in which it was called.

    Or it has hidden an error of the database, by which PostgreSQL rolls back. What the function
    changes, and that it was called, commit together; where it expects an error, it uses a
    savepoint.
    """


class RequestRows(Protocol[S_contra]):
    """The rows of the requests, as one transaction reads and changes them."""

    def load(self, session: S_contra, /, key: str) -> ApprovalRequest | None:
        """Return the request of this key."""

    def load_open(self, session: S_contra, /) -> list[ApprovalRequest]:
        """Return the requests that have a challenge and no outcome, oldest first."""

    def claim(
        self, session: S_contra, /, due: datetime, next_visit: datetime
    ) -> ApprovalRequest | None:
        """Return a request whose next visit is *due*, and defer it to *next_visit*."""

    def defer(self, session: S_contra, /, key: str, next_visit: datetime) -> None:
        """Defer the next visit."""

    def record_challenge(
        self, session: S_contra, /, key: str, challenge: Guid, asked_at: datetime
    ) -> bool:
        """Record the challenge of a request that has none; return False if it has one."""

    def record_outcome(
        self, session: S_contra, /, key: str, outcome: str, use: Guid | None
    ) -> bool:
        """
        Record the outcome of an open request; without a use, it needs no further visit.

        Returns:
            False if it has one already: then nothing is changed.
        """

    def record_report(self, session: S_contra, /, key: str) -> None:
        """Record that the use was reported, so that the request needs no further visit."""


@attrs.frozen(kw_only=True)
class Call:
    """Call Counterseal while no transaction is open; the result is that of *function*."""

    function: Callable[[], Any]


@attrs.frozen(kw_only=True)
class Transaction(Generic[S]):
    """Do *work* in a transaction and commit it; the result is that of *work*."""

    work: Callable[[S], Any]


@attrs.frozen(kw_only=True)
class Ending(Generic[S]):
    """
    End *request* and let the program follow, in one transaction.

    If *record* returns true, call the program's function for *request*, which has its outcome, and
    then *confirm*; then commit. The result is that of *record*.
    """

    request: ApprovalRequest
    record: Callable[[S], bool]
    confirm: Callable[[S], None]


Step: TypeAlias = Call | Transaction[S] | Ending[S]
Steps: TypeAlias = Generator[Step[S], Any, T]


class RequestSteps(Generic[S]):
    """
    The steps of the requests of one origin.

    Args:
        service: Counterseal.
        rows: The program's rows.
        pause: Between two visits of workers to one request.

    Raises:
        ValueError: *pause* is not positive.
    """

    def __init__(self, service: ApprovalService, rows: RequestRows[S], pause: timedelta) -> None:
        if pause <= timedelta(0):
            raise ValueError("pause: not positive")
        self._service = service
        self._rows = rows
        self._pause = pause

    def next_visit(self) -> datetime:
        """Return when a request is visited next, if it is visited, or made, now."""
        return self._service.now() + self._pause

    def ask(self, key: str) -> Steps[S, Issued]:
        """Ask at once, or again to learn the code."""
        request = yield from self._require(key)
        # The key was reserved a moment before the challenge was issued.
        forgotten_at = self._service.now() + self._pause - self._service.repeat_for
        is_late = request.asked_at is not None and request.asked_at <= forgotten_at
        if request.outcome is not None or is_late:
            raise WrongState("the request was asked too long ago, or has ended")
        result = yield from self._ask(request)
        if isinstance(result, Refused):
            raise result
        return result

    def finish(self, key: str) -> Steps[S, ApprovalRequest]:
        """Do for one request what a worker does, and return it."""
        request = yield from self._require(key)
        yield from self._visit(request)
        return (yield from self._require(key))

    def work(self) -> Steps[S, int]:
        """Visit each request that is due now, and return how many."""
        due, count = self._service.now(), 0
        failures: list[Exception] = []
        while len(failures) < FAILURES:
            claim = partial(self._rows.claim, due=due, next_visit=self.next_visit())
            request: ApprovalRequest | None = yield Transaction(work=claim)
            if request is None:
                break
            try:
                yield from self._visit(request)
            except Unavailable:
                raise
            except Exception as failure:  # noqa: BLE001 (raised after the other visits)
                failure.add_note(f"the approval request {request.key!r}")
                failures.append(failure)
            count += 1
        if len(failures) > 1:
            raise ExceptionGroup("visits to approval requests", failures)
        if failures:
            raise failures[0]
        return count

    def unfinished(self) -> Steps[S, list[ApprovalRequest]]:
        """Return the requests whose use Counterseal has, and the program has not recorded."""
        requests: list[ApprovalRequest] = yield Transaction(work=self._rows.load_open)
        unfinished_requests = []
        for request in requests:
            try:
                use = yield Call(function=partial(self._service.find_use, request))
            except NotFound:
                continue
            if use is not None:
                unfinished_requests.append(request)
        return unfinished_requests

    def _require(self, key: str) -> Steps[S, ApprovalRequest]:
        request: ApprovalRequest | None = yield Transaction(work=partial(self._rows.load, key=key))
        if request is None:
            raise NotFound
        return request

    def _visit(self, request: ApprovalRequest) -> Steps[S, None]:
        if request.outcome is not None:
            if not request.reported:
                yield from self._report(request)
        elif request.challenge is None:
            yield from self._ask(request)
        else:
            yield from self._use(request)

    def _ask(self, request: ApprovalRequest) -> Steps[S, Issued | Refused]:
        try:
            issued: Issued = yield Call(function=partial(self._service.ask, request))
        except Refused as refusal:
            # If it has a challenge, that of the first call is still open.
            if request.challenge is None:
                yield from self._refuse(request, refusal)
            return refusal
        if request.challenge is None:
            return (yield from self._record_challenge(request, issued))
        return issued

    def _record_challenge(
        self, request: ApprovalRequest, issued: Issued
    ) -> Steps[S, Issued | Refused]:
        challenge, asked_at = issued.challenge.guid, issued.challenge.issued_at
        asked_request = attrs.evolve(request, challenge=challenge, asked_at=asked_at)
        record = partial(
            self._rows.record_challenge, key=request.key, challenge=challenge, asked_at=asked_at
        )
        if issued.repeated:
            use = yield Call(function=partial(self._service.find_use, asked_request))
            if use is not None:
                # By another row of the key, which was deleted, or by other code of the program.
                yield from self._end(asked_request, ActionUsed.code, None, record)
                return ActionUsed()
        yield Transaction(work=record)
        return issued

    def _use(self, request: ApprovalRequest) -> Steps[S, None]:
        try:
            use: Guid | None = yield Call(function=partial(self._service.use, request))
        except Refused as refusal:
            yield from self._refuse(request, refusal)
            return
        if use is not None and (yield from self._end(request, USED, use)):
            yield from self._report(request)

    def _report(self, request: ApprovalRequest) -> Steps[S, None]:
        try:
            yield Call(function=partial(self._service.report, request))
        except WRONG_ORIGIN:
            raise
        except Refused:
            # Another outcome was reported, or the account was erased: it remains as it is.
            pass
        yield Transaction(work=partial(self._rows.record_report, key=request.key))

    def _refuse(self, request: ApprovalRequest, refusal: Refused) -> Steps[S, None]:
        """End the request, or defer it if the refusal is one for a while."""
        if isinstance(refusal, WRONG_ORIGIN):
            raise refusal
        seconds: float | None = getattr(refusal, "retry_after", None)
        if seconds is not None:
            wait = max(timedelta(seconds=seconds), self._pause)
            next_visit = self._service.now() + wait
            yield Transaction(
                work=partial(self._rows.defer, key=request.key, next_visit=next_visit)
            )
            return
        outcome = refusal.status if isinstance(refusal, NotApproved) else refusal.code
        yield from self._end(request, outcome, None)

    def _end(
        self,
        request: ApprovalRequest,
        outcome: str,
        use: Guid | None,
        begin: Callable[[S], bool] = lambda _: True,
    ) -> Steps[S, bool]:
        """End the request, if *begin* returns true in the same transaction."""

        def record(session: S) -> bool:
            return begin(session) and self._rows.record_outcome(
                session, key=request.key, outcome=outcome, use=use
            )

        ended_request = attrs.evolve(request, outcome=outcome, use=use, reported=use is None)
        confirm = partial(self._require_recorded, ended_request)
        is_first: bool = yield Ending(request=ended_request, record=record, confirm=confirm)
        return is_first

    def _require_recorded(self, ended_request: ApprovalRequest, session: S) -> None:
        """Require that the transaction still has the outcome, after the program's function."""
        try:
            stored_request = self._rows.load(session, key=ended_request.key)
        except Exception as error:
            raise TransactionEnded from error
        if stored_request is None or stored_request.outcome != ended_request.outcome:
            raise TransactionEnded


def run(steps: Steps[S, T], perform: Callable[[Step[S]], Any]) -> T:
    """Take *steps*, each by *perform*, and return their result."""
    try:
        step = next(steps)
        while True:
            try:
                result = perform(step)
            except Exception as error:  # noqa: BLE001 (the steps decide, and raise it again)
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
