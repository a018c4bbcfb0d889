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
import io
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

Spent = defaultdict[str, float]


def sender(app, spent: Spent):
    """Return what sends a call to *app*, and notes what that took."""

    def send(name: str, method: str, target: str, headers: dict[str, str], body: bytes):
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for header, text in headers.items():
            environ["HTTP_" + header.upper().replace("-", "_")] = text
        statuses: list[str] = []
        start = time.thread_time_ns()
        answer = app(environ, lambda status, *_: statuses.append(status))
        reply = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        spent[name] += (time.thread_time_ns() - start) / 1000
        assert statuses[0].startswith("20"), (method, target, statuses[0], reply)
        return json.loads(reply)

    return send


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
    from service import Service  # noqa: PLC0415 (only one side has it)

    from counterseal.models import Algorithm  # noqa: PLC0415

    service = Service.of(Algorithm.ES256, ports)

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
    """Return what makes so many transactions at side *name*."""
    if name == "theirs":
        import theirs_app  # noqa: PLC0415 (each side has an environment of its own)
        from theirs import Theirs  # noqa: PLC0415

        return over_wsgi(theirs_app.make(), Theirs(folder))
    import ours_app  # noqa: PLC0415

    if name == "ours":
        from ours import Ours  # noqa: PLC0415

        return over_wsgi(ours_app.make(folder), Ours(folder))
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
