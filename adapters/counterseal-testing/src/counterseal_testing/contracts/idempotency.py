"""The contract of `Idempotency`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import attrs
import pytest

from counterseal.models import KeyScope, Reservation
from counterseal.ports import Idempotency
from counterseal_testing.clock import START
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import long_run, race, results
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.contracts.summary import Contract

NewIdempotency: TypeAlias = Callable[[], Idempotency]
"""Makes an adapter that holds no reservation."""

THREADS = 8
ROUNDS = 30
LEASE = timedelta(seconds=30)
LIFE = timedelta(days=1)
INSTANT = timedelta(microseconds=1)

_factory = RecordFactory(seed=1)
_scope = (KeyScope.ISSUE, _factory.guid())


def _reservation(now: datetime = START, **changes: Any) -> Reservation:
    guid = _factory.guid()
    fields: dict[str, Any] = {
        "scope": _scope,
        "key": "key",
        "fingerprint": "payload",
        "guid": guid,
        "holder": f"holder of {guid}",
        "lease_until": now + LEASE,
        "until": now + LIFE,
    }
    return Reservation(**fields | changes)


class IdempotencyContract(Contract):
    """What every adapter that reserves keeps."""

    @pytest.fixture
    def new_idempotency(self) -> NewIdempotency:
        """
        Return a factory of adapters that hold no reservation.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_idempotency`: it returns a factory")

    @pytest.fixture
    def broken_idempotency(self) -> NewIdempotency | None:
        """Return a factory of adapters whose connection is broken, if there can be one."""
        return None

    def test_idempotency_1_the_first_gets_its_own(self, new_idempotency: NewIdempotency) -> None:
        """IDEMPOTENCY-1."""
        port, first, second = new_idempotency(), _reservation(), _reservation()

        assert port.begin(first, START) == first
        assert port.begin(second, START) == first
        assert port.begin(second, START + LEASE - INSTANT) == first

    def test_idempotency_2_another_payload_changes_nothing(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-2: whether its lease is over or not."""
        port, first, other = new_idempotency(), _reservation(), _reservation(fingerprint="other")
        port.begin(first, START)

        for now in (START, START + LEASE, START + LIFE - INSTANT):
            assert port.begin(other, now) == first
        assert port.begin(_reservation(), START) == first

    def test_idempotency_3_a_lease_that_is_over_is_taken_over(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-3."""
        port, first = new_idempotency(), _reservation()
        port.begin(first, START)
        now = START + LEASE
        second, third = _reservation(now), _reservation(now)
        successor = attrs.evolve(second, guid=first.guid)

        assert port.begin(second, now) == successor
        assert port.begin(third, now) == successor

    def test_idempotency_4_what_has_ended_counts_as_none(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-4: finished or not, and with whatever payload."""
        port = new_idempotency()
        for index, finished in enumerate([True, False]):
            first = port.begin(_reservation(key=str(index)), START)
            if finished:
                port.finish(first)
            later = _reservation(START + LIFE, key=str(index), fingerprint="other")

            assert port.begin(later, START + LIFE) == later

    def test_idempotency_5_finished_is_found_until_it_ends(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-5."""
        port, first = new_idempotency(), _reservation()
        port.begin(first, START)
        port.finish(first)
        finished = attrs.evolve(first, finished=True)

        for now in (START, START + LEASE, START + LIFE - INSTANT):
            assert port.begin(_reservation(now), now) == finished

    def test_idempotency_6_keys_and_scopes_do_not_meet(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-6."""
        port = new_idempotency()
        others = ((KeyScope.ISSUE, _factory.guid()), (KeyScope.INVITE, _scope[1]))
        keys = ["key", "Key", "key ", "ke", "key\x00", "kë", "ke\u0308", ""]
        requests = [
            _reservation(scope=scope, key=key) for scope in (_scope, *others) for key in keys
        ]

        assert [port.begin(one, START) for one in requests] == requests
        assert [port.begin(one, START) for one in requests] == requests

    def test_all_1_only_unavailable_leaves(self, broken_idempotency: NewIdempotency | None) -> None:
        """ALL-1."""
        if broken_idempotency is None:
            skip_without_broken()
            return
        port = broken_idempotency()
        only_unavailable_leaves(
            {
                "begin": lambda: port.begin(_reservation(), START),
                "finish": lambda: port.finish(_reservation()),
            }
        )

    def test_all_2_serves_many_threads_at_once(self, new_idempotency: NewIdempotency) -> None:
        """ALL-2."""
        port = new_idempotency()

        def call(client: int) -> bool:
            requests = [_reservation(key=f"{client} {number}") for number in range(30)]
            reserved = [port.begin(one, START) for one in requests]
            for one in requests:
                port.finish(one)
            return reserved == requests

        assert all(results(race([partial(call, client) for client in range(THREADS)])))

    def test_all_3_logs_no_secret(self, new_idempotency: NewIdempotency) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            port, one = new_idempotency(), _reservation(key=SECRET, holder=SECRET)
            port.begin(one, START)
            port.begin(_reservation(key=SECRET), START)
            port.finish(one)

    @long_run
    def test_idempotency_1_of_many_at_once_one_gets_its_own(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-1: all callers get the same one."""
        port = new_idempotency()
        for index in range(ROUNDS):
            requests = [_reservation(key=str(index)) for _ in range(THREADS)]

            reserved = results(race([partial(port.begin, one, START) for one in requests]))

            assert len(set(reserved)) == 1, "reserved twice"
            assert reserved[0] in requests

    @long_run
    def test_idempotency_3_of_many_at_once_one_takes_over(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-3."""
        port = new_idempotency()
        now = START + LEASE
        for index in range(ROUNDS):
            first = port.begin(_reservation(key=str(index)), START)
            requests = [_reservation(now, key=str(index)) for _ in range(THREADS)]

            reserved = results(race([partial(port.begin, one, now) for one in requests]))

            assert len(set(reserved)) == 1, "taken over twice"
            assert reserved[0].guid == first.guid
            assert reserved[0].holder in {one.holder for one in requests}
