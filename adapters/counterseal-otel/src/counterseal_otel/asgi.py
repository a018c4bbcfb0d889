"""ASGI, traced: a middleware for `AsgiApplication`, or for the application that it is part of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from counterseal_otel.contexts import HEADERS, working_in
from counterseal_otel.instruments import Instruments
from counterseal_otel.requests import FindRoute, RequestSpan

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADER_NAMES = frozenset(header.encode() for header in HEADERS)


class TracedAsgi:
    """
    An ASGI application whose requests are HTTP server spans (ASGI 3.0).

    Args:
        app: The application behind it.
        instruments: What spans and measurements are made with.
        find_route: Finds the route of a request; see `routes`.
        continues: As `TracedWsgi` has it.
    """

    def __init__(
        self,
        app: AsgiApp,
        instruments: Instruments,
        find_route: FindRoute,
        *,
        continues: bool = False,
    ) -> None:
        self._app = app
        self._instruments = instruments
        self._find_route = find_route
        self._continues = continues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no request passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"].upper()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        received = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name.lower() in _HEADER_NAMES
        }
        request = RequestSpan(
            self._instruments,
            method=method,
            scheme=scope.get("scheme", "http"),
            route=self._find_route(method, path),
            headers=received,
            continues=self._continues,
        )

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                ids = [
                    value.decode("latin-1")
                    for name, value in message.get("headers", ())
                    if name.lower() == b"x-request-id"
                ]
                request.respond(message["status"], ids[0] if ids else None)
            await send(message)

        try:
            with working_in(request.span):
                await self._app(scope, receive, send_on)
        except BaseException as error:
            request.fail(error)
            raise
        finally:
            request.end()
