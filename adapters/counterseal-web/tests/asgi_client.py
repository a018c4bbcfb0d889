"""An ASGI application as a WSGI callable, so that one client of the tests serves every face."""

import asyncio
import queue
import sys
import threading
from http import HTTPStatus

PIECE = 65_536
PATIENCE = 240
"""Seconds after which a test that hangs fails."""


class EventLoop:
    """An event loop in a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._futures = set()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def start(self, coroutine):
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        # A stream that its test does not close is referred to by nothing else.
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def call(self, function):
        self._loop.call_soon_threadsafe(function)


_loops = []


def event_loop():
    """Return the one that all tests of this process share."""
    if not _loops:
        _loops.append(EventLoop())
    return _loops[0]


class Exchange:
    """One request to an ASGI application, and the pieces of its response, as WSGI has them."""

    def __init__(self, app, environ):
        self._environ = environ
        self._messages = queue.Queue()
        self._disconnected = asyncio.Event()
        self._received = False
        # Of a body whose length is not announced, the server says where it ends.
        unknown = sys.maxsize if environ.get("wsgi.input_terminated") else 0
        length = environ.get("CONTENT_LENGTH", "")
        self._remaining = int(length) if length.isdecimal() else unknown
        self._future = event_loop().start(app(scope_of(environ), self._receive, self._send))
        self._future.add_done_callback(lambda _: self._messages.put(None))

    def start(self):
        """Return status and headers; raises what the application raised before."""
        message = self._messages.get(timeout=PATIENCE)
        if message is None:
            self._future.result()
            raise ConnectionError("no response")
        status = HTTPStatus(message["status"])
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
        ]
        return f"{status.value} {status.phrase}", headers

    def __iter__(self):
        while (message := self._messages.get(timeout=PATIENCE)) is not None:
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self.close()
                return
        self._future.result()

    def close(self):
        event_loop().call(self._disconnected.set)
        self._future.exception(timeout=PATIENCE)

    async def _send(self, message):
        self._messages.put(message)

    async def _receive(self):
        if self._received:
            await self._disconnected.wait()
            return {"type": "http.disconnect"}
        body = self._environ["wsgi.input"].read(min(self._remaining, PIECE))
        self._remaining -= len(body)
        self._received = not body or not self._remaining
        return {"type": "http.request", "body": body, "more_body": not self._received}


def scope_of(environ):
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ],
        "client": None,
        "server": None,
        "state": {},
    }


def as_wsgi(app):
    """Return *app* as a WSGI callable."""

    def respond(environ, start_response):
        exchange = Exchange(app, environ)
        start_response(*exchange.start())
        return exchange

    return respond
