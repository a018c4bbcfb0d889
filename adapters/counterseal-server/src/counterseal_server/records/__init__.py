"""
Records: where the service keeps them, by an address, and what has to be done there.

What an address needs is imported when it is opened: records in SQL need no Redis, and the reverse.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from counterseal import Ports
from counterseal.errors import InvalidField
from counterseal.ports import Clock
from counterseal_records import Inventory
from counterseal_server.extras import lacking
from counterseal_server.records.redis_address import SCHEMES, RedisAddress, read_address


class Records(Protocol):
    """Records at one address; connections that it makes do not survive a fork."""

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with those that store something, here."""

    def call(self) -> AbstractContextManager[None]:
        """
        Return what one call is made within, in one thread; what came of it is told after its end.

        Raises:
            Unavailable: At the end: what was written may be lost.
        """

    def create(self) -> None:
        """
        Make what this release needs, where nothing has to be there yet; errors as in `prepare`.
        """

    def prepare(self) -> None:
        """
        Look at what is there, and make it what this release needs.

        Raises:
            InvalidField: There is no file of that name.
            Misuse: It is not as it has to be.
            Unavailable: It did not answer.
        """

    def forget(self, before: datetime) -> int:
        """
        Drop what is over since *before*, and need not be kept; return how many.

        Raises:
            Unavailable: It did not answer.
        """

    def inventory(self, clock: Clock) -> Inventory:
        """Return all that is there, for checks and copies."""

    def close(self) -> None:
        """Close the connections."""


def opened(address: str | Path) -> Records:
    """
    Make ready to use the records at *address*.

    Args:
        address: As README.md has them, or the file of a SQLite database.

    Raises:
        InvalidField: An address of Redis has a part that does not fit, or needs an extra.
        UnfitUrl: One of a database is of another kind.
        Unavailable: A cluster did not say which servers it has.
    """
    if isinstance(address, str) and address.partition("://")[0] in SCHEMES:
        return _in_redis(read_address(address))
    from counterseal_server.records.in_sql import SqlRecords  # noqa: PLC0415

    return SqlRecords(address)


def _in_redis(address: RedisAddress) -> Records:
    try:
        from counterseal_server.records.in_redis import RedisRecords  # noqa: PLC0415
    except ModuleNotFoundError as error:
        what = lacking(error)
        if what is None:
            raise
        raise InvalidField("store", what) from None
    return RedisRecords(address)
