"""What every audit log keeps of its chains, its search and its counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeAlias

import attrs
import pytest

from counterseal.audit.rules import counts_of, extend
from counterseal.models import (
    AuditEvent,
    AuditQuery,
    ChainedEvent,
    ChainLink,
    CountKey,
    LogPlace,
    SignedHead,
)
from counterseal.models.guid import PARTITIONS
from counterseal.ports import Audit
from counterseal_testing.clock import START
from counterseal_testing.contracts.race import long_run, race, results
from counterseal_testing.contracts.record_factory import RecordFactory, event
from counterseal_testing.contracts.summary import Contract

NewAudit: TypeAlias = Callable[[], Audit]

WORKERS = 4
ROUNDS = 300
"""More than any log needs."""
HOUR = timedelta(hours=1)


def events_of_many(count: int = 60) -> list[AuditEvent]:
    """Return events of a few subjects, actors, names, hours and App Spaces."""
    factory = RecordFactory(seed=3)
    subjects = [*(factory.guid(partition) for partition in (0, 7, 7, 255)), None]
    app_spaces = [factory.guid(1), factory.guid(2), None]
    names = ["challenge.issue", "challenge.answer", "binding.push", "account.get"]
    return [
        event(
            f"word {number % 4}",
            subject=subjects[number % 5],
            app_space=app_spaces[number % 3],
            event=names[number % 4],
            actor=f"actor {number % 2}",
            at=START + timedelta(minutes=13 * (number // 2)),
        )
        for number in range(count)
    ]


def links_of(audit: Audit, limit: int = 1_000) -> tuple[ChainLink, ...]:
    """Return what appends all unchained events."""
    return tuple(map(extend, audit.unchained(limit)))


def chain_all(audit: Audit, events: Sequence[AuditEvent], limit: int = 1_000) -> None:
    """Record *events*, and append all of them to their chains."""
    for one in events:
        audit.record(one)
    chain_rest(audit, limit)


def chain_rest(audit: Audit, limit: int) -> None:
    """Append all unchained events to their chains."""
    for _ in range(ROUNDS):
        links = links_of(audit, limit)
        if not links:
            return
        audit.append_chain(links)
    raise AssertionError("events are unchained for ever")


def all_chained(audit: Audit) -> list[ChainedEvent]:
    """Return all chained events, partition by partition."""
    return [
        chained for partition in range(PARTITIONS) for chained in audit.chained(partition, 0, 1_000)
    ]


def find_all(audit: Audit, query: AuditQuery, limit: int) -> list[AuditEvent]:
    """Return all that a search finds, page by page."""
    events: list[AuditEvent] = []
    page = audit.search(query, None, limit)
    for _ in range(ROUNDS):
        assert len(page.events) <= limit, "a page is too long"
        events += [one.event for one in page.events if one.event is not None]
        if page.after is None:
            return events
        page = audit.search(query, page.after, limit)
    raise AssertionError("a search goes on for ever")


def newest_first(chained: list[ChainedEvent]) -> list[AuditEvent]:
    """Return the events in the order of a search."""
    pairs = [
        (LogPlace(one.event.at, one.partition, one.position), one.event)
        for one in chained
        if one.event is not None
    ]
    return [one for _, one in sorted(pairs, key=lambda pair: pair[0], reverse=True)]


def _signed(number: int, text: str) -> SignedHead:
    return SignedHead(number=number, token=text)


class AuditChainChecks(Contract):
    """What every audit log keeps of its chains."""

    @pytest.fixture
    def new_audit(self) -> NewAudit:
        """
        Return a factory of empty logs.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_audit`: it returns a factory")

    def test_audit_3_returns_every_event_in_the_order_of_its_subject(
        self, new_audit: NewAudit
    ) -> None:
        """AUDIT-3."""
        audit, events = new_audit(), events_of_many()
        for one in events:
            audit.record(one)
        batches = audit.unchained(1_000)

        stored = [one for batch in batches for one in batch.events]
        unchained = [one.event for one in stored if one.event is not None]
        assert Counter(map(repr, unchained)) == Counter(map(repr, events))
        for subject in {one.subject for one in events} - {None}:
            own = [one for one in unchained if one.subject == subject]
            assert own == [one for one in events if one.subject == subject]
        assert sum(len(batch.events) for batch in audit.unchained(7)) <= 7, "more than its limit"

    def test_audit_4_names_the_head_that_events_follow(self, new_audit: NewAudit) -> None:
        """AUDIT-4."""
        audit, events = new_audit(), events_of_many()
        chain_all(audit, events[:30], limit=7)
        for one in events[30:]:
            audit.record(one)

        batches = audit.unchained(1_000)
        partitions = [batch.head.partition for batch in batches]
        assert len(set(partitions)) == len(partitions), "two entries of one partition"
        heads = audit.heads()
        assert [batch.head for batch in batches] == [heads[number] for number in partitions]
        assert sum(head.position for head in heads) == 30

    def test_audit_5_of_two_links_behind_one_head_one_stands(self, new_audit: NewAudit) -> None:
        """AUDIT-5."""
        audit = new_audit()
        for one in events_of_many(20):
            audit.record(one)
        links = links_of(audit)

        assert audit.append_chain(links) == len(links)
        assert audit.append_chain(links) == 0, "a link stands twice"
        assert len(all_chained(audit)) == 20

    def test_audit_6_a_link_that_does_not_stand_changes_nothing(self, new_audit: NewAudit) -> None:
        """AUDIT-6."""
        audit = new_audit()
        for one in events_of_many(20):
            audit.record(one)
        links = links_of(audit)
        stale = tuple(
            attrs.evolve(link, head=attrs.evolve(link.head, hash=bytes(31) + b"x"))
            for link in links
        )

        assert audit.append_chain(stale) == 0
        assert all_chained(audit) == []
        assert audit.counts(None, START - HOUR, START + 24 * HOUR) == {}
        assert links_of(audit) == links

    def test_audit_7_what_is_chained_is_unchained_no_more(self, new_audit: NewAudit) -> None:
        """AUDIT-7."""
        audit = new_audit()
        chain_all(audit, events_of_many(20))

        assert audit.unchained(100) == ()

    def test_audit_8_has_the_heads_of_all_partitions(self, new_audit: NewAudit) -> None:
        """AUDIT-8."""
        audit = new_audit()
        assert [head.partition for head in audit.heads()] == list(range(PARTITIONS))
        for one in events_of_many(20):
            audit.record(one)
        links = links_of(audit)
        audit.append_chain(links)

        heads = audit.heads()
        for link in links:
            assert heads[link.head.partition] == link.new_head
        assert len([head for head in heads if head.position]) == len(links)

    def test_audit_9_keeps_hashes_and_bytes(self, new_audit: NewAudit) -> None:
        """AUDIT-9."""
        audit = new_audit()
        for one in events_of_many():
            audit.record(one)
        links = links_of(audit)
        audit.append_chain(links)

        for link in links:
            partition = link.head.partition
            assert audit.chained(partition, 0, 1_000) == link.events
            assert audit.chained(partition, 2, 3) == link.events[2:5]
            assert audit.chained(partition, len(link.events), 3) == ()

    def test_audit_10_drops_what_was_archived(self, new_audit: NewAudit) -> None:
        """AUDIT-10."""
        audit = new_audit()
        events = events_of_many()
        chain_all(audit, events[:40])
        before, all_before = audit.heads()[7], audit.chained(7, 0, 1_000)
        audit.drop_chained(7, 3)
        audit.drop_chained(7, 2)
        audit.drop_chained(7, 1_000)

        head = attrs.evolve(before, base=3, base_hash=all_before[2].hash)
        assert audit.heads()[7] == head
        assert audit.chained(7, 0, 1_000) == all_before[3:]
        dropped_events = {repr(one.event) for one in all_before[:3]}
        assert dropped_events.isdisjoint(map(repr, find_all(audit, AuditQuery(), 100)))
        chain_all(audit, events[40:])
        assert audit.heads()[7].base == 3
        assert audit.heads()[7].position > before.position

    def test_audit_14_no_event_of_a_chain_is_misplaced(self, new_audit: NewAudit) -> None:
        """AUDIT-14."""
        audit, events = new_audit(), events_of_many()
        assert audit.misplaced(100) == ()
        chain_all(audit, events[:40])
        assert audit.misplaced(100) == ()
        audit.drop_chained(7, 3)
        chain_all(audit, events[40:])
        assert audit.misplaced(100) == ()

    def test_audit_11_finds_what_fits_newest_first(self, new_audit: NewAudit) -> None:
        """AUDIT-11."""
        audit, events = new_audit(), events_of_many()
        chain_all(audit, events)
        ordered = newest_first(all_chained(audit))
        subject, app_space = events[0].subject, events[0].app_space
        assert app_space is not None
        both = frozenset({app_space, events[1].app_space or app_space})
        many = both | {RecordFactory(seed=4).guid(number) for number in range(9)}
        queries = [
            AuditQuery(),
            AuditQuery(subject=subject),
            AuditQuery(actor="actor 1"),
            AuditQuery(event="challenge.issue"),
            AuditQuery(event="challenge."),
            AuditQuery(event="challenge.answered"),
            AuditQuery(since=START + HOUR, until=START + 3 * HOUR),
            AuditQuery(reason="word 1"),
            AuditQuery(event="challenge.issue", reason="word 1"),
            AuditQuery(reason="no event has this"),
            AuditQuery(reason=""),
            AuditQuery(endings=frozenset({("challenge.issue", "word 1"), ("binding.invite", "")})),
            AuditQuery(endings=frozenset({("challenge.issue", "")}), app_spaces=both),
            AuditQuery(endings=frozenset()),
            AuditQuery(app_spaces=frozenset({app_space})),
            AuditQuery(app_spaces=both, event="binding."),
            AuditQuery(app_spaces=many, event="binding."),
            AuditQuery(app_spaces=many),
            AuditQuery(app_spaces=frozenset()),
            AuditQuery(nouns=frozenset({"account"}), actor="actor 1"),
            AuditQuery(subject=subject, actor="actor 0", since=START + HOUR),
        ]
        for query in queries:
            expected = [one for one in ordered if query.matches(one)]
            for limit in (3, 1_000):
                assert find_all(audit, query, limit) == expected, query

    def test_audit_12_sums_the_counts_of_an_hour(self, new_audit: NewAudit) -> None:
        """AUDIT-12."""
        audit, events = new_audit(), events_of_many() * 2
        chain_all(audit, events)
        chain_all(audit, events)
        events *= 2
        expected: Counter[CountKey] = counts_of(events)
        app_space = events[0].app_space
        assert app_space is not None

        assert audit.counts(None, START - HOUR, START + 24 * HOUR) == expected
        own = audit.counts(frozenset({app_space}), START - HOUR, START + 24 * HOUR)
        assert own == {key: count for key, count in expected.items() if key.app_space == app_space}
        first, end = START + HOUR, START + 3 * HOUR
        assert audit.counts(None, first, end) == {
            key: count for key, count in expected.items() if first <= key.hour < end
        }

    def test_audit_13_stores_one_signed_head_of_two(self, new_audit: NewAudit) -> None:
        """AUDIT-13."""
        audit = new_audit()
        assert audit.signed_head() is None
        assert not audit.replace_signed_head(_signed(2, "two"))
        for number in (1, 2):
            head = _signed(number, f"token {number}")
            assert audit.replace_signed_head(head)
            assert not audit.replace_signed_head(_signed(number, "another"))
            assert audit.signed_head() == head

    @long_run
    def test_audit_5_of_workers_at_once_none_chains_an_event_twice(
        self, new_audit: NewAudit
    ) -> None:
        """AUDIT-5."""
        audit, events = new_audit(), events_of_many()
        for one in events:
            audit.record(one)

        def work() -> None:
            chain_rest(audit, 5)

        results(race([work] * WORKERS))

        chained = all_chained(audit)
        assert len(chained) == len(events)
        assert [each.position for each in chained] == [
            position for head in audit.heads() for position in range(1, head.position + 1)
        ], "the positions have a gap"
        assert sum(audit.counts(None, START - HOUR, START + 24 * HOUR).values()) == len(events)
