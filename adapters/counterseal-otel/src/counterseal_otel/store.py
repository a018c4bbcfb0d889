"""
The store, traced: each call is a database client span, and a measurement.

A call has a span only if it is part of a trace: workers look for due records several times a
second, and would fill a backend with traces of one span.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import attrs
from opentelemetry.trace import Span, SpanKind, get_current_span

from counterseal.errors import Conflict
from counterseal.models import AuditEvent, Change
from counterseal.observed_store import ObservedStore
from counterseal.ports import Ports, Store
from counterseal_otel.instruments import (
    DATABASE_BATCH,
    DATABASE_OPERATION,
    DATABASE_STATUS,
    DATABASE_SUMMARY,
    DATABASE_SYSTEM,
    ERROR,
    FAILED,
    Instruments,
    error_type,
)
from counterseal_otel.sender import TracedSender

R = TypeVar("R")


def trace_ports(ports: Ports, instruments: Instruments, *, database: str) -> Ports:
    """
    Return *ports* with a store and a sender of callbacks that are traced.

    Args:
        ports: The adapters.
        instruments: What spans and measurements are made with.
        database: The database behind the store, as `db.system.name` has it: `sqlite`,
            `postgresql` or `redis`, for example.
    """
    return attrs.evolve(
        ports,
        store=TracedStore(ports.store, instruments, database=database),
        sender=TracedSender(ports.sender, instruments),
    )


class TracedStore(ObservedStore):
    """
    A store whose calls are spans of the trace in which they are made.

    It decides nothing: arguments, results and errors are those of the store behind it.

    Args:
        store: The store behind it.
        instruments: What spans and measurements are made with.
        database: As `trace_ports` has it.
    """

    def __init__(self, store: Store, instruments: Instruments, *, database: str) -> None:
        super().__init__(store)
        self._instruments = instruments
        self._database = database

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes*; a Conflict is the status of the span and no failure.

        The core expects it and tries again.
        """
        self.observe("commit", partial(self._store.commit, changes, audit, operation), len(changes))

    def observe(self, verb: str, call: Callable[[], R], changes: int = 1) -> R:
        """Make a call of the store within a span, and measure it."""
        labels = {DATABASE_SYSTEM: self._database, DATABASE_OPERATION: verb}
        started = time.perf_counter()
        try:
            if not get_current_span().get_span_context().is_valid:
                return call()
            summary = f"{verb} records"
            attributes: dict[str, str | int] = {**labels, DATABASE_SUMMARY: summary}
            if changes > 1:
                attributes[DATABASE_BATCH] = changes
            with self._instruments.tracer.start_as_current_span(
                summary,
                kind=SpanKind.CLIENT,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                return _within(span, call)
        except Conflict:
            labels[DATABASE_STATUS] = Conflict.code
            raise
        except BaseException as error:
            labels[ERROR] = error_type(error)
            raise
        finally:
            self._instruments.store_seconds.record(time.perf_counter() - started, labels)


def _within(span: Span, call: Callable[[], R]) -> R:
    try:
        return call()
    except Conflict:
        span.set_attribute(DATABASE_STATUS, Conflict.code)
        raise
    except BaseException as error:
        span.set_attribute(ERROR, error_type(error))
        span.set_status(FAILED)
        raise
