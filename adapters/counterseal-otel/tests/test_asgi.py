"""ASGI: the same spans, for an application in an event loop."""

import asyncio

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from counterseal_asgi import AsgiApplication
from counterseal_otel import TracedAsgi, routes

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def get(app, path, headers=(), **members):
    """Make one request, and return the messages of its response."""
    messages = []
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
    } | members

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return messages


@pytest.fixture
def app(world, backend):
    return TracedAsgi(AsgiApplication(world.web), backend.instruments, routes(world.web.settings))


def test_the_calls_of_the_store_are_in_the_requests_span(world, backend, app):
    world.service.bind("alice")
    challenge = world.service.ask("alice", "Pay?").challenge.guid
    messages = get(app, f"/request/{challenge}", [(b"authorization", world.authorization.encode())])
    assert messages[0]["status"] == 200

    server = backend.one("GET /request/{guid}")
    assert server.attributes["http.response.status_code"] == 200
    calls = [span for span in backend.spans if span.kind is SpanKind.CLIENT]
    assert calls
    assert {span.parent.span_id for span in calls} == {server.context.span_id}


def test_a_strangers_trace_is_linked_and_ones_own_is_continued(world, backend, app):
    get(app, "/.well-known/jwks.json", [(b"traceparent", TRACEPARENT.encode())])
    own = TracedAsgi(
        AsgiApplication(world.web),
        backend.instruments,
        routes(world.web.settings),
        continues=True,
    )
    get(own, "/.well-known/jwks.json", [(b"traceparent", TRACEPARENT.encode())])

    strange, continued = backend.spans_of("GET /.well-known/jwks.json")
    assert (strange.parent, len(strange.links)) == (None, 1)
    assert f"{continued.context.trace_id:032x}" == "a" * 32


def test_an_application_that_raises_is_an_error(backend):
    async def app(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        get(TracedAsgi(app, backend.instruments, lambda *_: None), "/.well-known/jwks.json")
    (server,) = backend.spans
    assert (server.name, server.attributes["error.type"]) == ("GET", "ZeroDivisionError")
    assert server.status.status_code is StatusCode.ERROR


def test_what_is_no_request_passes_through(backend):
    received = []

    async def app(scope, receive, send):
        received.append(scope["type"])

    get(TracedAsgi(app, backend.instruments, lambda *_: None), "", type="lifespan")
    assert (received, backend.spans) == (["lifespan"], ())


def test_a_mounted_application_has_its_own_routes(world, backend, app):
    get(app, "/auth/.well-known/jwks.json", root_path="/auth")
    assert backend.one("GET /.well-known/jwks.json")


def test_the_request_id_of_the_response_is_an_attribute(backend):
    async def app(scope, receive, send):
        await send(
            {"type": "http.response.start", "status": 204, "headers": [(b"X-Request-Id", b"i")]}
        )

    get(TracedAsgi(app, backend.instruments, lambda *_: None), "/.well-known/jwks.json")
    (server,) = backend.spans
    assert server.attributes["counterseal.request_id"] == "i"
