"""
URLs of Redis in the form of its clients, with settings of ours in the query.

    redis://USER:PASSWORD@HOST:6379/0
    redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/SERVICE/0
    redis+cluster://USER:PASSWORD@HOST:6379,HOST:6379

`rediss` in place of `redis` is TLS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import attrs

from counterseal.errors import InvalidField

FIELD = "store"


class Topology(Enum):
    """Whether there is one server, sentinels, or a cluster."""

    SINGLE = ""
    SENTINEL = "+sentinel"
    CLUSTER = "+cluster"


SCHEMES = {
    f"{name}{topology.value}": (tls, topology)
    for name, tls in (("redis", False), ("rediss", True))
    for topology in Topology
}
"""Whether TLS is used."""

PORTS = {Topology.SINGLE: 6379, Topology.SENTINEL: 26_379, Topology.CLUSTER: 6379}
LEVELS = ("none", "fsync", "replicated")
LAST_PORT = 65_535

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@attrs.frozen(kw_only=True)
class RedisAddress:
    """
    A parsed URL of Redis.

    Attributes:
        hosts: Servers, sentinels, or some of a cluster's servers.
        username: None for the default user.
        service: The name of the primary at the sentinels; empty without them.
        database: Its number.
        durability: One of `LEVELS`.
        replicas: With `replicated`, how many replicas must have a write.
        patience: How long a write may take to reach the durability.
        socket_timeout: Seconds after which a reply counts as lost.
        socket_connect_timeout: Seconds that connecting may take.
        retries: How often redis-py repeats a call.
        ssl: Options of redis-py for TLS, by name.
    """

    topology: Topology
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    service: str = ""
    database: int = 0
    prefix: str = "cs"
    durability: str = LEVELS[0]
    replicas: int = 1
    patience: timedelta = timedelta(seconds=2)
    socket_timeout: float = 5.0
    socket_connect_timeout: float = 5.0
    retries: int = 2
    sentinel_username: str | None = None
    sentinel_password: str | None = attrs.field(default=None, repr=False)
    ssl: Mapping[str, str | bool] = attrs.field(factory=dict)


def read_address(text: str) -> RedisAddress:
    """
    Parse a URL.

    Raises:
        InvalidField: A part of it is invalid; the error names the part, but contains none of it.
    """
    try:
        parts = urlsplit(text)
        tls, topology = SCHEMES[parts.scheme]
    except (ValueError, KeyError):
        raise InvalidField(FIELD, "not an address of Redis") from None
    if "@" in f"{parts.path}{parts.fragment}" or parts.fragment:
        raise InvalidField(FIELD, "a character of the user or password is not percent-encoded")
    who, _, where = parts.netloc.rpartition("@")
    username, _, password = who.partition(":")
    address = RedisAddress(
        topology=topology,
        tls=tls,
        hosts=_hosts(where, topology),
        username=unquote(username) or None,
        password=unquote(password) or None,
        **_path(parts, topology),
        **_query(parts),
    )
    _demand_sound(address)
    return address


def _hosts(where: str, topology: Topology) -> tuple[tuple[str, int], ...]:
    matches = [_HOST.fullmatch(one) for one in where.split(",")]
    hosts = tuple(
        (match[1] or match[2], int(match[3] or PORTS[topology])) for match in matches if match
    )
    if len(hosts) != len(matches) or any(not 0 < port <= LAST_PORT for _, port in hosts):
        raise InvalidField(FIELD, "not HOST:PORT, after the user and password")
    if topology is Topology.SINGLE and len(hosts) > 1:
        raise InvalidField(FIELD, "several hosts need +sentinel or +cluster")
    return hosts


def _path(parts: SplitResult, topology: Topology) -> dict[str, Any]:
    words = [unquote(word) for word in parts.path.split("/")[1:] if word]
    service = words.pop(0) if topology is Topology.SENTINEL and words else ""
    if topology is Topology.SENTINEL and not service:
        raise InvalidField(FIELD, "no /SERVICE, the name that the sentinels know")
    database = words.pop(0) if words else "0"
    if words or not (database.isascii() and database.isdigit()):
        raise InvalidField(FIELD, "the path is not the number of a database")
    if topology is Topology.CLUSTER and int(database):
        raise InvalidField(FIELD, "a cluster has one database, 0")
    return {"service": service, "database": int(database)}


def _query(parts: SplitResult) -> dict[str, Any]:
    address: dict[str, Any] = {}
    tls: dict[str, str | bool] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name in address or name in tls:
            raise InvalidField(f"{FIELD}: {name}", "twice")
        if name in OF_TLS:
            tls[name] = OF_TLS[name](text, name)
        elif name in OPTIONS:
            address[name] = OPTIONS[name](text, name)
        else:
            # Without its name: if a password contains a question mark, the name is part of it.
            raise InvalidField(FIELD, "an unknown parameter in the query")
    return address | {"ssl": tls}


def _demand_sound(address: RedisAddress) -> None:
    if address.durability not in LEVELS:
        raise InvalidField(f"{FIELD}: durability", f"not one of {', '.join(LEVELS)}")
    if address.patience.total_seconds() >= address.socket_timeout:
        raise InvalidField(f"{FIELD}: patience", "not shorter than socket_timeout")
    if address.ssl and not address.tls:
        raise InvalidField(f"{FIELD}: {next(iter(address.ssl))}", "only with rediss")
    if address.topology is not Topology.SENTINEL and address.sentinel_password is not None:
        raise InvalidField(f"{FIELD}: sentinel_password", "only with +sentinel")


def _text(text: str, name: str) -> str:
    if not text:
        raise InvalidField(f"{FIELD}: {name}", "empty")
    return text


def _parse_integer(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise InvalidField(f"{FIELD}: {name}", "not a whole number")
    return int(text)


def _one_or_more(text: str, name: str) -> int:
    number = _parse_integer(text, name)
    if not number:
        raise InvalidField(f"{FIELD}: {name}", "not 1 or more")
    return number


def _seconds(text: str, name: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not float(text):
        raise InvalidField(f"{FIELD}: {name}", "not a number of seconds")
    return float(text)


def _patience(text: str, name: str) -> timedelta:
    return timedelta(seconds=_seconds(text, name))


def _flag(text: str, name: str) -> bool:
    if text.lower() not in _FLAGS:
        raise InvalidField(f"{FIELD}: {name}", "neither true nor false")
    return _FLAGS[text.lower()]


OPTIONS: Mapping[str, Callable[[str, str], Any]] = {
    "prefix": _text,
    "durability": _text,
    "replicas": _one_or_more,
    "patience": _patience,
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "retries": _parse_integer,
    "sentinel_username": _text,
    "sentinel_password": _text,
}
OF_TLS: Mapping[str, Callable[[str, str], str | bool]] = {
    "ssl_ca_certs": _text,
    "ssl_certfile": _text,
    "ssl_keyfile": _text,
    "ssl_check_hostname": _flag,
}
"""The options by their names in redis-py; a certificate is always verified."""
