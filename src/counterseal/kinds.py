"""
The kinds of records, listed once: ports, stores, charts, invariants and the kit read this list.

An entry has the names of the class, the chart and the invariants of its kind. A name is imported
when it is first used, so a process without sessions loads neither their class nor their chart.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

import attrs

from counterseal.models.record import Record


@attrs.frozen(kw_only=True)
class KindEntry:
    """
    What belongs to one kind; a dotted name begins below `counterseal`.

    Attributes:
        record: The class of its records.
        stored_name: Its name in stored bodies, which never changes; None if it is the kind's own.
        due: Whether its records can be due, so that workers look for them.
        chart: The chart of their states; None if they have none.
        invariants: The function that yields violations of their invariants, besides those that
            every record has; None if they have none of their own.
    """

    record: str
    stored_name: str | None = None
    due: bool = False
    chart: str | None = None
    invariants: str | None = None


class RecordKind(enum.Enum):
    """A kind of records; its name in lower case is the one that charts and indexes have."""

    COMPANY = KindEntry(record="tenancy.records.Company")
    APP_SPACE = KindEntry(record="tenancy.records.AppSpace")
    ORIGIN = KindEntry(record="tenancy.records.Origin")
    ADMIN = KindEntry(record="tenancy.records.Admin")
    ACCOUNT = KindEntry(record="accounts.records.Account", invariants="invariants.of_accounts")
    BINDING = KindEntry(record="bindings.records.Binding", due=True, chart="bindings.chart.BINDING")
    LOGIN = KindEntry(record="accounts.records.Login", due=True, chart="accounts.chart.LOGIN")
    CHALLENGE = KindEntry(
        record="challenges.records.Challenge",
        due=True,
        chart="challenges.chart.CHALLENGE",
        invariants="invariants.of_challenges",
    )
    CALLBACK = KindEntry(
        record="outbox.records.Callback",
        due=True,
        chart="outbox.chart.CALLBACK",
        invariants="invariants.of_callbacks",
    )
    NOTIFICATION = KindEntry(
        record="outbox.records.Notification", due=True, chart="outbox.chart.NOTIFICATION"
    )
    ALIAS = KindEntry(record="accounts.records.Alias")
    REGISTRATION = KindEntry(
        record="ceremonies.records.PasskeyRegistration",
        stored_name="passkey_registration",
        due=True,
        chart="ceremonies.chart.REGISTRATION",
    )
    AUTHENTICATION = KindEntry(
        record="ceremonies.records.PasskeyAuthentication",
        stored_name="passkey_authentication",
        due=True,
        chart="ceremonies.chart.AUTHENTICATION",
    )
    LOGO = KindEntry(record="tenancy.records.Logo")
    SESSION = KindEntry(
        record="operators.records.Session", due=True, chart="operators.chart.SESSION"
    )
    ACCOUNT_EVENT = KindEntry(
        record="models.events.AccountEvent",
        due=True,
        chart="accounts.chart.ACCOUNT_EVENT",
        invariants="invariants.of_account_events",
    )
    EVENT_LOG = KindEntry(record="models.events.EventLog", invariants="invariants.of_event_logs")
    EVENT_STREAM = KindEntry(record="models.events.EventStream")
    LOGGED_EVENT = KindEntry(record="models.events.LoggedEvent")
    ACTION = KindEntry(
        record="approvals.records.ApprovedAction", due=True, chart="approvals.chart.ACTION"
    )
    USE = KindEntry(record="approvals.records.ActionUse", chart="approvals.chart.USE")

    @property
    def record_class(self) -> type[Record]:
        """The class of its records."""
        record_class: type[Record] = _load(self.value.record)
        return record_class

    @property
    def stored_name(self) -> str:
        """Its name in stored bodies."""
        return self.value.stored_name or self.name.lower()

    @property
    def due(self) -> bool:
        """Whether its records can be due."""
        return self.value.due

    @property
    def chart(self) -> Any:
        """The chart of its records' states; None if they have none."""
        return None if self.value.chart is None else _load(self.value.chart)

    @property
    def invariants(self) -> Callable[[Any], Iterator[Any]] | None:
        """What yields the violations of its invariants; None if it has none of its own."""
        return None if self.value.invariants is None else _load(self.value.invariants)


_BY_CLASS: Mapping[str, RecordKind] = MappingProxyType(
    {kind.value.record.rpartition(".")[2]: kind for kind in RecordKind}
)


def kind_of(record_class: type[Record]) -> RecordKind:
    """
    Return the kind of the records of a class.

    Raises:
        KeyError: They are not listed.
    """
    return _BY_CLASS[record_class.__name__]


@cache
def _load(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"counterseal.{module}"), attribute)
