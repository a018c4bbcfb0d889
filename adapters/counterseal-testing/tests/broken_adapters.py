"""
Broken adapters show what the kit is worth: each breaks one clause, and its checks catch it.

A sound adapter, alike in all but the defect, passes the same checks.
A clause that no broken adapter breaks is not finished: each port's file asks for one.
"""

import copy
import time
from collections.abc import Callable
from datetime import timedelta

import attrs

from counterseal.errors import Conflict, StoreUnavailable
from counterseal_testing import contracts
from counterseal_testing.contracts.clauses import checks

NEVER = timedelta(minutes=5)
"""How long a call takes that is never to return."""

SOON = timedelta(seconds=0.5)
"""How long a broken adapter is waited for; a sound one has as long as the kit gives everybody."""

MISTAKES = (AttributeError, LookupError, NameError, TypeError)
"""What an adapter raises that does not have the port's methods; no check has caught it then."""


def slow():
    """
    Leave another thread time where a sound adapter would hold its lock.

    Only a broken adapter is slow, so that it loses a race that it can lose;
    no test and no sound adapter waits.
    """
    time.sleep(0.0002)


@attrs.frozen
class BrokenAdapter:
    """
    Factories of an adapter that breaks a clause, and of one that is alike and sound.

    Attributes:
        contract: Whose checks have to catch it.
    """

    clause: str
    contract: object
    broken: Callable
    sound: Callable

    def __str__(self):
        return f"{self.clause}-{self.broken.__name__}"

    @property
    def sound_id(self):
        return f"{self.clause}-{type(self.contract).__name__}-{self.sound.__name__}"

    def require_caught(self):
        contract = copy.copy(self.contract)
        contract.allowed_delay = SOON
        errors = self._report(contract, self.broken).failed_clauses.values()
        assert errors, "not caught"
        assert not any(isinstance(error, MISTAKES) for error in errors), "no adapter at all"

    def require_sound_passes(self):
        self._report(self.contract, self.sound).require_passed()

    def _report(self, contract, factory):
        report = contracts.run_checks(contract, factory, factory, clause=self.clause)
        assert not all(result.reason for result in report.results), "no check was run"
        return report


class BrokenAdapters:
    """
    The broken adapters of one port.

    Args:
        contract: The port's, as an instance.
        sound: A class, or a factory, of sound adapters.
        factory: Makes a factory of a class.
    """

    def __init__(self, contract, sound, factory=lambda kind: kind):
        self.contract = contract
        self.sound = sound
        self._factory = factory
        self._all = []

    @property
    def all(self):
        return tuple(self._all)

    def breaks(self, clause, *, contract=None, sound=None):
        """Add a class that breaks *clause*."""

        def add(kind):
            factory = self._factory(kind)
            factory.__name__ = kind.__name__
            sound_factory = self._factory(sound or self.sound)
            sound_factory.__name__ = getattr(sound or self.sound, "__name__", "sound")
            self._all.append(
                BrokenAdapter(clause, contract or self.contract, factory, sound_factory)
            )
            return kind

        return add

    def add_unavailable(self):
        """Add the adapters that break ALL-1: the connection is broken, and they do not say so."""
        for kind in (LetsALibrarysErrorOut, SaysNothing, ReportsAsConflict):
            adapter = BrokenAdapter("ALL-1", self.contract, kind, Down)
            self._all.append(adapter)

    def sound_ones(self):
        """Each sound adapter once for each clause and contract that a broken one breaks."""
        return list(
            {
                (one.clause, type(one.contract), one.sound.__name__): one for one in self._all
            }.values()
        )

    def require_every_clause(self, prefix, *others):
        """Demand a broken adapter and a check for each clause of a port, and for *others*."""
        numbers = {number for number in contracts.clauses() if number.startswith(f"{prefix}-")}
        assert numbers, "no such port"
        assert {one.clause for one in self._all} == numbers | set(others)
        assert numbers | set(others) <= {check.clause for check in checks(self.contract)}


class Down:
    """A port that does not answer, and says so as it should."""

    error = StoreUnavailable

    def __init__(self, *_):
        pass

    def __getattr__(self, verb):
        def call(*args, **kwargs):
            raise self.error

        return call


class LetsALibrarysErrorOut(Down):
    error = ConnectionResetError


class SaysNothing(Down):
    def __getattr__(self, verb):
        return lambda *args, **kwargs: None


class ReportsAsConflict(Down):
    error = Conflict
