"""What an author says about a store: how to make one, and what it can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar, TypeAlias

import pytest

from counterseal.models import AuditEvent
from counterseal.ports import Store
from counterseal_testing.contracts.store_worker import StoreWorker
from counterseal_testing.contracts.summary import Contract

NewStore: TypeAlias = Callable[[], Store]
"""Makes a store that is empty, and shares nothing with those made before."""


class StoreSetup(Contract):
    """
    What the author of a store gives the kit.

    Attributes:
        can_forget: Whether `forget` deletes what may be deleted.
        finds_parts: Whether the store has `PartSearch`.
        can_lose_replies: Whether `lose_reply` cuts the connection.
        survives_a_crash: Whether `reopened` finds what a dead process left.
        crash_stride: At every how many lines of a commit the process dies, or another caller
            commits; a store that takes long may try fewer than all.
    """

    can_forget: ClassVar[bool] = False
    finds_parts: ClassVar[bool] = False
    can_lose_replies: ClassVar[bool] = False
    survives_a_crash: ClassVar[bool] = False
    crash_stride: ClassVar[int] = 1

    @pytest.fixture
    def new_store(self) -> NewStore:
        """
        Return a factory of empty stores.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_store`: it returns a factory of stores")

    @pytest.fixture
    def broken_store(self) -> NewStore | None:
        """Return a factory of stores whose connection is broken, if there can be one."""
        return None

    def recorded(self, store: Store) -> Sequence[AuditEvent]:
        """
        Return the events that the commits of *store* recorded, in order.

        By default, its `recorded()` knows.

        Raises:
            NotImplementedError: It has none, and the author did not say how to find out.
        """
        events = getattr(store, "recorded", None)
        if events is None:
            raise NotImplementedError("say in `recorded` how to read what commits recorded")
        recorded: Sequence[AuditEvent] = events()
        return recorded

    def forget(self, store: Store, before: datetime) -> None:
        """
        Delete from *store* what may be deleted at the time *before*.

        Raises:
            NotImplementedError: `can_forget` is true, and the author did not say how.
        """
        raise NotImplementedError

    def lose_reply(self, store: Store, *, applied: bool) -> None:
        """
        Cut the connection of *store* at its next commit, before it arrives or after.

        Raises:
            NotImplementedError: `can_lose_replies` is true, and the author did not say how.
        """
        raise NotImplementedError

    def reopened(self, store: Store) -> Store:
        """
        Return what a new process finds where *store* kept its records.

        Raises:
            NotImplementedError: `survives_a_crash` is true, and the author did not say how.
        """
        raise NotImplementedError

    def worker(self, new_store: NewStore) -> StoreWorker:
        """Return a worker on a new store."""
        return StoreWorker(new_store(), self.recorded)
