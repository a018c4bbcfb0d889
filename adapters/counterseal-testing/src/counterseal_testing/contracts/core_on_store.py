"""What the whole core does on a store, and what a killed process leaves there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias

import attrs
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal import Accounts, Ports
from counterseal.events.documents import DescribedEvent
from counterseal.models import OPERATOR, Guid
from counterseal.ports import Store
from counterseal_testing.contracts.race import long_run
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.summary import Contract
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.histories import ApprovedActions, WholeCore
from counterseal_testing.service import FakeService

NewAdapters: TypeAlias = Callable[[], Callable[[Ports], Ports]]
"""Makes a function that returns ports with an empty store."""

SHARE = 5
"""The core's own tests play ten times as many histories of the whole core."""

ACKNOWLEDGED, MANY = 50, 1_000
"""Commits before the kill; examples of a profile in which three processes are killed."""

WRITER = """
from counterseal.models import Change
from counterseal_testing.contracts.record_factory import RecordFactory, event

factory = RecordFactory()
for number in range(100_000):
    account = factory.account(str(number))
    records = (account, factory.binding(account), factory.challenge(account))
    changes = tuple(Change(None, record) for record in records)
    store.commit(changes, (event(str(number)),), str(number))
    print(number, *(record.guid for record in records), flush=True)
"""


class CoreOnStore(Contract):
    """
    Plays the core on a store that fulfils `StoreContract`.

    Attributes:
        share: One of how many histories of the profile is played.
    """

    share: ClassVar[int] = SHARE

    @pytest.fixture
    def new_adapters(self) -> NewAdapters:
        """
        Return a factory of functions that put a store into ports.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_adapters`: it returns a factory")

    @long_run
    @pytest.mark.timeout(7200)
    @pytest.mark.parametrize("machine", [WholeCore, ApprovedActions])
    def test_histories(self, new_adapters: NewAdapters, machine: type[WholeCore]) -> None:
        """They end as the oracle says."""

        class OnStore(machine):  # type: ignore[misc, valid-type]  # a class of the parameter's
            def adapters(self, ports: Ports) -> Ports:
                return new_adapters()(ports)

        profile = settings.default
        assert profile is not None
        examples = profile.max_examples // self.share
        budget = settings(profile, max_examples=examples, stateful_step_count=30)
        run_state_machine_as_test(OnStore, settings=budget)

    def test_the_commit_that_was_stamped_earlier_and_finished_last_is_not_missed(
        self, new_adapters: NewAdapters
    ) -> None:
        """By time it would be behind what the origin has read already."""
        service = FakeService(adapters=new_adapters())
        early, late = (_bind(service, name) for name in ("early", "late"))
        service.account_events.publish_due()
        _, cursor = _read_on(service)
        between: dict[str, Any] = {}

        def overtake() -> None:
            service.clock.advance(timedelta(seconds=5))
            service.accounts.lock(late, by=OPERATOR)
            service.account_events.publish_due()
            between["events"], between["cursor"] = _read_on(service, cursor)

        faults = Faults()
        faults.meanwhile(overtake)
        ports = attrs.evolve(service.ports, store=faulty(service.ports.store, "store", faults))
        Accounts(ports, service.policy).lock(early, by=OPERATOR)
        service.account_events.publish_due()
        events, _ = _read_on(service, between["cursor"])

        assert [one.account for one in between["events"]] == [late]
        assert [one.account for one in events] == [early]
        assert events[0].happened_at < between["events"][-1].happened_at

    def test_an_origin_that_was_away_for_a_day_catches_up_by_after(
        self, new_adapters: NewAdapters
    ) -> None:
        """It gets each event once, in order."""
        service = FakeService(adapters=new_adapters())
        account = _bind(service, "zoe")
        service.account_events.publish_due()
        events, cursor = _read_on(service)
        assert [one.sequence for one in events] == [1]
        for _ in range(4):
            service.clock.advance(timedelta(hours=6))
            service.accounts.lock(account, by=OPERATOR)
            service.accounts.unlock(account, by=OPERATOR)
            service.account_events.publish_due()
        events, cursor = _read_on(service, cursor)
        assert [one.sequence for one in events] == list(range(2, 10))
        assert _read_on(service, cursor) == ([], cursor)


class KilledWriter(StoreSetup):
    """A process that is killed leaves every commit that it had acknowledged, and no half of one."""

    def opening(self, store: Store) -> str:
        """
        Return the lines of a program that name the same store `store`, in another process.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the method `opening`")

    def kill(self, writer: subprocess.Popen[str]) -> None:
        """Kill the writer, or the server that it writes to."""
        writer.kill()

    def test_nothing_acknowledged_is_lost(self, new_store: NewStore) -> None:
        """What is read afterwards is all of it."""
        profile = settings.default
        assert profile is not None
        for _ in range(3 if profile.max_examples >= MANY else 1):
            store = new_store()
            replies = self._write_until_killed(store)

            store = self.reopened(store)
            for _number, *guids in replies:
                assert None not in store.get(*map(Guid, guids))
            for number in range(len(replies), len(replies) + 3):
                account = store.account(RecordFactory().space, str(number))
                if account is not None:
                    assert len(store.bindings(account.guid)) == 1
                    assert len(store.pending(account.guid)) == 1
            reasons = [event.reason for event in self.recorded(store)]
            assert reasons == [str(number) for number in range(len(reasons))]
            assert len(replies) <= len(reasons) <= len(replies) + 1

    def _write_until_killed(self, store: Store) -> list[list[str]]:
        with subprocess.Popen(  # noqa: S603 (ours)
            [sys.executable, "-c", self.opening(store) + WRITER],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(ACKNOWLEDGED)]
            self.kill(writer)
            lines += writer.stdout.readlines()
        replies = [line.split() for line in lines if line.endswith("\n")]
        assert len(replies) >= ACKNOWLEDGED, "the writer ended by itself"
        return replies


def _bind(service: FakeService, name: str) -> Guid:
    bond = service.bind(name).device.bond
    assert bond is not None
    return bond.account


def _read_on(
    service: FakeService, cursor: str | None = None
) -> tuple[list[DescribedEvent], str | None]:
    """Return all events after a cursor, page by page, and the cursor behind them."""
    events: list[DescribedEvent] = []
    more = True
    while more:
        page = service.account_events.read(service.origin, after=cursor, limit=2)
        assert not page.gap
        events += page.events
        cursor, more = page.next, page.more
    return events, cursor
