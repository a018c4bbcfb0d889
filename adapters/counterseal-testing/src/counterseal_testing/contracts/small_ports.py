"""The contracts of `Clock`, `Entropy` and `Audit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from functools import partial
from typing import TypeAlias

import pytest

from counterseal.models import AuditEvent
from counterseal.ports import Audit, Clock, Entropy
from counterseal_testing.contracts.audit_chain import AuditChainChecks, NewAudit
from counterseal_testing.contracts.leaks import (
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import long_run, race, results
from counterseal_testing.contracts.record_factory import RecordFactory, event
from counterseal_testing.contracts.summary import Contract

NewClock: TypeAlias = Callable[[], Clock]
NewEntropy: TypeAlias = Callable[[], Entropy]

THREADS = 6


class ClockContract(Contract):
    """What every clock keeps."""

    @pytest.fixture
    def new_clock(self) -> NewClock:
        """
        Return a factory of clocks.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_clock`: it returns a factory")

    def test_clock_1_is_aware_and_in_utc(self, new_clock: NewClock) -> None:
        """CLOCK-1."""
        clock = new_clock()
        for _ in range(3):
            now = clock.now()

            assert now.utcoffset() == timedelta(0), "not aware, or not in UTC"
            assert now == now.astimezone(UTC)

    def test_all_2_serves_many_threads_at_once(self, new_clock: NewClock) -> None:
        """ALL-2."""
        clock = new_clock()

        outcomes = results(race([clock.now] * THREADS))

        assert all(now.utcoffset() == timedelta(0) for now in outcomes)


class EntropyContract(Contract):
    """What every source of entropy keeps."""

    @pytest.fixture
    def new_entropy(self) -> NewEntropy:
        """
        Return a factory of sources.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_entropy`: it returns a factory")

    def test_entropy_1_never_repeats(self, new_entropy: NewEntropy) -> None:
        """ENTROPY-1: as far as a test can tell."""
        entropy = new_entropy()
        tokens = [entropy.token(16) for _ in range(2_000)]

        assert len(set(tokens)) == len(tokens), "a token came twice"
        assert len({token[:8] for token in tokens}) == len(tokens)
        assert len({token[8:] for token in tokens}) == len(tokens)

    def test_entropy_1_favours_no_bit(self, new_entropy: NewEntropy) -> None:
        """ENTROPY-1: a fair generator fails this less than once in 10**12 runs."""
        entropy = new_entropy()
        tokens = [int.from_bytes(entropy.token(16)) for _ in range(4_000)]

        for bit in range(128):
            ones = sum(token >> bit & 1 for token in tokens)
            assert abs(ones - 2_000) < 250, f"bit {bit} is 1 in {ones} of 4000 tokens"

    def test_entropy_2_is_of_the_size_asked_for(self, new_entropy: NewEntropy) -> None:
        """ENTROPY-2."""
        entropy = new_entropy()
        for size in (0, 1, 12, 15, 16, 31, 32, 33, 64, 1000):
            token = entropy.token(size)

            assert (type(token), len(token)) == (bytes, size)

    def test_all_2_serves_many_threads_at_once(self, new_entropy: NewEntropy) -> None:
        """ALL-2."""
        entropy = new_entropy()

        def call() -> list[bytes]:
            return [entropy.token(16) for _ in range(200)]

        tokens = [token for outcomes in results(race([call] * THREADS)) for token in outcomes]
        assert len(set(tokens)) == THREADS * 200, "two threads were given the same token"


class AuditContract(AuditChainChecks):
    """What every audit log keeps."""

    @pytest.fixture
    def broken_audit(self) -> NewAudit | None:
        """Return a factory of logs whose connection is broken, if there can be one."""
        return None

    def recorded(self, audit: Audit) -> Sequence[AuditEvent]:
        """
        Return what *audit* holds, in order.

        By default, its attribute `events` says so.
        """
        events: Sequence[AuditEvent] = audit.events  # type: ignore[attr-defined]
        return events

    def test_audit_1_appends_and_keeps(self, new_audit: NewAudit) -> None:
        """AUDIT-1."""
        audit = new_audit()
        events = [event(str(number)) for number in range(300)]
        for one in events:
            audit.record(one)
        audit.record(events[0])

        assert list(self.recorded(audit)) == [*events, events[0]]

    def test_audit_2_is_whole_when_the_call_returns(self, new_audit: NewAudit) -> None:
        """AUDIT-2."""
        audit = new_audit()
        for one in (
            event(),
            event("a reason", actor="Zoë \x00 '", subject=RecordFactory().guid()),
            event(actor="", event="x" * 2_000),
        ):
            audit.record(one)

            assert list(self.recorded(audit))[-1:] == [one]

    def test_all_1_only_unavailable_leaves(self, broken_audit: NewAudit | None) -> None:
        """ALL-1."""
        if broken_audit is None:
            skip_without_broken()
            return
        audit = broken_audit()
        only_unavailable_leaves({"record": lambda: audit.record(event())})

    @long_run
    def test_audit_1_loses_none_of_those_at_once(self, new_audit: NewAudit) -> None:
        """AUDIT-1."""
        audit = new_audit()

        def call(client: int) -> None:
            for number in range(50):
                audit.record(event(f"{client} {number}"))

        results(race([partial(call, client) for client in range(THREADS)]))

        outcomes = [one.reason for one in self.recorded(audit)]
        assert sorted(outcomes) == sorted(
            f"{client} {number}" for client in range(THREADS) for number in range(50)
        )
