"""
The server on HTTP: by streamable HTTP, for those who present the bearer token.

Without a token it listens on loopback only. `Host` has to name the address that it listens at, or
one of the settings, so that no page of a browser reaches it by a name of its own (DNS rebinding).
Only browsers send an `Origin`: on loopback it has to name that address too, elsewhere it is refused
(MCP 2025-11-25, Transports, Security Warning). TLS is a reverse proxy's.
A client that sends no whole request in time is not waited for: see `http_connection`.
"""

from __future__ import annotations

import hmac
import re
import socket
from ipaddress import ip_address
from typing import Any

import attrs
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from counterseal.errors import InvalidField
from counterseal_mcp.http_connection import HttpConnection
from counterseal_mcp.settings import Settings
from counterseal_mcp.tool_arguments import SIZE_LIMIT

PATH = "/mcp"
BODY_LIMIT = 2 * SIZE_LIMIT
"""Bytes of a request's body: the arguments of a call, as a client may write them."""

CONCURRENCY = 256
"""Connections and calls at once; others are answered with 503 while calls take all places."""

LAST_PORT = 65_535

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})")
_LOCALHOST = frozenset({"127.0.0.1", "::1"})
"""The addresses that `localhost` names (RFC 6761, 6.3)."""

_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared, not bound)


@attrs.frozen(kw_only=True)
class HttpAddress:
    """Where the server listens; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> HttpAddress:
        """
        Read `HOST:PORT`, such as 127.0.0.1:8791 or [::1]:8791.

        Raises:
            InvalidField: *text* is something else; a name is, too.
        """
        match = _ADDRESS.fullmatch(text)
        host = None if match is None else _ip_address(match["v6"] or match["v4"])
        port = 0 if match is None else int(match["port"])
        if host is None or port > LAST_PORT:
            raise InvalidField("http", "not an address like 127.0.0.1:8791 or [::1]:8791")
        return cls(host=host, port=port)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        return ip_address(self.host).is_loopback

    @property
    def text(self) -> str:
        """The address as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """What names it in `Host`, with the port."""
        return (self.text, f"localhost:{self.port}") if self.host in _LOCALHOST else (self.text,)

    def require_protected(self, settings: Settings) -> None:
        """
        Refuse settings that would serve strangers.

        Raises:
            InvalidField: There is no token, and not only this machine would be served; `hosts` is
                missing; or people would be invited.
        """
        if settings.token is None and not self.is_loopback:
            raise InvalidField("token_file", "missing: without it, only loopback is served")
        if self.host in _WILDCARDS and not settings.hosts:
            raise InvalidField("hosts", "missing: the names by which this machine is reached")
        if settings.invite:
            raise InvalidField("invite", "over HTTP, nobody knows who is at the client")

    def listen(self) -> tuple[socket.socket, HttpAddress]:
        """
        Listen; return the socket, and the address with the port that it has.

        Raises:
            InvalidField: The address cannot be had.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            raise InvalidField("http", f"cannot listen at {self.text}: {error.strerror}") from None
        return listener, attrs.evolve(self, port=listener.getsockname()[1])


def _ip_address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


class BearerToken:
    """
    Lets an application serve those only who present a token.

    Args:
        application: What is served.
        token: The token; None lets everybody pass.
    """

    def __init__(self, application: ASGIApp, token: str | None) -> None:
        self._application = application
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer it with 401."""
        if scope["type"] != "lifespan" and not self._is_authorized(scope):
            response = JSONResponse(
                {"error": "invalid_token"}, 401, headers={"WWW-Authenticate": "Bearer"}
            )
            await response(scope, receive, send)
            return
        await self._application(scope, receive, send)

    def _is_authorized(self, scope: Scope) -> bool:
        if self._token is None:
            return True
        fields = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(fields) != 1:
            return False
        scheme, _, token = fields[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token, self._token)


class PostOnly:
    """
    Lets an application serve POST, and refuses other methods.

    A GET would open a stream of messages of a session. None is stored, so nothing would be sent on
    it, and it would take a place for as long as the client wants.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer it with 405."""
        if scope["type"] == "http" and scope["method"] != "POST":
            response = JSONResponse({"error": "method_not_allowed"}, 405, headers={"Allow": "POST"})
            await response(scope, receive, send)
            return
        await self._application(scope, receive, send)


def create_application(server: Server[Any], settings: Settings, address: HttpAddress) -> ASGIApp:
    """
    Return the ASGI application of *server*, which listens at *address*.

    No session is stored: each request stands for itself.
    """
    origins = [f"http://{name}" for name in address.names] if address.is_loopback else []
    application = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=BODY_LIMIT,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[*address.names, *settings.hosts], allowed_origins=origins
        ),
    )
    return BearerToken(PostOnly(application), settings.token)


def http_server(server: Server[Any], settings: Settings, address: HttpAddress) -> uvicorn.Server:
    """Return what serves *server* on sockets that it is given; it logs no request."""
    return uvicorn.Server(
        uvicorn.Config(
            create_application(server, settings, address),
            access_log=False,
            http=HttpConnection,
            limit_concurrency=CONCURRENCY,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            ws="none",
        )
    )
