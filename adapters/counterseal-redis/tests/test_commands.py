"""The commands that are used: Redis 6.2 has all of them but one, and none scans the keys."""

import re
from importlib.resources import files
from pathlib import Path

from redis import ConnectionPool
from redis.connection import ConnectionInterface

import counterseal_redis

PACKAGE = Path(counterseal_redis.__file__).parent
COMMAND_IN_LUA = re.compile(r"redis\.call\(\s*'([A-Z]+)'")
COMMAND_IN_PYTHON = re.compile(r'\(\s*"([A-Z]{3,})"|"([A-Z]{4,})", (?:key|index|[0-9])')

SINCE_6_2 = {
    "DEL", "EXISTS", "GET", "GETRANGE", "HDEL", "HGET", "HINCRBY", "HMGET", "HSET", "MGET",
    "PEXPIRE", "PTTL", "SET", "TIME", "XADD", "XDEL", "XRANGE", "XTRIM", "ZADD",
    "ZRANGEBYLEX", "ZREM",
}  # fmt: skip
"""In scripts; none is newer than 6.2, on which the tests run too."""

FROM_PYTHON = {
    "DEL", "EVAL", "EVALSHA", "EXISTS", "GET", "HGET", "HGETALL", "HMGET", "MGET", "SET", "WAIT",
    "WAITAOF", "XADD", "XRANGE", "ZMSCORE", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREM",
    "ZREVRANGEBYLEX",
}  # fmt: skip
"""`WAITAOF` is of 7.2; `attach` refuses servers without it. `PUBLISH` is sent by redis-py."""


def test_scripts_use_the_listed_commands():
    scripts = list((files(counterseal_redis) / "lua").iterdir())
    commands = {name for script in scripts for name in COMMAND_IN_LUA.findall(script.read_text())}
    calls = sum(script.read_text().count("redis.call(") for script in scripts)

    assert commands == SINCE_6_2
    assert calls == sum(len(COMMAND_IN_LUA.findall(script.read_text())) for script in scripts)
    assert not any("pcall" in script.read_text() for script in scripts)


def test_python_sends_the_listed_commands():
    sources = [file.read_text() for file in PACKAGE.glob("*.py")]
    commands = {
        one or other for source in sources for one, other in COMMAND_IN_PYTHON.findall(source)
    }

    assert commands - {"LIMIT", "COUNT", "MINID"} == FROM_PYTHON


def test_clients_are_used_by_the_listed_methods():
    verbs = {
        verb
        for file in PACKAGE.glob("*.py")
        for verb in re.findall(r"client\.(\w+)\(", file.read_text())
    }

    assert verbs == {
        "execute_command",
        "get_connection_kwargs",
        "get_encoder",
        "get_node_from_key",
        "get_redis_connection",
        "info",
        "parse_response",
        "pipeline",
        "publish",
        "pubsub",
        "scan_iter",  # for the inventory, which no use case reads
        "time",  # for `counterseal doctor`
    }


def test_of_connections_only_their_interface_is_used():
    source = (PACKAGE / "connection.py").read_text()
    used = {kind: set(re.findall(rf"\b{kind}\.(\w+)", source)) for kind in ("pool", "connection")}
    used["pool"] |= set(re.findall(r"connection_pool\.(\w+)", source))

    assert used["pool"] == {"get_connection", "owns_connection", "release"}
    assert all(hasattr(ConnectionPool, name) for name in used["pool"])
    # `retry` is an attribute of every connection, but no method of the interface.
    assert all(hasattr(ConnectionInterface, name) for name in used["connection"] - {"retry"})
