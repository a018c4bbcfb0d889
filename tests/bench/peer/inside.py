"""
One side in-process, in its own environment: this thread calls it, and nobody else.

    python inside.py theirs|ours|sqlite|memory FOLDER

Each line on the standard input is a number of transactions; the reply is one line of JSON,
microseconds of this thread's CPU time for each call, by its name.

`theirs` and `ours` call a WSGI application; `sqlite` and `memory` call the use cases of the core,
with ports of that kind, as a program does that embeds it.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from wsgi import Spent, sender


def over_wsgi(app, client) -> Callable[[int], Spent]:
    """Return what makes whole transactions."""
    spent: Spent = defaultdict(float)
    send = sender(app, spent)
    client.prepare(send)

    def transact(count: int) -> Spent:
        users = client.users(send, count)
        spent.clear()
        for number in range(count):
            client.transact(send, users[number % len(users)])
        return spent

    return transact


def embedded(ports, call) -> Callable[[int], Spent]:
    """Return what puts a question and takes its answer, without HTTP; each within a *call*."""
    # Only one side has the core.
    algorithm = import_module("counterseal.models").Algorithm.ES256
    service = import_module("service").Service.of(algorithm, ports)

    def transact(count: int) -> Spent:
        spent: Spent = defaultdict(float)
        for name, operations in (
            ("create", service.issuing(count)),
            ("answer", service.answering(count)),
        ):
            for operation in operations:
                start = time.thread_time_ns()
                with call():
                    operation()
                spent[name] += (time.thread_time_ns() - start) / 1000
        return spent

    return transact


def side(name: str, folder: Path) -> Callable[[int], Spent]:
    """Return what makes so many transactions at side *name*; each has an environment of its own."""
    if name == "theirs":
        peer = import_module("theirs").Theirs(folder)
        return over_wsgi(import_module("theirs_app").make(), peer)
    ours_app = import_module("ours_app")
    if name == "ours":
        return over_wsgi(ours_app.make(folder), import_module("ours").Ours(folder))
    return embedded(*ours_app.ports(folder if name == "sqlite" else None))


def counts() -> Iterator[int]:
    """Say that all is ready, and read what is wanted."""
    print("ready", flush=True)
    for line in sys.stdin:
        yield int(line)


def main() -> None:
    transact = side(sys.argv[1], Path(sys.argv[2]))
    for count in counts():
        transact(2)  # another side has filled the caches meanwhile
        gc.collect()
        spent = transact(count)
        print(json.dumps({name: time / count for name, time in spent.items()}), flush=True)


if __name__ == "__main__":
    main()
