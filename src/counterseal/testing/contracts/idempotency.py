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
from counterseal.testing.clock import START
from counterseal.testing.contracts.leaving import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    without_broken,
)
from counterseal.testing.contracts.race import race, results
from counterseal.testing.contracts.specimens import Specimens

NewIdempotency: TypeAlias = Callable[[], Idempotency]
"""Makes an adapter that holds no reservation."""

CALLERS = 8
ROUNDS = 30
LEASE = timedelta(seconds=30)
LIFE = timedelta(days=1)
INSTANT = timedelta(microseconds=1)

_made = Specimens(seed=1)
_scope = (KeyScope.ISSUE, _made.guid())


def _reservation(now: datetime = START, **changes: Any) -> Reservation:
    guid = _made.guid()
    wanted: dict[str, Any] = {
        "scope": _scope,
        "key": "key",
        "fingerprint": "payload",
        "guid": guid,
        "holder": f"holder of {guid}",
        "lease_until": now + LEASE,
        "until": now + LIFE,
    }
    return Reservation(**wanted | changes)


class IdempotencyContract:
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

    def test_idempotency_1_of_many_at_once_one_gets_its_own(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-1: which one, all are told alike."""
        port = new_idempotency()
        for turn in range(ROUNDS):
            wanted = [_reservation(key=str(turn)) for _ in range(CALLERS)]

            found = results(race([partial(port.begin, one, START) for one in wanted]))

            assert len(set(found)) == 1, "reserved twice"
            assert found[0] in wanted

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
        taken = attrs.evolve(second, guid=first.guid)

        assert port.begin(second, now) == taken
        assert port.begin(third, now) == taken

    def test_idempotency_3_of_many_at_once_one_takes_over(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-3."""
        port = new_idempotency()
        now = START + LEASE
        for turn in range(ROUNDS):
            first = port.begin(_reservation(key=str(turn)), START)
            wanted = [_reservation(now, key=str(turn)) for _ in range(CALLERS)]

            found = results(race([partial(port.begin, one, now) for one in wanted]))

            assert len(set(found)) == 1, "taken over twice"
            assert found[0].guid == first.guid
            assert found[0].holder in {one.holder for one in wanted}

    def test_idempotency_4_what_has_ended_counts_as_none(
        self, new_idempotency: NewIdempotency
    ) -> None:
        """IDEMPOTENCY-4: finished or not, and with whatever payload."""
        port = new_idempotency()
        for turn, finished in enumerate([True, False]):
            first = port.begin(_reservation(key=str(turn)), START)
            if finished:
                port.finish(first)
            later = _reservation(START + LIFE, key=str(turn), fingerprint="other")

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
        others = ((KeyScope.ISSUE, _made.guid()), (KeyScope.INVITE, _scope[1]))
        keys = ["key", "Key", "key ", "ke", "key\x00", "kë", "ke\u0308", ""]
        wanted = [_reservation(scope=scope, key=key) for scope in (_scope, *others) for key in keys]

        assert [port.begin(one, START) for one in wanted] == wanted
        assert [port.begin(one, START) for one in wanted] == wanted

    def test_all_1_only_unavailable_leaves(self, broken_idempotency: NewIdempotency | None) -> None:
        """ALL-1."""
        if broken_idempotency is None:
            without_broken()
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

        def act(caller: int) -> bool:
            wanted = [_reservation(key=f"{caller} {number}") for number in range(30)]
            found = [port.begin(one, START) for one in wanted]
            for one in wanted:
                port.finish(one)
            return found == wanted

        assert all(results(race([partial(act, caller) for caller in range(CALLERS)])))

    def test_all_3_logs_no_secret(self, new_idempotency: NewIdempotency) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            port, one = new_idempotency(), _reservation(key=SECRET, holder=SECRET)
            port.begin(one, START)
            port.begin(_reservation(key=SECRET), START)
            port.finish(one)
