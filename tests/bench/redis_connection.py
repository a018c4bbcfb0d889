"""
What the pinned connection saves, beside redis-py's own ways to send a command.

    python tests/bench/redis_connection.py

It prints the CPU time of the client, in microseconds, for a command as large as a commit, and for
one as large as a read of three records.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import redis
from redis_setup import REDIS, available, client_of, servers

from counterseal_redis import connection as connections
from counterseal_redis.connection import PinnedConnection, pack

Command: TypeAlias = tuple[Any, ...]
Send: TypeAlias = Callable[[Command], object]

ROUNDS = 15
CALLS = 400
BODY = b"x" * 600


def main() -> None:
    """Measure each way with each command, in random order, and print the medians."""
    with servers(1) as (server,), client_of(server) as client:
        sha = client.script_load("return 1")
        keys = [f"key {number}" for number in range(12)]
        arguments = [BODY if number % 3 == 0 else f"{number}" for number in range(23)]
        commands: dict[str, Command] = {
            "commit": ("EVALSHA", sha, len(keys), *keys, *arguments),
            "read": ("EVALSHA", sha, 3, *keys[:3], "1790000000000000"),
        }
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for name, send in random.sample(ways_of(client), k=len(ways_of(client))):
                for what, command in commands.items():
                    times[what, name].append(seconds_of(send, command))
    print(f"redis-py {redis.__version__}, {REDIS}")
    for (what, name), seconds in sorted(times.items()):
        print(f"{what:<8} {name:<40} {1e6 * statistics.median(seconds):6.1f} µs")


def ways_of(client: redis.Redis) -> Sequence[tuple[str, Send]]:
    """Return the ways to send a command, by name."""
    pinned = PinnedConnection(client, keep=True)
    unused = client.connection_pool.make_connection()

    def send_packed_by_redis_py(command: Command) -> object:
        connections.pack = lambda words: b"".join(unused.pack_command(*words))
        try:
            return pinned.pipeline([command])
        finally:
            connections.pack = pack

    def send_by_pipeline(command: Command) -> object:
        pipeline: Any = client.pipeline(transaction=False)
        pipeline.execute_command(*command)
        return pipeline.execute(raise_on_error=False)

    return [
        ("pinned connection", lambda command: pinned.pipeline([command])),
        ("pinned connection, packed by redis-py", send_packed_by_redis_py),
        ("redis-py's pipeline", send_by_pipeline),
        ("redis-py's execute_command", lambda command: client.execute_command(*command)),
    ]


def seconds_of(send: Send, command: Command) -> float:
    """Return the CPU time that the client needs for one call."""
    send(command)
    begin = time.thread_time()
    for _ in range(CALLS):
        send(command)
    return (time.thread_time() - begin) / CALLS


if __name__ == "__main__":
    if available():
        main()
    else:
        print(f"skipped: no {REDIS}")
