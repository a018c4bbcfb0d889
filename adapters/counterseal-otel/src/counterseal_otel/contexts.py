"""Contexts: from a span to what the core stores, and from a request's headers to a span."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from counterseal.errors import InvalidField
from counterseal.models import TRACE, TraceContext

HEADERS = ("traceparent", "tracestate")

_PROPAGATOR = TraceContextTextMapPropagator()


def context_of(span: Span) -> TraceContext | None:
    """Return the context of *span* as the core stores it; None if the span has no ids."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    try:
        return TraceContext(parent=parent, state=context.trace_state.to_header())
    except InvalidField:
        # A state is an addition, and a longer one may be dropped (Trace Context, 3.3.1.5).
        return TraceContext(parent=parent)


def beginning(headers: Mapping[str, str], *, continues: bool) -> tuple[Context, Iterable[Link]]:
    """
    Return the context in which a request's span begins, and the links of that span.

    Args:
        headers: The request's, by lower-case name.
        continues: Whether the caller's trace is continued. If not, the span begins a trace and
            has a link to the caller's span, without its state.
    """
    received = _PROPAGATOR.extract(headers, Context())
    if continues:
        return received, ()
    caller_context = get_current_span(received).get_span_context()
    if not caller_context.is_valid:
        return Context(), ()
    # Not its flags, which could demand that each request be sampled.
    return Context(), (
        Link(SpanContext(caller_context.trace_id, caller_context.span_id, is_remote=True)),
    )


@contextmanager
def working_in(span: Span) -> Iterator[None]:
    """Do the block's work in *span*, for OpenTelemetry and for the core; it does not end here."""
    token = TRACE.set(context_of(span))
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    finally:
        TRACE.reset(token)
