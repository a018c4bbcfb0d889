"""
Faults between a use case and its ports: failures, lost replies, crashes, and other callers.

    faults = Faults()
    ports = faulty_ports(fake_ports(seed=1), faults)
    faults.lose_reply("store.commit")            # applied, and the reply is lost
    faults.fail("replay.first_seen")             # nothing happens
    faults.crash(skip=3)                         # the process dies before the fourth call
    faults.meanwhile(lambda: devices.revoke(guid), at="store.commit")

A fault waits for the call that it is set on, and happens once, or as often as `times` says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs

from counterseal.errors import Indeterminate, StoreUnavailable, Unavailable
from counterseal.ports import Ports

P = TypeVar("P")

NOT_CALLED = frozenset({"clock", "entropy", "callback_slots"})
"""Ports whose calls cannot fail: what they return is of this machine, or of this process."""


class Crash(BaseException):
    """The process died; no code of the process may notice, so it is not an `Exception`."""


@attrs.define(kw_only=True)
class Fault:
    """
    Something that happens at a port's call.

    Attributes:
        effect: What happens; it may raise.
        at: `port.verb`; empty for any.
        skip: How many such calls pass before it.
        times: How often it happens, at consecutive such calls.
        after: Whether the call is made first.
    """

    effect: Callable[[], object]
    at: str = ""
    skip: int = 0
    times: int = 1
    after: bool = False


class Faults:
    """
    Faults that are set, and the calls that were made.

    Attributes:
        calls: `port.verb` of each call so far.
        happened: How many faults happened so far.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.happened = 0
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set a fault on the calls to come."""
        self._waiting.append(fault)

    def fail(
        self,
        at: str = "store.commit",
        error: Unavailable | None = None,
        *,
        skip: int = 0,
        times: int = 1,
    ) -> None:
        """Let a call fail before anything happens."""
        effect = raising(error or StoreUnavailable())
        self.add(Fault(effect=effect, at=at, skip=skip, times=times))

    def lose_reply(
        self, at: str = "store.commit", *, applied: bool = True, skip: int = 0, times: int = 1
    ) -> None:
        """
        Let a call end as `Indeterminate`.

        Args:
            at: The call.
            applied: Whether it happened; the caller cannot tell.
            skip: How many such calls pass before it.
            times: How many replies are lost.
        """
        effect = raising(Indeterminate())
        self.add(Fault(effect=effect, at=at, skip=skip, times=times, after=applied))

    def crash(self, at: str = "", *, skip: int = 0, after: bool = False) -> None:
        """Let the process die at a call."""
        self.add(Fault(effect=raising(Crash()), at=at, skip=skip, after=after))

    def meanwhile(
        self,
        effect: Callable[[], object],
        *,
        at: str = "store.commit",
        skip: int = 0,
        after: bool = False,
    ) -> None:
        """Make another caller's call at a call, for example between load and commit."""
        self.add(Fault(effect=effect, at=at, skip=skip, after=after))

    def clear(self) -> None:
        """Forget the faults that did not happen."""
        self._waiting.clear()

    def before(self, call: str) -> None:
        """Let happen what is set before *call*."""
        self.calls.append(call)
        self._happen(call, after=False)

    def after(self, call: str) -> None:
        """Let happen what is set after *call*."""
        self._happen(call, after=True)

    def _happen(self, call: str, *, after: bool) -> None:
        for fault in self._due(call, after=after):
            fault.effect()

    def _due(self, call: str, *, after: bool) -> list[Fault]:
        due = []
        with self._lock:
            for fault in tuple(self._waiting):
                if fault.after is not after or fault.at not in {"", call}:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self.happened += 1
                due.append(fault)
                if not fault.times:
                    # Gone before it acts: what it does may call ports, too.
                    self._waiting.remove(fault)
        return due


def raising(error: BaseException) -> Callable[[], object]:
    """Return an act that raises *error*."""

    def effect() -> object:
        raise error

    return effect


def faulty(port: P, name: str, faults: Faults) -> P:
    """
    Return *port* with *faults* around each of its calls.

    Args:
        port: The adapter.
        name: What the faults call it.
        faults: What is to happen.
    """
    return cast("P", _Faulty(port, name, faults))


def faulty_ports(ports: Ports, faults: Faults) -> Ports:
    """Return *ports* with *faults* around every call that can fail."""
    names = [field.name for field in attrs.fields(Ports) if field.name not in NOT_CALLED]
    return attrs.evolve(
        ports, **{name: faulty(getattr(ports, name), name, faults) for name in names}
    )


class _Faulty:
    # One class for every port, since all of them are met in the same way: by their calls.

    def __init__(self, port: object, name: str, faults: Faults) -> None:
        self._port = port
        self._name = name
        self._faults = faults

    def __getattr__(self, verb: str) -> Any:
        member = getattr(self._port, verb)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            name_of_call = f"{self._name}.{verb}"
            self._faults.before(name_of_call)
            result = member(*args, **kwargs)
            self._faults.after(name_of_call)
            return result

        return call
