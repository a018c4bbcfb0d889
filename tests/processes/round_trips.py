"""
How many round trips a call takes to a database, by the port that sends them, and with what.

`test_trips.py` of counterseal-sql and counterseal-redis fail when one of them moves.
"""

ROUND_TRIPS = {
    "invite": {"store": 2, "counters": 1},
    "bind": {"store": 2},
    "authenticate an origin": {"store": 2},
    "ask": {"store": 2, "counters": 1},
    "ask, with a key": {"store": 2, "counters": 1, "idempotency": 2},
    "authenticate an origin again, and ask": {"store": 3, "counters": 1},
    "list requests": {"store": 2, "replay": 1},
    "read a request": {"store": 2, "replay": 1},
    "answer": {"store": 2, "replay": 1},
    "read the status of a request": {"store": 1},
    "authenticate an origin again, and read the status": {"store": 2},
    "list dead callbacks": {"store": 2},
    "search accounts": {"store": 2},
    "read gauges": {"store": 1},
}
"""The same for every database: at most one trip for each call of a port."""

STATEMENTS = {
    "sqlite": {"invite": 8, "bind": 9, "ask": 9, "answer": 10},
    "redis": {"read gauges": 256},  # a command for each partition
    "durable": {
        "invite": 5,
        "bind": 4,
        "authenticate an origin": 4,
        "ask": 5,
        "authenticate an origin again, and ask": 7,
        "list requests": 5,
        "read a request": 6,
        "answer": 6,
        "read the status of a request": 2,
        "authenticate an origin again, and read the status": 4,
    },
}
"""
How many statements or commands are sent in these trips, where it is not one in each.

In SQLite a transaction has several statements; durable Redis confirms what was written or read.
"""

ON_REDIS = {
    "look for what is due, where nothing is": {"store": 8},
    "look for what is due in two partitions": {"store": 9},
    "look for more of one partition than its share": {"store": 10},
    "find dead callbacks": {"store": 1},
    "search for what is not there": {"store": 1},
    "search": {"store": 2},
    "search for more of one partition than its share": {"store": 3},
    "list companies": {"store": 2},
    "list what is in an App Space": {"store": 1},
}
"""What reads several partitions, by methods of the store."""


def statements_of(name: str, database: str) -> int:
    """Return how many statements or commands the call *name* sends to *database*."""
    return STATEMENTS.get(database, {}).get(name, sum(ROUND_TRIPS[name].values()))
