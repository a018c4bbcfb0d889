"""The commands that are used: but one, none that Redis 6.2 lacks, and none that look around."""

import re
from importlib.resources import files
from pathlib import Path

from redis import ConnectionPool
from redis.connection import ConnectionInterface

import counterseal_redis

ROOM = Path(counterseal_redis.__file__).parent
CALLED = re.compile(r"redis\.call\(\s*'([A-Z]+)'")
SENT = re.compile(r'\(\s*"([A-Z]{3,})"|"([A-Z]{4,})", (?:key|index|[0-9])')

SINCE_6_2 = {
    "DEL", "EXISTS", "GET", "GETRANGE", "HGET", "HMGET", "HSET", "MGET", "PEXPIRE", "PTTL", "SET",
    "TIME", "XADD", "ZADD", "ZRANGEBYLEX", "ZREM",
}  # fmt: skip
"""In scripts; all of them are older than 6.2, which is what the tests run on."""

FROM_PYTHON = {
    "EVAL", "EVALSHA", "EXISTS", "GET", "MGET", "WAIT", "WAITAOF", "XADD", "XRANGE", "XTRIM",
    "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZREM",
}  # fmt: skip
"""`WAITAOF` is of 7.2, and refused where it is missing; `PUBLISH` is redis-py's verb."""


def test_scripts_call_what_is_listed():
    scripts = list((files(counterseal_redis) / "lua").iterdir())
    called = {name for script in scripts for name in CALLED.findall(script.read_text())}
    calls = sum(script.read_text().count("redis.call(") for script in scripts)

    assert called == SINCE_6_2
    assert calls == sum(len(CALLED.findall(script.read_text())) for script in scripts)
    assert not any("pcall" in script.read_text() for script in scripts)


def test_python_sends_what_is_listed():
    sources = [file.read_text() for file in ROOM.glob("*.py")]
    sent = {one or other for source in sources for one, other in SENT.findall(source)}

    assert sent - {"LIMIT", "COUNT", "MINID"} == FROM_PYTHON


def test_nothing_else_of_redis_py_is_used():
    verbs = {
        verb
        for file in ROOM.glob("*.py")
        for verb in re.findall(r"client\.(\w+)\(", file.read_text())
    }

    assert verbs == {
        "execute_command",
        "get_encoder",
        "get_node_from_key",
        "get_redis_connection",
        "info",
        "parse_response",
        "pipeline",
        "publish",
        "pubsub",
        "scan_iter",  # for the inventory, which no use case makes
    }


def test_of_connections_only_what_every_one_of_redis_py_has():
    source = (ROOM / "lines.py").read_text()
    used = {kind: set(re.findall(rf"\b{kind}\.(\w+)", source)) for kind in ("pool", "connection")}
    used["pool"] |= set(re.findall(r"connection_pool\.(\w+)", source))

    assert used["pool"] == {"get_connection", "owns_connection", "release"}
    assert all(hasattr(ConnectionPool, name) for name in used["pool"])
    # `retry` is an attribute of each, and no method of the interface.
    assert all(hasattr(ConnectionInterface, name) for name in used["connection"] - {"retry"})
