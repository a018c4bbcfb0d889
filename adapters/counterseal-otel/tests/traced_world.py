"""A service whose ports are traced, over WSGI, and a backend in memory."""

import io
import json
from base64 import b64encode

import attrs
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from counterseal.models import Scheme
from counterseal_otel import Instruments, TracedWsgi, routes, trace_ports
from counterseal_testing import FakeService
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

URL = "https://service.example"


class Backend:
    """What a backend would have received."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.instruments = Instruments.create(tracers, meters)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def spans_of(self, name):
        return [span for span in self.spans if span.name == name]

    def one(self, name):
        (span,) = self.spans_of(name)
        return span

    def points(self, metric):
        """Return the attributes of each point of *metric*, with how many were measured."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes), point.count)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]


@attrs.frozen
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def call(app, method, path, body=b"", headers=(), *, query=""):
    """Make one request of a WSGI application, as a server does."""
    begun = []
    variables = {
        f"HTTP_{name.upper()}".replace("-", "_"): value for name, value in dict(headers).items()
    }
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        **variables,
    }
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "application/json")
    pieces = app(environ, lambda status, headers, *_: begun.append((status, headers)))
    try:
        content = b"".join(pieces)
    finally:
        getattr(pieces, "close", lambda: None)()
    ((status, reply_headers),) = begun
    return Reply(int(status[:3]), dict(reply_headers), content)


class World:
    """A service, whose origin and whose users' devices call it over WSGI."""

    def __init__(self, backend):
        self.backend = backend
        self.service = FakeService(
            adapters=lambda ports: trace_ports(ports, backend.instruments, database="memory")
        )
        self.web = Service(self.service.ports, self.service.policy, Settings(public_url=URL))
        self.app = self.traced()
        origin = self.service.origin.origin.guid
        secret = self.service.credentials.issue(origin, Scheme.BASIC).secret
        self.authorization = "Basic " + b64encode(f"{origin}:{secret}".encode()).decode()

    def traced(self, app=None, **options):
        return TracedWsgi(
            app or WsgiApplication(self.web),
            self.backend.instruments,
            routes(self.web.settings),
            **options,
        )

    def by_origin(self, method, path, document=None, **headers):
        body = b"" if document is None else json.dumps(document).encode()
        headers = {"Authorization": self.authorization} | headers
        return call(self.app, method, path, body, headers)

    def by_device(self, phone, method, path, body=b"", **headers):
        proof = phone.device.signed_call(method, URL + path, body).proof
        proof_headers = {"Counterseal-Proof": proof, "Content-Type": "application/jose"}
        return call(self.app, method, path, body, proof_headers | headers)
