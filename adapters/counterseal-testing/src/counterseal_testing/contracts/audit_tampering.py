"""What `AuditChain` finds in a stored audit log that was changed behind its back."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random  # noqa: TID251 (of a test)
from typing import ClassVar

import attrs
import pytest
from hypothesis import settings

from counterseal import AuditChain
from counterseal.audit.documents import archive_line, read_archive_line
from counterseal.audit.rules import INSERTED, UNSEARCHABLE, counts_of
from counterseal.models import AuditQuery, ChainedEvent
from counterseal.models.guid import mint
from counterseal.ports import Audit
from counterseal_testing.clock import START
from counterseal_testing.contracts.audit_chain import HOUR, ROUNDS, NewAudit, events_of_many
from counterseal_testing.contracts.chain_oracle import first_wrong
from counterseal_testing.contracts.record_factory import event
from counterseal_testing.contracts.stored_chain import (
    CHANGES,
    PARTITION,
    ChainChange,
    StoredChain,
    insert_below_the_base,
)
from counterseal_testing.contracts.summary import Contract
from counterseal_testing.service import FakeService

SUBJECT, APP_SPACE = mint(PARTITION, bytes(15)), mint(9, bytes(15))
BASE, EVENTS = 3, 12
LAST = BASE + EVENTS
FEW, MANY = 10, 1_000
"""Random changes, and as many of a profile with so many examples."""

QUERIES = (
    AuditQuery(),
    AuditQuery(subject=SUBJECT),
    AuditQuery(actor=f"actor {BASE}"),
    AuditQuery(app_spaces=frozenset({APP_SPACE, mint(8, bytes(15))})),
    AuditQuery(event=event().event),
)

WORKER = """
import sys
from counterseal.audit.rules import extend

for _ in sys.stdin:
    audit.append_chain(tuple(map(extend, audit.unchained(3))))
    print("chained", flush=True)
"""


class AuditTampering(Contract):
    """
    The checks of an audit log that others can write to, beside `AuditContract`.

    Attributes:
        changes: What somebody changes, by a name; an author adds what only this log stores.
        unreadable_bodies: Bodies of recorded events that cannot be read.
    """

    changes: ClassVar[Mapping[str, ChainChange]] = CHANGES
    unreadable_bodies: ClassVar[Sequence[bytes]] = (
        *(b"unreadable", b"two\nlines", b"{}"),
        "ä".encode(),
    )

    @pytest.fixture
    def new_audit(self) -> NewAudit:
        """
        Return a factory of empty logs.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_audit`: it returns a factory")

    def stored_chain(self, audit: Audit) -> StoredChain:
        """
        Read the chain of `PARTITION` past the adapter.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the method `stored_chain`")

    def store_chain(self, audit: Audit, chain: StoredChain) -> None:
        """
        Store *chain* past the adapter, in the place of that of `PARTITION`.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the method `store_chain`")

    def record_body(self, audit: Audit, body: bytes) -> None:
        """
        Store *body* past the adapter, as that of an event that is not chained yet.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the method `record_body`")

    def opening(self, audit: Audit) -> str:
        """
        Return the lines of a program that name the same log `audit`, in another process.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the method `opening`")

    def test_each_kind_of_change_is_found_where_it_was_made(self, new_audit: NewAudit) -> None:
        """The first position that is reported is that of the change."""
        chain = self.archived_chain(new_audit())
        for name, change in self.changes.items():
            self._require_found(chain, change, BASE + 4, Random(name))  # noqa: S311 (of a test)
        assert chain.verify().tamperings == ()

    @pytest.mark.timeout(900)  # if there are many
    def test_random_changes_are_found_where_they_were_made(self, new_audit: NewAudit) -> None:
        """So it is at any position."""
        chain, random = self.archived_chain(new_audit()), Random(17)  # noqa: S311 (of a test)
        profile = settings.default
        assert profile is not None
        for _ in range(MANY if profile.max_examples >= MANY else FEW):
            change = random.choice([*self.changes.values()])
            self._require_found(chain, change, random.randrange(BASE + 1, LAST + 1), random)
        assert chain.verify().tamperings == ()

    def test_no_search_finds_what_stands_below_the_base(self, new_audit: NewAudit) -> None:
        """It is reported as misplaced."""
        audit = new_audit()
        chain = self.archived_chain(audit)
        assert audit.misplaced(10) == ()
        pages = [audit.search(query, None, 100) for query in QUERIES]
        assert all(page.events for page in pages)

        stored_chain = self.stored_chain(audit)
        changed_chain, _ = insert_below_the_base(stored_chain, BASE + 1, Random())  # noqa: S311
        self.store_chain(audit, changed_chain)

        assert [audit.search(query, None, 100) for query in QUERIES] == pages
        assert audit.misplaced(10) == ((PARTITION, BASE),)
        signs = [(one.partition, one.position, one.problem) for one in chain.verify().tamperings]
        assert signs == [(PARTITION, BASE, INSERTED)]

    def test_events_that_cannot_be_read_stop_no_other_and_are_reported(
        self, new_audit: NewAudit
    ) -> None:
        """They are chained as texts of one line, and archived."""
        audit = new_audit()
        chain = self._chain_of(audit)
        audit.record(event("earlier"))
        _chain_all(chain)
        count = len(self.unreadable_bodies)
        for body in self.unreadable_bodies:
            self.record_body(audit, body)
        hours = (None, START - HOUR, START + HOUR)
        counts, page = audit.counts(*hours), audit.search(AuditQuery(), None, 100)
        assert chain.verify().unchained == count

        audit.record(event("later"))
        assert chain.chain() == count + 1
        assert chain.chain() == 0
        assert chain.sign()

        tamperings = chain.verify().tamperings
        assert [sign.problem for sign in tamperings] == [UNSEARCHABLE] * count
        unreadable: list[ChainedEvent] = []
        for sign in tamperings:
            assert sign.partition is not None
            unreadable += audit.chained(sign.partition, sign.position - 1, 1)
        assert [one.event for one in unreadable] == [None] * count
        assert len({one.body for one in unreadable}) == count
        assert all(len(one.body.splitlines()) == 1 for one in unreadable)
        assert len(audit.search(AuditQuery(), None, 100).events) == len(page.events) + 1
        assert sum(audit.counts(*hours).values()) == sum(counts.values()) + 1
        lines: list[bytes] = []
        chain.archive(lambda page: lines.extend(map(archive_line, page)), drop=True)
        assert chain.verify(archive=map(read_archive_line, lines)).tamperings == ()

    def test_workers_that_are_killed_leave_no_gap_and_count_once(self, new_audit: NewAudit) -> None:
        """One is killed after its first step, and one in the middle."""
        audit, events = new_audit(), events_of_many() * 3
        for one in events:
            audit.record(one)
        command = [sys.executable, "-c", self.opening(audit) + WORKER]
        workers = [
            subprocess.Popen(  # noqa: S603 (ours)
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        for worker, steps in zip(workers, (1, 4), strict=True):
            assert worker.stdin is not None
            assert worker.stdout is not None
            # One step more than is waited for: it may be killed in the middle of that.
            worker.stdin.write("step\n" * (steps + 1))
            worker.stdin.flush()
            for _ in range(steps):
                assert worker.stdout.readline() == "chained\n"
            worker.kill()
        for worker in workers:
            worker.communicate()
        _chain_all(self._chain_of(audit))

        stored: list[ChainedEvent] = []
        for head in audit.heads():
            chained = audit.chained(head.partition, 0, 1_000)
            rows = [(one.position, one.hash, one.body) for one in chained]
            assert not first_wrong(head.partition, rows)
            assert len(chained) == head.position
            stored += chained
        assert Counter(repr(one.event) for one in stored) == Counter(map(repr, events))
        assert audit.counts(None, START - HOUR, START + 99 * HOUR) == counts_of(events)

    def archived_chain(self, audit: Audit) -> AuditChain:
        """Record events of `SUBJECT`, sign all, and archive those up to the position `BASE`."""
        chain = self._chain_of(audit)
        for number in range(LAST):
            if number == BASE:
                _chain_all(chain)
                chain.archive(lambda _: None, drop=True)
            actor = f"actor {number}"
            one = event(str(number), subject=SUBJECT, actor=actor, app_space=APP_SPACE)
            audit.record(one)
        _chain_all(chain)
        assert audit.heads()[PARTITION].base == BASE
        return chain

    def _chain_of(self, audit: Audit) -> AuditChain:
        service = FakeService()
        return AuditChain(attrs.evolve(service.ports, audit=audit), service.policy)

    def _require_found(
        self, chain: AuditChain, change: ChainChange, position: int, random: Random
    ) -> None:
        audit = chain.ports.audit
        stored_chain = self.stored_chain(audit)
        changed_chain, expected = change(stored_chain, position, random)
        self.store_chain(audit, changed_chain)
        tamperings = chain.verify().tamperings
        self.store_chain(audit, stored_chain)
        assert {one.partition for one in tamperings} == {PARTITION}, change
        assert min(one.position for one in tamperings) == expected, change


def _chain_all(chain: AuditChain) -> None:
    assert any(not chain.chain() for _ in range(ROUNDS)), "events are unchained for ever"
    assert chain.sign()
