"""
Records: the store at an address, and how to prepare, clean and close it.

The adapter of an address is imported when the address is opened: SQL needs no Redis package, and
Redis no SQL package.
Every method raises `Unavailable` if the store does not respond.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import attrs

from counterseal import Ports
from counterseal.errors import InvalidField
from counterseal.ports import Clock
from counterseal_records import Inventory
from counterseal_server.extras import lacking
from counterseal_server.records.redis_address import SCHEMES, RedisAddress, Topology, read_address


@attrs.frozen(kw_only=True)
class Schema:
    """
    How far a store has been upgraded.

    Attributes:
        present: The number of its last upgrade; None if it had none.
        newest: The number of the last upgrade of this release.
    """

    present: str | None
    newest: str

    @property
    def is_outdated(self) -> bool:
        """Tell whether `prepare` would upgrade it."""
        return self.present is None or (self.present != self.newest and not self.is_too_new)

    @property
    def is_too_new(self) -> bool:
        """Tell whether another release has upgraded it, which this one must not touch."""
        if self.present is None:
            return False
        return not self.present.isdecimal() or int(self.present) > int(self.newest)


class Records(Protocol):
    """The records at one address; its connections do not survive a fork."""

    @property
    def file(self) -> Path | None:
        """Return the file of a SQLite database; None for a server."""

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with the adapters that store something here."""

    def call(self) -> AbstractContextManager[None]:
        """
        Return the context of one call, in one thread; reply only after it has ended.

        Raises:
            Unavailable: At the end: what was written may be lost.
        """

    def create(self) -> None:
        """
        Create what this release needs; nothing need exist. Raises the errors of `prepare`.
        """

    def prepare(self) -> None:
        """
        Check the store, and migrate it to what this release needs.

        Raises:
            InvalidField: There is no file of that name.
            Misuse: This release cannot use the store.
        """

    def schema(self) -> Schema:
        """
        Return how far the store has been upgraded; nothing is written.

        Raises:
            InvalidField: There is no file of that name.
            Misuse: A server is not fit.
        """

    def server_times(self) -> tuple[datetime, ...]:
        """Return the time of each server, in UTC; none for a store without a server."""

    def probe(self, data: bytes, now: datetime) -> None:
        """
        Store *data* in place of what the last probe stored, as durably as a commit.

        Raises:
            StoreFull: There is no room for it.
        """

    def forget(self, before: datetime) -> int:
        """Delete records that ended before *before*; return how many."""

    def inventory(self, clock: Clock) -> Inventory:
        """Return the whole content, for checks and copies."""

    def close(self) -> None:
        """Close the connections."""


def opened(address: str | Path) -> Records:
    """
    Return the records at *address*.

    Args:
        address: A URL, see README.md, or the path of a SQLite database.

    Raises:
        InvalidField: A part of a Redis URL is invalid, or an extra is missing.
        UnfitUrl: The URL of a database is of an unknown kind.
        Unavailable: A cluster did not name its servers.
    """
    if isinstance(address, str) and address.partition("://")[0] in SCHEMES:
        return _in_redis(read_address(address))
    from counterseal_server.records.in_sql import SqlRecords  # noqa: PLC0415

    return SqlRecords(address)


def require_address(address: str) -> None:
    """
    Refuse an address that `opened` refuses; nothing is connected to.

    Args:
        address: A URL, see README.md.

    Raises:
        InvalidField: A part of a Redis URL is invalid, or an extra is missing.
        UnfitUrl: The URL of a database is of an unknown kind.
        UnfitPrefix: The prefix of a Redis URL is invalid.
    """
    if address.partition("://")[0] not in SCHEMES:
        opened(address).close()
        return
    parsed = read_address(address)
    # A cluster's client connects when it is created, a single server's when it is used.
    single = attrs.evolve(parsed, topology=Topology.SINGLE, hosts=parsed.hosts[:1])
    _in_redis(single).close()


def sqlite_file(address: str) -> Path | None:
    """Return the file of a SQLite database at *address*; None if it is of another kind."""
    if address.partition("://")[0] in SCHEMES:
        return None
    from counterseal_server.records.in_sql import file_of  # noqa: PLC0415

    file = file_of(address)
    return None if file is None else file.absolute()


def store_kind(address: str | Path | None) -> str:
    """Return the kind of the store at *address*, without anything secret; SQLite if it is None."""
    scheme = address.partition("://")[0] if isinstance(address, str) else "sqlite"
    if scheme in SCHEMES:
        return f"redis{SCHEMES[scheme][1].value}"
    return scheme.partition("+")[0]


def _in_redis(address: RedisAddress) -> Records:
    try:
        from counterseal_server.records.in_redis import RedisRecords  # noqa: PLC0415
    except ModuleNotFoundError as error:
        what = lacking(error)
        if what is None:
            raise
        raise InvalidField("store", what) from None
    return RedisRecords(address)
