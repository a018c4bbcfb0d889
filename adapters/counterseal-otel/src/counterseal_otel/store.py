"""
The store, traced: each call is a database client span, and a measurement.

A call has a span only if it is part of a trace: workers look for due records several times a
second, and would fill a backend with traces of one span.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

import attrs
from opentelemetry.trace import Span, SpanKind, get_current_span

from counterseal.errors import Conflict
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    GaugeKey,
    Guid,
    Record,
)
from counterseal.ports import Due, Ports, Store
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


class TracedStore:
    """
    A store whose calls are spans of the trace in which they are made.

    It decides nothing: arguments, results and errors are those of the store behind it.

    Args:
        store: The store behind it.
        instruments: What spans and measurements are made with.
        database: As `trace_ports` has it.
    """

    def __init__(self, store: Store, instruments: Instruments, *, database: str) -> None:
        self._store = store
        self._instruments = instruments
        self._database = database

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Return the records of *guids*."""
        return self._trace("get", partial(self._store.get, *guids))

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """Return the record of *guid*, its account, and the records of *others*."""
        return self._trace("get_with_account", partial(self._store.get_with_account, guid, *others))

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Return the account that the App Space knows by *account_id*."""
        return self._trace("account", partial(self._store.account, app_space, account_id))

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """Return the accounts whose id begins with *prefix*."""
        return self._trace("search", partial(self._store.search, app_space, prefix, after, limit))

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Return all bindings of the account."""
        return self._trace("bindings", partial(self._store.bindings, account))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Return the account's unfinished challenges."""
        return self._trace("pending", partial(self._store.pending, account))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Return the tenancy records under *parent*."""
        return self._trace("list", partial(self._store.list, parent))

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """Return records of *kind* that are due."""
        return self._trace("due", partial(self._store.due, kind, before, limit, queue))

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Return the dead callbacks of *origin*."""
        return self._trace("dead", partial(self._store.dead, origin, limit))

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """Return how many records count in each gauge."""
        return self._trace("gauges", partial(self._store.gauges, app_spaces))

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes*; a Conflict is the status of the span and no failure.

        The core expects it and tries again.
        """
        self._trace("commit", partial(self._store.commit, changes, audit, operation), len(changes))

    def _trace(self, verb: str, call: Callable[[], R], changes: int = 1) -> R:
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
