"""The requests of a program that uses asynchronous sessions of SQLAlchemy's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

from counterseal import Issued
from counterseal.models import Question
from counterseal_sql.own_data.approval_request import ApprovalRequest, write_question
from counterseal_sql.own_data.service import ApprovalService
from counterseal_sql.own_data.steps import PAUSE, Call, RequestSteps, Step, Steps, Transaction
from counterseal_sql.own_data.table import ApprovalTable

AsyncFollow: TypeAlias = Callable[[AsyncSession, ApprovalRequest], Awaitable[None]]
"""What the program does in the transaction that ends a request."""

T = TypeVar("T")


class AsyncApprovalRequests:
    """
    `ApprovalRequests` for asynchronous sessions: the same methods, as coroutine functions.

    Calls to Counterseal run in the threads of `asyncio.to_thread`.

    Args:
        service: Counterseal.
        sessions: Opens asynchronous sessions of the program's database.
        table: As of `ApprovalRequests`.
        on_approval: The same, as a coroutine function.
        on_end: The same.
        pause: The same.

    Raises:
        ValueError: *pause* is not positive.
    """

    def __init__(
        self,
        service: ApprovalService,
        sessions: async_sessionmaker[AsyncSession],
        table: ApprovalTable,
        *,
        on_approval: AsyncFollow,
        on_end: AsyncFollow | None = None,
        pause: timedelta = PAUSE,
    ) -> None:
        self._service = service
        self._sessions = sessions
        self._table = table
        self._on_approval = on_approval
        self._on_end = on_end
        self._steps = RequestSteps(service, table, pause)

    def insert(self, question: Question, *, key: str) -> Insert:
        """Return the statement that inserts a request, as `ApprovalRequests.insert`."""
        return self._table.insert(
            key=key,
            document=write_question(question, key),
            next_visit=self._steps.next_visit(),
        )

    async def ask(self, key: str) -> Issued:
        """Ask now, as `ApprovalRequests.ask`."""
        return await self._run(self._steps.ask(key))

    async def finish(self, key: str) -> ApprovalRequest:
        """Take the next step for one request, as `ApprovalRequests.finish`."""
        return await self._run(self._steps.finish(key))

    async def work(self) -> int:
        """Take the next step for each request that is due, as `ApprovalRequests.work`."""
        return await self._run(self._steps.work())

    async def unfinished(self) -> list[ApprovalRequest]:
        """Return the requests that `ApprovalRequests.unfinished` does."""
        return await self._run(self._steps.unfinished())

    async def _run(self, steps: Steps[Session, T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    result = await self._perform(step)
                except Exception as error:  # noqa: BLE001 (the steps decide, and raise it again)
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _perform(self, step: Step[Session]) -> Any:
        if isinstance(step, Call):
            return await asyncio.to_thread(step.function)
        async with self._sessions.begin() as session:
            if isinstance(step, Transaction):
                return await session.run_sync(step.work)
            is_first = await session.run_sync(step.record)
            follow = self._on_end if step.request.use is None else self._on_approval
            if is_first and follow is not None:
                await follow(session, step.request)
                await session.run_sync(step.confirm)
            return is_first
