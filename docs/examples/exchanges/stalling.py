"""A body that does not come: `counterseal serve` without its sockets, and a client that stops."""

import asyncio
import tempfile
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from exchanges.recorder import PUBLIC

from counterseal_server import web
from counterseal_server.configuration import settings
from counterseal_server.gateway import Gateway, Pools
from counterseal_server.metrics import Metrics
from counterseal_server.receiving import Receiving
from counterseal_server.runtime import Runtime
from counterseal_server.thread_pool import ThreadPool

REQUEST_ID = b"6f1d2c3b4a5968778695a4b3"
"""Without it, the service makes another one in each run."""

BEGUN = b'{"accountId": "user-42", "con'
LENGTH = 90


def stall(recorder):
    """Announce a body, send its first bytes, and no more."""
    headers = {"Content-Type": "application/json", "Content-Length": str(LENGTH)}
    line, got, reply = asyncio.run(_sent("POST", "/request/add", headers))
    recorder.keep(
        "The body did not come in time; the service sends this without looking who calls.",
        "POST",
        "/request/add",
        headers=headers,
        body=BEGUN,
        line=line,
        got=got,
        reply=reply,
    )


async def _sent(method, target, headers):
    """Return the reply's line, headers and body."""
    sent = []
    pieces = iter([{"type": "http.request", "body": BEGUN, "more_body": True}])

    async def receive():
        return next(pieces, None) or await asyncio.Future()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "raw_path": target.encode(),
        "query_string": b"",
        "headers": [
            (b"host", PUBLIC.partition("//")[2].encode()),
            (b"x-request-id", REQUEST_ID),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Runtime(settings({"data": folder}, {})) as runtime,
    ):
        app = web.ServerApplication(runtime, web.use_cases(runtime), Metrics())
        pools = Pools(ThreadPool("request", 1, 1), ThreadPool("refusal", 1, 1), {})
        # However long the deadline: nothing more comes.
        receiving = Receiving(8, timedelta(0), 1_000)
        refuse = partial(web.refuse, Metrics())
        await Gateway(app, receiving, pools, refuse)(scope, receive, send)
    begun, *rest = sent
    status = HTTPStatus(begun["status"])
    got = {name.decode().title(): value.decode() for name, value in begun["headers"]}
    return f"{status} {status.phrase.upper()}", got, b"".join(each["body"] for each in rest)
