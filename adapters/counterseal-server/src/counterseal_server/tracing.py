"""
Tracing: OpenTelemetry traces and metrics of this process, if the setting `opentelemetry` is true.

The SDK's own variables, `OTEL_…`, say where they go and how many are made. Nothing of
OpenTelemetry is imported without the setting.
"""

from __future__ import annotations

import importlib.metadata
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from counterseal.errors import InvalidField
from counterseal_server.extras import require_extra
from counterseal_server.gateway import STARTED, Application
from counterseal_server.runtime import Runtime
from counterseal_server.settings import Settings
from counterseal_web import Service

if TYPE_CHECKING:  # an extra
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    from counterseal_otel import Instruments

DISABLED: Final = "OTEL_SDK_DISABLED"
RESOURCE: Final = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
EXPORTERS: Final = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER")
PROTOCOLS: Final = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
)
PROTOCOL: Final = "http/protobuf"
NONE: Final = "none"

DATABASES: Final = {
    "postgresql": "postgresql",
    "redis": "redis",
    "rediss": "redis",
    "sqlite": "sqlite",
}
"""The conventions' names of databases, by how the URL of the store begins."""

OTHER_DATABASE: Final = "other_sql"

PAGES: Final = ("app", "portal", "ciba", "aap", "keycloak")
"""Paths whose routes are these, whatever follows."""

OPERATORS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that monitoring requests every few seconds: they are not traced."""


def require_opentelemetry(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """
    Refuse the setting `opentelemetry` where nothing would be exported as the variables say.

    Raises:
        InvalidField: It is set, and the extra is not installed, or a variable names an exporter
            or a protocol that this service does not have.
    """
    if not settings.opentelemetry:
        return
    require_extra(
        "opentelemetry",
        "opentelemetry.exporter.otlp.proto.http",
        "opentelemetry.sdk.trace",
        "counterseal_otel",
    )
    for name in EXPORTERS:
        if environment.get(name, "otlp") not in {"otlp", NONE}:
            raise InvalidField(name, "neither otlp nor none")
    for name in PROTOCOLS:
        if environment.get(name, PROTOCOL) != PROTOCOL:
            raise InvalidField(name, f"not {PROTOCOL}, the only protocol that is installed")


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
        from counterseal_otel import trace_ports  # noqa: PLC0415 (an extra)

        store = runtime.settings.store
        scheme = "sqlite" if store is None else store.partition(":")[0].partition("+")[0]
        database = DATABASES.get(scheme, OTHER_DATABASE)
        runtime.ports = trace_ports(runtime.ports, self.instruments, database=database)

    def trace_requests(self, app: Application, service: Service) -> Application:
        """Return *app*, whose requests are traced from the arrival of their headers."""
        from counterseal_otel import TracedWsgi, routes  # noqa: PLC0415 (an extra)

        find = routes(service.settings)

        def find_route(method: str, path: str) -> str | None:
            page = path.removeprefix("/").partition("/")[0]
            return f"/{page}" if page in PAGES else find(method, path)

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


def open_tracing(settings: Settings, environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """
    Return what traces this process; None without the setting, or if OTEL_SDK_DISABLED is true.

    It has threads, which do not survive a fork.

    Raises:
        InvalidField: As `require_opentelemetry`.
    """
    require_opentelemetry(settings, environment)
    if not settings.opentelemetry or environment.get(DISABLED, "").lower() == "true":
        return None
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    attributes = {"service.version": importlib.metadata.version("counterseal-server")}
    if not any("service.name" in environment.get(name, "") for name in RESOURCE[1:]) and (
        RESOURCE[0] not in environment
    ):
        attributes["service.name"] = "counterseal"
    resource = Resource.create(attributes)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces, metrics = (environment.get(name, "otlp") for name in EXPORTERS)
    if traces != NONE:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = [] if metrics == NONE else [PeriodicExportingMetricReader(OTLPMetricExporter())]
    return tracing_of(settings, tracers, MeterProvider(readers, resource, shutdown_on_exit=False))


def _seconds_before(environ: dict[str, Any]) -> float:
    now = time.perf_counter()
    started: float = environ.setdefault(STARTED, now)
    return now - started


def tracing_of(settings: Settings, tracers: TracerProvider, meters: MeterProvider) -> Tracing:
    """Return what traces with these providers, which `close` shuts down."""
    from counterseal_otel import Instruments  # noqa: PLC0415 (an extra)

    def close() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Tracing(Instruments.create(tracers, meters), settings.continue_traces, close)
