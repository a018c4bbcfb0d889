"""What traces and measures one process by OpenTelemetry; all that it imports is an extra."""

from __future__ import annotations

import importlib.metadata
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from counterseal_otel import Instruments, TracedWsgi, routes, trace_ports
from counterseal_server.gateway import STARTED, Application
from counterseal_server.runtime import Runtime
from counterseal_server.settings import Settings
from counterseal_web import Service

RESOURCE: Final = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")

DATABASES: Final = {
    "postgresql": "postgresql",
    "redis": "redis",
    "rediss": "redis",
    "sqlite": "sqlite",
}
"""The conventions' names of databases, by how the URL of the store begins."""

OTHER_DATABASE: Final = "other_sql"

FACES: Final = ("app", "portal", "ciba", "aap", "keycloak")
"""Paths whose routes are these, whatever follows."""

OPERATORS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that monitoring requests every few seconds: they are not traced."""


@attrs.frozen
class Tracing:
    """
    What traces and measures the requests, the store and the callbacks of one process.

    Attributes:
        instruments: What spans and measurements are made with.
        continues: Whether a caller's trace is continued.
        close: Exports what is left, and ends.
    """

    instruments: Instruments
    continues: bool
    close: Callable[[], None]

    def trace_ports(self, runtime: Runtime) -> None:
        """Trace the store and the sender of *runtime*, for every use case made afterwards."""
        store = runtime.settings.store
        scheme = "sqlite" if store is None else store.partition(":")[0].partition("+")[0]
        database = DATABASES.get(scheme, OTHER_DATABASE)
        runtime.ports = trace_ports(runtime.ports, self.instruments, database=database)

    def trace_requests(self, app: Application, service: Service) -> Application:
        """Return *app*, whose requests are traced from the arrival of their headers."""
        find = routes(service.settings)

        def find_route(method: str, path: str) -> str | None:
            page = path.removeprefix("/").partition("/")[0]
            return f"/{page}" if page in FACES else find(method, path)

        traced: Any = TracedWsgi(
            app,
            self.instruments,
            find_route,
            continues=self.continues,
            seconds_before=_seconds_before,
        )

        def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            untraced = environ["PATH_INFO"] in OPERATORS
            return (app if untraced else traced)(environ, start_response)

        return respond

    def close_after_main_thread(self) -> None:
        """Export what is left when the main thread has ended, before the process does."""
        main = threading.main_thread()

        def wait() -> None:
            while main.is_alive():
                main.join(1)
            self.close()

        threading.Thread(target=wait, name="counterseal-tracing").start()


def export_tracing(
    settings: Settings, environment: Mapping[str, str], *, traces: bool, metrics: bool
) -> Tracing:
    """
    Return what traces this process; it has threads.

    Args:
        settings: The settings of the service.
        environment: The variables `OTEL_…`.
        traces: Whether traces are exported.
        metrics: Whether metrics are exported.
    """
    attributes = {"service.version": importlib.metadata.version("counterseal-server")}
    if not any("service.name" in environment.get(name, "") for name in RESOURCE[1:]) and (
        RESOURCE[0] not in environment
    ):
        attributes["service.name"] = "counterseal"
    resource = Resource.create(attributes)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    if traces:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if metrics else []
    return tracing_of(settings, tracers, MeterProvider(readers, resource, shutdown_on_exit=False))


def _seconds_before(environ: dict[str, Any]) -> float:
    now = time.perf_counter()
    started: float = environ.setdefault(STARTED, now)
    return now - started


def tracing_of(settings: Settings, tracers: TracerProvider, meters: MeterProvider) -> Tracing:
    """Return what traces with these providers, which `close` shuts down."""

    def close() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Tracing(Instruments.create(tracers, meters), settings.continue_traces, close)
