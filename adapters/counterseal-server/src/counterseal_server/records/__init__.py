"""
Records: the store at an address, and how to prepare, clean and close it.

The adapter of an address is imported when the address is opened: SQL needs no Redis package, and
Redis no SQL package.
Every method raises `Unavailable` if the store does not respond.
"""

from __future__ import annotations

from pathlib import Path

import attrs

import counterseal_server as server
from counterseal.errors import InvalidField
from counterseal_server.extras import lacking
from counterseal_server.records.records import Records
from counterseal_server.records.redis_address import SCHEMES, RedisAddress, Topology, read_address


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
    return server.SqlRecords(address)


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
    file = server.file_of(address)
    return None if file is None else file.absolute()


def store_kind(address: str | Path | None) -> str:
    """Return the kind of the store at *address*, without anything secret; SQLite if it is None."""
    scheme = address.partition("://")[0] if isinstance(address, str) else "sqlite"
    if scheme in SCHEMES:
        return f"redis{SCHEMES[scheme][1].value}"
    return scheme.partition("+")[0]


def _in_redis(address: RedisAddress) -> Records:
    try:
        return server.RedisRecords(address)
    except ModuleNotFoundError as error:
        what = lacking(error)
        if what is None:
            raise
        raise InvalidField("store", what) from None
