"""
The sender of callbacks, traced: each attempt is an HTTP client span.

Its parent is the span that the callback's headers name, that of the request which led to it. The
receiver gets the headers of the attempt's own span in their place. Baggage is never sent.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import attrs
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from counterseal.models import TRACE, Delivery, DeliveryOutcome
from counterseal.ports import CallbackSender
from counterseal_otel.contexts import HEADERS, context_of
from counterseal_otel.instruments import (
    ADDRESS,
    ERROR,
    FAILED,
    METHOD,
    PORT,
    SCHEME,
    STATUS,
    Instruments,
    error_type,
)

NO_RESPONSE = "no_response"
"""The `error.type` of an attempt that got no status; the log says why."""

CALLBACK = "counterseal.callback.id"
"""The attribute with the `webhook-id`, which the log has too."""

FIRST_FAILURE = 400
DEFAULT_PORTS = {"http": 80, "https": 443}

_PROPAGATOR = TraceContextTextMapPropagator()


class TracedSender:
    """
    A sender of callbacks that continues the trace of the request that led to each.

    Args:
        sender: The sender behind it. It gets other values of `traceparent` and `tracestate`;
            address, body and other headers stay as they are.
        instruments: What spans and measurements are made with.
    """

    def __init__(self, sender: CallbackSender, instruments: Instruments) -> None:
        self._sender = sender
        self._instruments = instruments

    def require_callable(self, url: str) -> None:
        """
        Refuse an address to which nothing will ever be sent.

        Raises:
            CallbackUncallable: The sender behind it does not allow it.
        """
        self._sender.require_callable(url)

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt.

        Raises:
            SenderUnavailable: The attempt could not be made.
        """
        labels: dict[str, Any] = {METHOD: "POST"} | _server(delivery.url)
        headers = dict(delivery.headers)
        # Never the URL: its path and query may contain a secret of the receiver.
        attributes = labels | {CALLBACK: headers.get("webhook-id", "")}
        parent = _PROPAGATOR.extract(headers, Context())
        started = time.perf_counter()
        with self._instruments.tracer.start_as_current_span(
            "POST",
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            token = TRACE.set(context_of(span))
            try:
                outcome = self._sender.send(_traced(delivery, span))
            except BaseException as error:
                _fail(span, labels, error_type(error))
                raise
            else:
                _note(span, labels, outcome.status)
                return outcome
            finally:
                TRACE.reset(token)
                self._instruments.client_seconds.record(time.perf_counter() - started, labels)


def _server(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
        host = parts.hostname
    except ValueError:
        return {}
    if host is None or port is None:
        return {}
    return {ADDRESS: host, PORT: port, SCHEME: parts.scheme}


def _traced(delivery: Delivery, span: Span) -> Delivery:
    context = context_of(span)
    if context is None:
        return delivery
    others = tuple(pair for pair in delivery.headers if pair[0].lower() not in HEADERS)
    return attrs.evolve(delivery, headers=others + context.headers())


def _note(span: Span, labels: dict[str, Any], status: int | None) -> None:
    if status is None:
        _fail(span, labels, NO_RESPONSE)
        return
    labels[STATUS] = status
    span.set_attribute(STATUS, status)
    if status >= FIRST_FAILURE:
        _fail(span, labels, str(status))


def _fail(span: Span, labels: dict[str, Any], kind: str) -> None:
    labels[ERROR] = kind
    span.set_attribute(ERROR, kind)
    span.set_status(FAILED)
