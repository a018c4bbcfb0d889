"""Requests, traced: the span of one request, and its measurement, for any kind of server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from opentelemetry.trace import Span, SpanKind

from counterseal_otel.contexts import beginning
from counterseal_otel.instruments import (
    ERROR,
    FAILED,
    METHOD,
    ROUTE,
    SCHEME,
    STATUS,
    Instruments,
    error_type,
)
from counterseal_web import Settings
from counterseal_web.application import served
from counterseal_web.problems import MethodNotAllowedError, NoSuchEndpointError
from counterseal_web.router import Router

METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
OTHER_METHOD = "_OTHER"
"""The conventions' word for methods that are not known; a client could send any text."""

UNKNOWN_METHOD = "HTTP"
"""The name of their spans, as the conventions have it."""

REQUEST_ID = "counterseal.request_id"
"""The attribute with the response's `X-Request-Id`, if it has one."""

FIRST_FAILURE = 500
NANOSECONDS = 1_000_000_000

FindRoute: TypeAlias = Callable[[str, str], str | None]
"""Returns the template of the path that a method and a path name; None if there is none."""


def routes(settings: Settings) -> FindRoute:
    """
    Return a function that finds the route of each request to the HTTP API.

    Args:
        settings: Of the HTTP API; they say which operations are served.
    """
    router = Router(
        (operation.method, prefix + operation.path, prefix + operation.path)
        for prefix, operation in served(settings)
    )

    def find(method: str, path: str) -> str | None:
        try:
            return router.find(method, path).endpoint
        except (MethodNotAllowedError, NoSuchEndpointError):
            return None

    return find


class RequestSpan:
    """
    The span of one request, which `end` ends.

    Args:
        instruments: What spans and measurements are made with.
        method: As it was sent.
        scheme: `http` or `https`, as the server says.
        route: The template of the path; None if it is unknown. Never the path itself, which may
            contain a secret.
        headers: Those of the request, by lower-case name; only the trace context is read.
        continues: Whether the caller's trace is continued.
        seconds: How long ago the request began.

    Attributes:
        span: The span.
    """

    def __init__(
        self,
        instruments: Instruments,
        *,
        method: str,
        scheme: str,
        route: str | None,
        headers: Mapping[str, str],
        continues: bool,
        seconds: float = 0.0,
    ) -> None:
        self._instruments = instruments
        self._started = time.perf_counter() - seconds
        safe_method = method if method in METHODS else OTHER_METHOD
        self._labels: dict[str, Any] = {
            METHOD: safe_method,
            SCHEME: scheme if scheme in {"http", "https"} else "http",
        }
        if route is not None:
            self._labels[ROUTE] = route
        context, links = beginning(headers, continues=continues)
        name = UNKNOWN_METHOD if safe_method == OTHER_METHOD else safe_method
        self.span: Span = instruments.tracer.start_span(
            name if route is None else f"{name} {route}",
            context=context,
            kind=SpanKind.SERVER,
            attributes=self._labels,
            links=tuple(links),
            start_time=time.time_ns() - int(seconds * NANOSECONDS),  # noqa: TID251 (the SDK's clock)
        )
        self._ended = False

    def respond(self, status: int, request_id: str | None = None) -> None:
        """Note the response's status, and its request id if it has one."""
        self._labels[STATUS] = status
        self.span.set_attribute(STATUS, status)
        if request_id is not None:
            self.span.set_attribute(REQUEST_ID, request_id)
        if status >= FIRST_FAILURE:
            self._fail(str(status))

    def fail(self, error: BaseException) -> None:
        """Note an error that ended the request."""
        self._fail(error_type(error))

    def end(self) -> None:
        """End the span and measure the request, once."""
        if self._ended:
            return
        self._ended = True
        self.span.end()
        self._instruments.server_seconds.record(time.perf_counter() - self._started, self._labels)

    def _fail(self, kind: str) -> None:
        self._labels[ERROR] = kind
        self.span.set_attribute(ERROR, kind)
        self.span.set_status(FAILED)
