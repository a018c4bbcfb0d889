"""
The check of a store; several processes share it where the store is large.

Each process reads its share of the partitions over a connection of its own, and sends back what it
found. A process that ends before that is an error: what nobody has read is never consistent.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TypeAlias

import attrs

from counterseal.memory import SystemClock
from counterseal.ports import Clock
from counterseal_records import CheckResult, Inventory, check, merge_results
from counterseal_server.plainly import Failed, plainly
from counterseal_server.records import opened

SAMPLE = 8
"""Partitions that one process reads before it knows whether the store is large."""

LARGE = 50_000
"""Records that one process reads in the time in which others start, and read their share."""

MOST = 8
"""Processes unless more are asked for: one server of Redis or PostgreSQL keeps few of them busy."""

Address: TypeAlias = "str | Path"
Report: TypeAlias = Callable[[int, int], None]


class Readings:
    """
    How many partitions all shares have read, and will.

    Args:
        report: Called with both numbers after each reading.
        planned: How many partitions the shares have together.
    """

    def __init__(self, report: Report, planned: int) -> None:
        self._report = report
        self._planned = planned
        self._by_share: dict[int, tuple[int, int]] = {}

    def add(self, share: Sequence[int]) -> Report:
        """Return what takes the numbers of one more share; they are those of its `check`."""
        number = len(self._by_share)
        self._by_share[number] = (0, 0)

        def report(done: int, planned: int) -> None:
            self._by_share[number] = (done, planned - len(share))
            done, again = (sum(numbers) for numbers in zip(*self._by_share.values(), strict=True))
            self._report(done, self._planned + again)

        return report


@attrs.frozen
class _Child:
    """A process that checks a share, and the pipe with what it sends."""

    process: SpawnProcess
    messages: Connection
    report: Report


def check_store(
    inventory: Inventory,
    address: Address,
    clock: Clock,
    *,
    report: Report,
    partitions: Sequence[int],
    processes: int | None = None,
) -> CheckResult:
    """
    Check *partitions* of a store, which may be in use.

    The result is the same with any number of processes.

    Args:
        inventory: The inventory of the store.
        address: Where other processes find it.
        clock: The clock of the service.
        report: Called after each reading of a partition with the number of readings so far, and
            of all.
        partitions: Those to check, 0 to 255, each once.
        processes: How many share the work; None for as many as the machine has cores, at most
            `MOST`, if the store is large.

    Raises:
        Failed: A process could not read its share, or ended without a result.
        Unavailable: The store did not answer.
    """
    readings = Readings(report, len(partitions))
    sample = partitions[: SAMPLE if processes is None else 0]
    rest = partitions[len(sample) :]
    first = check(inventory, clock, readings.add(sample), sample)
    if processes is None:
        is_large = bool(sample) and first.records * len(partitions) // len(sample) >= LARGE
        processes = min(_cores(), MOST) if is_large else 1
    shares = split(rest, processes)
    if len(shares) > 1:
        others = check_in_processes(address, shares, readings)
    else:
        others = [check(inventory, clock, readings.add(rest), rest)]
    return merge_results([first, *others])


def split(partitions: Sequence[int], count: int) -> list[Sequence[int]]:
    """Split *partitions* into at most *count* shares, whose lengths differ by at most one."""
    count = min(count, len(partitions))
    bounds = [len(partitions) * number // count for number in range(count + 1)] if count else [0]
    return [partitions[begin:end] for begin, end in itertools.pairwise(bounds)]


def check_in_processes(
    address: Address, shares: Sequence[Sequence[int]], readings: Readings
) -> list[CheckResult]:
    """
    Check each of *shares* in a process of its own; all have ended when this returns or raises.

    Raises:
        Failed: A process could not read its share, or ended without a result.
    """
    # A fork would copy connections, and locks that threads hold.
    context = multiprocessing.get_context("spawn")
    children: list[_Child] = []
    try:
        # Ctrl-C signals every process of the terminal: only this one takes it, and ends the others.
        with _interrupts_blocked():
            for share in shares:
                messages, sender = context.Pipe(duplex=False)
                process = context.Process(target=_check_share, args=(address, share, sender))
                process.daemon = True
                process.start()
                # Only the child has it now: when the child ends, the pipe does.
                sender.close()
                children.append(_Child(process, messages, readings.add(share)))
        return _results_of(children)
    finally:
        for child in children:
            child.process.kill()
        for child in children:
            child.process.join()
            child.messages.close()


def _results_of(children: Sequence[_Child]) -> list[CheckResult]:
    unfinished = {child.messages: child for child in children}
    results: list[CheckResult] = []
    while unfinished:
        for messages in wait(list(unfinished)):
            assert isinstance(messages, Connection)  # noqa: S101 (one of those above)
            match _receive(messages):
                case CheckResult() as result:
                    results.append(result)
                    del unfinished[messages]
                case Failed() as failure:
                    raise failure
                case int() as done, int() as planned:
                    unfinished[messages].report(done, planned)
    return results


def _receive(messages: Connection) -> object:
    try:
        return messages.recv()
    except (EOFError, OSError):
        raise Failed(
            "store: a process of the check ended without a result, or was killed"
        ) from None


def _check_share(address: Address, partitions: Sequence[int], messages: Connection) -> None:
    """Check *partitions*, and send the progress, and then the result or the failure."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    clock = SystemClock()
    try:
        try:
            with plainly(), closing(opened(address)) as records:
                # How long the start took says nothing about the partitions.
                messages.send((0, len(partitions)))
                result = check(
                    records.inventory(clock),
                    clock,
                    lambda done, planned: messages.send((done, planned)),
                    partitions,
                )
        except Failed as failure:
            messages.send(failure)
        else:
            messages.send(result)
    except BrokenPipeError:
        pass  # the process that asked is gone


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, whatever this one waits for."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT; a process that is started meanwhile never takes it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores() -> int:
    # macOS does not tell which cores a process may use.
    affinity = getattr(os, "sched_getaffinity", None)
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))
