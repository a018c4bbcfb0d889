"""What `serve` runs, behind a real socket, as a WSGI callable: one client serves every face."""

import asyncio
import http.client
import re
import socket
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

from asgi_client import PATIENCE, PIECE, event_loop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from reserved_ports import release_port, reserve_port

from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime
from counterseal_server.web import build_gateway

SERVERS_OWN = frozenset({"date", "server", "transfer-encoding", "x-request-id"})
"""Headers that no face writes, but the server around it."""

REQUEST_ID = re.compile(rb',"requestId":"[0-9a-f]{24}"')
"""What no face writes into a problem, but `serve`."""

PATH = "/:@!$&'()*+,;=-._~"
"""What may stand in a path as it is (RFC 3986, 3.3)."""


@cache
def runtime():
    """Return the settings of a new service, on its defaults; each test brings ports of its own."""
    folder = tempfile.TemporaryDirectory(prefix="counterseal-")
    opened = Runtime(settings({"data": Path(folder.name) / "data"}, {}))
    opened.folder = folder  # deleted with it
    return opened


def bodies_of(replies):
    """Return the bodies of replies, each once, without the ids of their requests."""
    return {REQUEST_ID.sub(b"", reply.data) for reply in replies}


def headers_of(reply):
    """Return the headers that a face writes, sorted."""
    return tuple(sorted(pair for pair in reply.headers if pair[0].lower() not in SERVERS_OWN))


_servers = []


def stop_later(server):
    """Let `stop_servers` close *server*."""
    _servers.append(server)


def stop_servers():
    """Close what has been started, the last one first."""
    while _servers:
        _servers.pop().close()


class ServedService:
    """A service in the server that `serve` starts, in this process; it is a WSGI callable."""

    def __init__(self, service):
        self._service = service
        self._connections = []
        self.port = reserve_port()
        gateway = build_gateway(runtime(), service, Metrics(), lambda: None)
        self._server, self._future = event_loop().start(self._start(gateway)).result(PATIENCE)
        stop_later(self)
        self._await_port()

    async def _start(self, gateway):
        server = Server(
            gateway,
            address="127.0.0.1",
            port=self.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            backpressure=runtime().settings.connections,
            log_enabled=False,
            websockets=False,
        )
        return server, asyncio.ensure_future(server.serve())

    def _await_port(self):
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except ConnectionRefusedError:
                time.sleep(0.002)
            else:
                return

    def close(self):
        """Stop the server, and end what waits."""
        self._service.close()
        for connection in self._connections:
            connection.close()
        event_loop().start(self._stop()).result(PATIENCE)
        release_port(self.port)

    async def _stop(self):
        self._server.stop()
        await self._future

    def __call__(self, environ, start_response):
        connection = Connection("127.0.0.1", self.port, timeout=PATIENCE)
        exchange = Exchange(connection)
        self._connections.append(exchange)
        exchange.send(environ)
        start_response(*exchange.start())
        return exchange


class Connection(http.client.HTTPConnection):
    """A connection that sends the request's address byte for byte, also what is not ASCII."""

    def _encode_request(self, request):
        return request.encode("latin-1")


class Exchange:
    """One request over a connection of its own, and the pieces of its response."""

    def __init__(self, connection):
        self._connection = connection
        self._response = None

    def send(self, environ):
        query = environ.get("QUERY_STRING", "")
        target = quote(environ["PATH_INFO"].encode("latin-1"), safe=PATH)
        self._connection.putrequest(
            environ["REQUEST_METHOD"],
            f"{target}?{query}" if query else target,
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in environ.items():
            if name.startswith("HTTP_") or (name in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value):
                header = name.removeprefix("HTTP_").replace("_", "-")
                self._connection.putheader(header, value.encode("latin-1"))
        # A body that is refused unread may end the connection while it is written.
        with suppress(OSError):
            self._connection.endheaders()
            size = 0
            for piece in pieces_of(environ):
                self._connection.send(piece)
                size += len(piece)
            announced = environ.get("CONTENT_LENGTH", "").lstrip("0") or "0"
            if announced != str(size) and "HTTP_TRANSFER_ENCODING" not in environ:
                # This is all that comes, so the server need not wait for the rest.
                self._connection.sock.shutdown(socket.SHUT_WR)

    def start(self):
        """Return status and headers."""
        self._response = self._connection.getresponse()
        headers = [
            (name, value)
            for name, value in self._response.getheaders()
            if name.lower() not in SERVERS_OWN
        ]
        return f"{self._response.status} {self._response.reason}", headers

    def __iter__(self):
        while piece := self._response.read1(PIECE):
            yield piece
        self.close()

    def close(self):
        if self._response is not None:
            self._response.close()
        self._connection.close()


def pieces_of(environ):
    """Return the body, as the request's headers say that it comes."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        while piece := environ["wsgi.input"].read(PIECE):
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"
        return
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal():
        # A socket that stays open has no end.
        yield environ["wsgi.input"].read(min(int(length), sys.maxsize))
    elif length:
        yield environ["wsgi.input"].read()
