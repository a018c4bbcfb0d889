"""The requests of a Django project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from counterseal import Issued
from counterseal.memory import SystemClock
from counterseal.models import Question
from counterseal_django.errors import RequestInTransaction
from counterseal_django.own_data.rows import DjangoRows
from counterseal_django.wiring import approvals
from counterseal_sql.own_data.approval_request import ApprovalRequest, write_question
from counterseal_sql.own_data.service import ApprovalService, LocalService
from counterseal_sql.own_data.steps import (
    PAUSE,
    Call,
    RequestSteps,
    Step,
    Steps,
    Transaction,
    run,
)

Follow: TypeAlias = Callable[[ApprovalRequest], None]
"""What the project does in the transaction that ends a request."""

T = TypeVar("T")


class ApprovalRequests:
    """
    Requests for approvals beside the project's own data; threads may share it.

    Every method but `insert` makes calls to Counterseal and opens transactions of its own, so it is
    refused inside `atomic` and without autocommit, where nothing is committed yet.
    A failure of Counterseal or of the database, and what your functions raise, leaves the request
    as it is: the next visit repeats it.

    Args:
        on_approval: Is called once for each request that was approved, after the approval was used,
            inside `atomic` with the row that records the use. If it raises, nothing is committed,
            and it is called again. So it has no effects but in this database; what it needs of the
            action is in the request. Where it expects an error of the database, it uses an inner
            `atomic`.
        on_end: Is called once for each request that ends without an approval, in the same way.
        service: Counterseal; None for that of the project, `counterseal_django.approvals`.
        using: The alias of the project's database.
        pause: Between two visits of workers to one request, and before the first one.

    Raises:
        ValueError: *pause* is not positive.
    """

    def __init__(
        self,
        *,
        on_approval: Follow,
        on_end: Follow | None = None,
        service: ApprovalService | None = None,
        using: str = DEFAULT_DB_ALIAS,
        pause: timedelta = PAUSE,
    ) -> None:
        if pause <= timedelta(0):
            raise ValueError("pause: not positive")
        self._on_approval = on_approval
        self._on_end = on_end
        self._given_service = service
        self._alias = using
        self._rows = DjangoRows(using)
        self._pause = pause

    def insert(self, question: Question, *, key: str) -> None:
        """
        Insert a request: inside `atomic`, beside your own data.

        Nothing is asked before that commits, and nothing if it does not. The user is asked by a
        worker, or at once by `ask`, which `transaction.on_commit` may call. A second request of one
        key violates the primary key.

        Args:
            question: What the user is asked, about an `Action`.
            key: Your own name of the request, such as an order's id.

        Raises:
            InvalidField: *question* asks about no action or cannot be written as JSON, or *key* is
                no text of 1 to 256 bytes.
        """
        # The project's service may not be made here: that writes to the store, and on SQLite the
        # caller's transaction may have written.
        clock = self._given_service or SystemClock()
        self._rows.insert(
            key=key,
            document=write_question(question, key),
            next_visit=clock.now() + self._pause,
        )

    def ask(self, key: str) -> Issued:
        """
        Ask now, and return the challenge with its code; again, return the same one.

        A refusal for good ends the request, before it is raised.

        Raises:
            RequestInTransaction: It is called inside `atomic`.
            NotFound: There is no such request.
            WrongState: It has ended, or was asked so long ago that the code is gone.
            ActionUsed: Its key belonged to another request, whose row was deleted.
            Refused: As `Challenges.issue`.
            Unavailable: A port of Counterseal failed; a worker will ask.
        """
        return self._run(self._steps().ask(key))

    def finish(self, key: str) -> ApprovalRequest:
        """
        Take the next step for one request, whatever it is, and return the request.

        For a page that waits for the answer: it need not wait for a worker.

        Raises:
            RequestInTransaction: It is called inside `atomic`.
            NotFound: There is no such request.
            Unavailable: A port of Counterseal failed.
        """
        return self._run(self._steps().finish(key))

    def work(self) -> int:
        """
        Take the next step for each request that is due, and return for how many.

        Several workers may call it: on PostgreSQL each takes other requests. A request at which it
        failed is visited again after the pause, as every other.

        Raises:
            RequestInTransaction: It is called inside `atomic`.
            Unavailable: A port of Counterseal failed; the next call takes the other requests.
            Foreign: A request is of another origin than that of the service.
            TransactionEnded: A function of yours has rolled back its transaction.
            Exception: What a function of yours raised. The other requests have been visited before,
                unless a hundred visits failed; several failures are one `ExceptionGroup`. A note of
                each names the request.
        """
        return self._run(self._steps().work())

    def unfinished(self) -> list[ApprovalRequest]:
        """
        Return the requests whose approval was used, and whose row does not record the use.

        Their functions were not called, or their transactions not committed. `work` calls them, and
        `finish` for one. It makes one call to Counterseal for each open request.

        Raises:
            RequestInTransaction: It is called inside `atomic`.
            Foreign: A request is of another origin than that of the service.
            Unavailable: A port of Counterseal failed.
        """
        return self._run(self._steps().unfinished())

    def _service(self) -> ApprovalService:
        if self._given_service is not None:
            return self._given_service
        project = approvals()  # of this process, and in a test, of this test
        return LocalService(project.service.ports, project.service.policy, project.party)

    def _steps(self) -> RequestSteps[None]:
        return RequestSteps(self._service(), self._rows, self._pause)

    def _run(self, steps: Steps[None, T]) -> T:
        connection = connections[self._alias]
        if connection.in_atomic_block or not connection.get_autocommit():
            raise RequestInTransaction
        return run(steps, self._perform)

    def _perform(self, step: Step[None]) -> Any:
        if isinstance(step, Call):
            return step.function()
        with transaction.atomic(using=self._alias):
            if isinstance(step, Transaction):
                return step.work(None)
            is_first = step.record(None)
            follow = self._on_end if step.request.use is None else self._on_approval
            if is_first and follow is not None:
                follow(step.request)
                step.confirm(None)
            return is_first
