"""
Instruments: the tracer and the histograms that all parts of this package share.

Names and units are those of OpenTelemetry's semantic conventions for HTTP and databases, in their
stable versions.
"""

from __future__ import annotations

from typing import Final

import attrs
from opentelemetry.metrics import Histogram, Meter, MeterProvider, get_meter
from opentelemetry.trace import Status, StatusCode, Tracer, TracerProvider, get_tracer

from counterseal.errors import CountersealError

SCOPE: Final = "counterseal_otel"
"""The name of the instrumentation scope."""

SCHEMA: Final = "https://opentelemetry.io/schemas/1.34.0"
"""The version of the semantic conventions."""

METHOD: Final = "http.request.method"
STATUS: Final = "http.response.status_code"
ROUTE: Final = "http.route"
SCHEME: Final = "url.scheme"
ADDRESS: Final = "server.address"
PORT: Final = "server.port"
ERROR: Final = "error.type"

DATABASE_SYSTEM: Final = "db.system.name"
DATABASE_OPERATION: Final = "db.operation.name"
DATABASE_SUMMARY: Final = "db.query.summary"
DATABASE_BATCH: Final = "db.operation.batch.size"
DATABASE_STATUS: Final = "db.response.status_code"

FAILED: Final = Status(StatusCode.ERROR)
"""Without a description: the text of an error may contain what a caller sent."""

HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DATABASE_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
"""Both as the conventions advise."""


@attrs.frozen
class Instruments:
    """
    What spans and measurements are made with.

    Attributes:
        tracer: Makes the spans.
        server_seconds: `http.server.request.duration`.
        store_seconds: `db.client.operation.duration`.
        client_seconds: `http.client.request.duration`.
    """

    tracer: Tracer
    server_seconds: Histogram
    store_seconds: Histogram
    client_seconds: Histogram

    @classmethod
    def create(
        cls, tracers: TracerProvider | None = None, meters: MeterProvider | None = None
    ) -> Instruments:
        """
        Return the instruments of two providers.

        Args:
            tracers: By default the global one of OpenTelemetry.
            meters: By default the global one.
        """
        meter = get_meter(SCOPE, meter_provider=meters, schema_url=SCHEMA)
        return cls(
            get_tracer(SCOPE, tracer_provider=tracers, schema_url=SCHEMA),
            _seconds(meter, "http.server.request.duration", "Duration of requests.", HTTP_BUCKETS),
            _seconds(
                meter, "db.client.operation.duration", "Duration of store calls.", DATABASE_BUCKETS
            ),
            _seconds(meter, "http.client.request.duration", "Duration of callbacks.", HTTP_BUCKETS),
        )


def _seconds(meter: Meter, name: str, description: str, buckets: tuple[float, ...]) -> Histogram:
    return meter.create_histogram(
        name, "s", description, explicit_bucket_boundaries_advisory=buckets
    )


def error_type(error: BaseException) -> str:
    """Return the code of *error*, or the name of its class; never its text."""
    return error.code if isinstance(error, CountersealError) else type(error).__name__
