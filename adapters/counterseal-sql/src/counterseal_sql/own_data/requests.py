"""The requests of a program that uses sessions of SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import Insert
from sqlalchemy.orm import Session, sessionmaker

from counterseal import Issued
from counterseal.models import Question
from counterseal_sql.own_data.approval_request import ApprovalRequest, write_question
from counterseal_sql.own_data.service import ApprovalService
from counterseal_sql.own_data.steps import PAUSE, Call, RequestSteps, Step, Transaction, run
from counterseal_sql.own_data.table import ApprovalTable

Follow: TypeAlias = Callable[[Session, ApprovalRequest], None]
"""What the program does in the transaction that ends a request."""


class ApprovalRequests:
    """
    Requests for approvals beside the program's own data; threads may share it.

    Every method but `insert` makes calls to Counterseal and opens transactions of its own. Call it
    while you have none open: on SQLite it would wait for yours, and what it reads is committed.
    A failure of Counterseal or of your database, and what your functions raise, leaves the request
    as it is: the next visit repeats it.

    Args:
        service: Counterseal.
        sessions: Opens sessions of the program's database.
        table: The table of the requests there.
        on_approval: Is called once for each request that was approved, after the approval was used,
            and changes what it has to in the session. This commits together with the row that
            records the use. If it raises, nothing is committed, and it is called again. So it has
            no effects but in this session, which it neither commits nor rolls back; what it needs
            of the action is in the request.
        on_end: Is called once for each request that ends without an approval, in the same way.
        pause: Between two visits of workers to one request, and before the first one.

    Raises:
        ValueError: *pause* is not positive.
    """

    def __init__(
        self,
        service: ApprovalService,
        sessions: sessionmaker[Session],
        table: ApprovalTable,
        *,
        on_approval: Follow,
        on_end: Follow | None = None,
        pause: timedelta = PAUSE,
    ) -> None:
        self._service = service
        self._sessions = sessions
        self._table = table
        self._on_approval = on_approval
        self._on_end = on_end
        self._steps = RequestSteps(service, table, pause)

    def insert(self, question: Question, *, key: str) -> Insert:
        """
        Return the statement that inserts a request: execute it in the session of your own data.

        Nothing is asked before that session commits, and nothing if it does not. The user is asked
        by a worker, or at once by `ask`. A second request of one key violates the primary key.

        Args:
            question: What the user is asked, about an `Action`.
            key: Your own name of the request, such as an order's id.

        Raises:
            InvalidField: *question* asks about no action or cannot be written as JSON, or *key* is
                no text of 1 to 256 bytes.
        """
        return self._table.insert(
            key=key,
            document=write_question(question, key),
            next_visit=self._steps.next_visit(),
        )

    def ask(self, key: str) -> Issued:
        """
        Ask now, and return the challenge with its code; again, return the same one.

        A refusal for good ends the request, before it is raised.

        Raises:
            NotFound: There is no such request: was it committed?
            WrongState: It has ended, or was asked so long ago that the code is gone.
            ActionUsed: Its key belonged to another request, whose row was deleted.
            Refused: As `Challenges.issue`.
            Unavailable: A port of Counterseal failed; a worker will ask.
        """
        return run(self._steps.ask(key), self._perform)

    def finish(self, key: str) -> ApprovalRequest:
        """
        Take the next step for one request, whatever it is, and return the request.

        For a page that waits for the answer: it need not wait for a worker.

        Raises:
            NotFound: There is no such request.
            Unavailable: A port of Counterseal failed.
        """
        return run(self._steps.finish(key), self._perform)

    def work(self) -> int:
        """
        Take the next step for each request that is due, and return for how many.

        Several workers may call it: on PostgreSQL each takes other requests. A request at which it
        failed is visited again after the pause, as every other.

        Raises:
            Unavailable: A port of Counterseal failed; the next call takes the other requests.
            Foreign: A request is of another origin than that of the service.
            TransactionEnded: A function of yours has ended its transaction.
            Exception: What a function of yours raised. The other requests have been visited before,
                unless a hundred visits failed; several failures are one `ExceptionGroup`. A note of
                each names the request.
        """
        return run(self._steps.work(), self._perform)

    def unfinished(self) -> list[ApprovalRequest]:
        """
        Return the requests whose approval was used, and whose row does not record the use.

        Their functions were not called, or their transactions not committed. `work` calls them, and
        `finish` for one. It makes one call to Counterseal for each open request.

        Raises:
            Foreign: A request is of another origin than that of the service.
            Unavailable: A port of Counterseal failed.
        """
        return run(self._steps.unfinished(), self._perform)

    def _perform(self, step: Step[Session]) -> Any:
        if isinstance(step, Call):
            return step.function()
        with self._sessions.begin() as session:
            if isinstance(step, Transaction):
                return step.work(session)
            is_first = step.record(session)
            follow = self._on_end if step.request.use is None else self._on_approval
            if is_first and follow is not None:
                follow(session, step.request)
                step.confirm(session)
            return is_first
