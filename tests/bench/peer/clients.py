"""
Clients of one side, over HTTP, in a process of their own.

    python clients.py theirs|ours FOLDER PORT

Each line on the standard input is a number of transactions; the reply is one line of JSON:
the seconds that they took, and the seconds of CPU time that the clients needed.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import import_module
from pathlib import Path

from inside import counts

HOST = "127.0.0.1"
CLIENTS = 4
PATIENCE = 60


def sender(connection: http.client.HTTPConnection):
    def send(_: str, method: str, target: str, headers: dict[str, str], body: bytes):
        connection.request(method, target, body or None, headers)
        response = connection.getresponse()
        reply = response.read()
        assert response.status in {200, 201}, (method, target, response.status, reply)
        return json.loads(reply)

    return send


def main() -> None:
    side, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if side == "ours":
        # Each side has an environment of its own.
        client = import_module("ours").Ours(folder, f"http://{HOST}:{port}")
    else:
        theirs = import_module("theirs")
        client = theirs.Theirs(folder, first=theirs.AT_ONCE)

    def connected():
        return closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE))

    def work(users: list, count: int) -> None:
        with connected() as connection:
            send = sender(connection)
            for number in range(count):
                client.transact(send, users[number % len(users)])

    with connected() as connection:
        client.prepare(sender(connection))
    with ThreadPoolExecutor(CLIENTS) as pool:
        for count in counts():
            with connected() as connection:
                users = client.users(sender(connection), count)
            shares = [users[number::CLIENTS] for number in range(CLIENTS)]
            print("go", flush=True)
            begun, needed = time.perf_counter(), time.process_time()
            list(pool.map(work, shares, [count // CLIENTS] * CLIENTS))
            took = {
                "seconds": time.perf_counter() - begun,
                "client_cpu": time.process_time() - needed,
            }
            print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
