"""
Tracing: OpenTelemetry traces and metrics of this process, if the setting `opentelemetry` is true.

The SDK's own variables, `OTEL_…`, say where they go and how many are made. Nothing of
OpenTelemetry is imported without the setting.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import counterseal_server as server
from counterseal.errors import InvalidField
from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings

if TYPE_CHECKING:  # an extra
    from counterseal_server.tracing_export import Tracing

DISABLED: Final = "OTEL_SDK_DISABLED"
EXPORTERS: Final = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER")
PROTOCOLS: Final = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
)
PROTOCOL: Final = "http/protobuf"
NONE: Final = "none"


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
    traces, metrics = (environment.get(name, "otlp") != NONE for name in EXPORTERS)
    return server.export_tracing(settings, environment, traces=traces, metrics=metrics)
