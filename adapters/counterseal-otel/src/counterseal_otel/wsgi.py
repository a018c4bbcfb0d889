"""WSGI, traced: a middleware for `WsgiApplication`, or for the application that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from counterseal_otel.contexts import HEADERS, working_in
from counterseal_otel.instruments import Instruments
from counterseal_otel.requests import FindRoute, RequestSpan

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_VARIABLES = {header: f"HTTP_{header.upper()}" for header in HEADERS}


class TracedWsgi:
    """
    A WSGI application whose requests are HTTP server spans (PEP 3333).

    Args:
        app: The application behind it.
        instruments: What spans and measurements are made with.
        find_route: Finds the route of a request; see `routes`.
        continues: Whether a caller's trace is continued. Set it only if nobody but programs of
            your own can send `traceparent`: a proxy removes it from other requests. Otherwise
            each request begins a trace, with a link to the caller's span.
        seconds_before: Returns how many seconds ago a request began, if the server knows.
    """

    def __init__(
        self,
        app: WSGIApplication,
        instruments: Instruments,
        find_route: FindRoute,
        *,
        continues: bool = False,
        seconds_before: Callable[[WSGIEnvironment], float] = lambda _: 0.0,
    ) -> None:
        self._app = app
        self._instruments = instruments
        self._find_route = find_route
        self._continues = continues
        self._seconds_before = seconds_before

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; the span of a stream ends when the server closes it."""
        method = environ["REQUEST_METHOD"].upper()
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        request = RequestSpan(
            self._instruments,
            method=method,
            scheme=environ["wsgi.url_scheme"],
            route=self._find_route(method, path),
            headers={
                header: environ[name] for header, name in _VARIABLES.items() if name in environ
            },
            continues=self._continues,
            seconds=self._seconds_before(environ),
        )

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            ids = [value for name, value in headers if name.lower() == "x-request-id"]
            request.respond(int(status[:3]), ids[0] if ids else None)
            return start_response(status, headers, *rest)

        try:
            with working_in(request.span):
                pieces = self._app(environ, start)
        except BaseException as error:
            request.fail(error)
            request.end()
            raise
        if isinstance(pieces, list | tuple):
            request.end()
            return pieces
        return _Stream(pieces, request)


class _Stream:
    """The body of a response, whose pieces are made in the request's span."""

    def __init__(self, pieces: Iterable[bytes], request: RequestSpan) -> None:
        self._pieces = pieces
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._pieces)
        while True:
            try:
                # Not around `yield`: between two pieces, this thread may serve others.
                with working_in(self._request.span):
                    piece = next(pieces)
            except StopIteration:
                return
            except BaseException as error:
                self._request.fail(error)
                raise
            yield piece

    def close(self) -> None:
        """Close the body and end the span."""
        close: Callable[[], None] = getattr(self._pieces, "close", lambda: None)
        try:
            with working_in(self._request.span):
                close()
        finally:
            self._request.end()
