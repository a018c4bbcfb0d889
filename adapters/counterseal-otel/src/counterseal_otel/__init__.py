"""
OpenTelemetry traces and metrics of Counterseal: requests, calls of the store, and callbacks.

    instruments = Instruments.create()
    ports = trace_ports(ports, instruments, database="postgresql")
    application = TracedWsgi(WsgiApplication(service), instruments, routes(service.settings))

No attribute has a secret, an account's id, the path or the query of a URL, or anything of a
question.
"""

from counterseal_otel.asgi import TracedAsgi
from counterseal_otel.instruments import Instruments
from counterseal_otel.requests import FindRoute, routes
from counterseal_otel.sender import TracedSender
from counterseal_otel.store import TracedStore, trace_ports
from counterseal_otel.wsgi import TracedWsgi

__all__ = [
    "FindRoute",
    "Instruments",
    "TracedAsgi",
    "TracedSender",
    "TracedStore",
    "TracedWsgi",
    "routes",
    "trace_ports",
]
