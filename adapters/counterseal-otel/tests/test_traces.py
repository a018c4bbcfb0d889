"""The trace of a request: the calls of the store in it, and the callback that it leads to."""

import logging

import pytest
from opentelemetry.trace import SpanKind, StatusCode, use_span
from traced_world import URL, call

from counterseal.errors import Conflict, SenderUnavailable, StoreUnavailable
from counterseal.models import TRACE, CallbackState
from counterseal_otel import TracedStore
from counterseal_otel.requests import METHODS
from counterseal_testing.service import CALLBACK

CANARY = "canary-7f3a"
TRACE_ID = "a" * 32
KEYS = "/.well-known/jwks.json"
TRACEPARENT = f"00-{TRACE_ID}-{'b' * 16}-01"


def trace_of(span):
    return f"{span.context.trace_id:032x}"


def ids_of(delivery):
    """Return the trace and the span that a callback names."""
    version, trace, span, flags = dict(delivery.headers)["traceparent"].split("-")
    assert (version, int(flags, 16) & 1) == ("00", 1), "not sampled"
    return trace, span


def ask(world, **members):
    document = {"accountId": "alice", "content": "Pay?", "callback": CALLBACK} | members
    reply = world.by_origin("POST", "/request/add", document)
    assert reply.status == 201, reply.body
    return reply.json["guid"]


def answer(world, phone, guid):
    challenge = world.service.ports.store.get(guid)[0]
    token = phone.device.answer(challenge.display, 0, pin=phone.pin)
    reply = world.by_device(phone, "POST", "/device/answer", token.encode())
    assert reply.status == 200, reply.body


def test_ask_answer_and_callback(world, backend):
    phone = world.service.bind("alice")
    backend.exporter.clear()
    guid = ask(world)
    answer(world, phone, guid)
    world.service.deliver()

    asking_span, answering_span = (
        backend.one("POST /request/add"),
        backend.one("POST /device/answer"),
    )
    assert asking_span.kind is answering_span.kind is SpanKind.SERVER
    assert asking_span.parent is answering_span.parent is None
    assert trace_of(asking_span) != trace_of(answering_span)
    for server in (asking_span, answering_span):
        inside = [span for span in backend.spans if span.parent == server.context]
        calls = [span for span in inside if span.name != "POST"]
        assert {span.name for span in calls} >= {"commit records"}
        for span in calls:
            assert span.kind is SpanKind.CLIENT
            assert span.attributes["db.system.name"] == "memory"
            assert span.name == f"{span.attributes['db.operation.name']} records"
            assert span.attributes["db.query.summary"] == span.name
        assert server.status.status_code is StatusCode.UNSET
    assert asking_span.attributes["http.response.status_code"] == 201
    assert answering_span.attributes["http.response.status_code"] == 200
    callback_span = backend.one("POST")
    assert callback_span.kind is SpanKind.CLIENT
    assert callback_span.parent.span_id == answering_span.context.span_id
    assert trace_of(callback_span) == trace_of(answering_span)
    assert callback_span.attributes["http.response.status_code"] == 204
    assert callback_span.attributes["server.address"] == "shop.example"
    assert callback_span.attributes["server.port"] == 443
    (attempt,) = world.service.sender.attempts
    assert ids_of(attempt.delivery) == (
        trace_of(callback_span),
        f"{callback_span.context.span_id:016x}",
    )
    assert callback_span.attributes["counterseal.callback.id"] == attempt.message
    # No other span: workers' calls of the store outside of a request make none.
    traces = {trace_of(asking_span), trace_of(answering_span)}
    assert {trace_of(span) for span in backend.spans} == traces


def test_a_callback_without_a_request_begins_a_trace(world, backend):
    world.service.bind("alice")
    challenge = world.service.ask("alice", "Pay?", callback=CALLBACK).challenge
    world.service.clock.jump(challenge.deadline)
    world.service.challenges.expire(limit=1)
    world.service.deliver()

    (callback_span,) = backend.spans
    assert (callback_span.name, callback_span.parent) == ("POST", None)
    assert ids_of(world.service.sender.attempts[0].delivery)[0] == trace_of(callback_span)


@pytest.mark.parametrize("state", ["", "vendor=1"])
def test_each_attempt_is_a_span_of_its_own(world, backend, state):
    phone = world.service.bind("alice")
    backend.exporter.clear()
    world.app = world.traced(continues=True)
    challenge = world.service.ask("alice", "Pay?", callback=CALLBACK).challenge
    token = phone.device.answer(challenge.display, 0, pin=phone.pin).encode()
    headers = {"traceparent": TRACEPARENT} | ({"tracestate": state} if state else {})
    assert world.by_device(phone, "POST", "/device/answer", token, **headers).status == 200
    world.service.sender.script(500, SenderUnavailable("no socket"), 410)
    (callback,) = world.service.callbacks.due()
    for _ in range(3):
        due = world.service.ports.store.get(callback)[0].due_at
        world.service.clock.jump(max(world.service.clock.now(), due))
        try:
            world.service.callbacks.attempt(callback)
        except SenderUnavailable:
            continue

    spans = backend.spans_of("POST")
    assert [span.attributes["error.type"] for span in spans] == ["500", "sender_unavailable", "410"]
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}
    assert len({span.context.span_id for span in spans}) == 3
    assert {trace_of(span) for span in spans} == {TRACE_ID}
    server = backend.one("POST /device/answer")
    assert {span.parent.span_id for span in spans} == {server.context.span_id}
    for attempt in world.service.sender.attempts:
        assert dict(attempt.delivery.headers).get("tracestate", "") == state
    assert world.service.ports.store.get(callback)[0].state is CallbackState.DEAD


# The caller's trace


def test_a_strangers_trace_is_linked_and_not_continued(world, backend):
    call(
        world.app,
        "GET",
        KEYS,
        headers={"traceparent": TRACEPARENT, "tracestate": "evil=1"},
    )

    (server,) = [span for span in backend.spans if span.kind is SpanKind.SERVER]
    assert server.parent is None
    assert trace_of(server) != TRACE_ID
    (link,) = server.links
    assert f"{link.context.trace_id:032x}" == TRACE_ID
    assert not link.context.trace_flags.sampled
    assert not link.context.trace_state


def test_the_trace_of_a_program_of_ones_own_is_continued(world, backend):
    app = world.traced(continues=True)
    call(app, "GET", KEYS, headers={"traceparent": TRACEPARENT})

    (server,) = [span for span in backend.spans if span.kind is SpanKind.SERVER]
    assert f"{server.parent.span_id:016x}" == "b" * 16
    assert (trace_of(server), server.links) == (TRACE_ID, ())


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        TRACEPARENT + "-",
        TRACEPARENT.replace("a", "0"),
        f"{TRACEPARENT}, {TRACEPARENT}",
    ],
)
def test_what_is_no_trace_begins_one(world, backend, continues, header):
    call(world.traced(continues=continues), "GET", KEYS, headers={"traceparent": header})

    (server,) = [span for span in backend.spans if span.kind is SpanKind.SERVER]
    assert (server.parent, server.links) == (None, ())


# Failures


def failing(error):
    class Failing:
        def get(self, *_):
            raise error

        def commit(self, *_):
            raise error

    return Failing()


def test_a_failing_store_is_an_error_of_the_call_and_of_the_request(world, backend, monkeypatch):
    def fail(*_):
        raise StoreUnavailable(CANARY)

    monkeypatch.setattr(world.service.ports.store._store, "get", fail)
    reply = world.by_origin("GET", "/request/" + world.service.origin.origin.guid)
    assert reply.status == 503

    store, server = backend.one("get records"), backend.one("GET /request/{guid}")
    assert (store.status.status_code, store.attributes["error.type"]) == (
        StatusCode.ERROR,
        "store_unavailable",
    )
    assert (server.status.status_code, server.attributes["error.type"]) == (StatusCode.ERROR, "503")
    assert store.events == server.events == ()
    assert store.status.description is server.status.description is None
    ((labels, count),) = [
        point
        for point in backend.points("db.client.operation.duration")
        if "error.type" in point[0]
    ]
    assert (labels["error.type"], labels["db.operation.name"], count) == (
        "store_unavailable",
        "get",
        1,
    )


def test_a_lost_race_is_no_failure(backend):
    store = TracedStore(failing(Conflict()), backend.instruments, database="memory")
    with use_span(backend.instruments.tracer.start_span("a test")), pytest.raises(Conflict):
        store.commit((), (), "operation")

    (span,) = backend.spans
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["db.response.status_code"] == "conflict"
    assert "error.type" not in span.attributes


def test_a_refusal_is_no_failure_of_the_service(world, backend):
    assert world.by_origin("GET", "/request/x").status == 404

    server = backend.one("GET /request/{guid}")
    assert server.attributes["http.response.status_code"] == 404
    assert (server.status.status_code, "error.type" in server.attributes) == (
        StatusCode.UNSET,
        False,
    )


def test_an_application_that_raises_is_an_error(world, backend):
    def app(environ, start_response):
        raise ZeroDivisionError(CANARY)

    with pytest.raises(ZeroDivisionError):
        call(world.traced(app), "GET", KEYS)

    (server,) = backend.spans
    assert server.attributes["error.type"] == "ZeroDivisionError"
    assert server.events == ()


def test_a_stream_ends_its_span_when_it_is_closed(world, backend):
    contexts = []

    def app(environ, start_response):
        def pieces():
            contexts.append(TRACE.get())
            yield b"a"
            contexts.append(TRACE.get())
            yield b"b"

        start_response("200 OK", [])
        return pieces()

    traced = world.traced(app)
    pieces = traced(
        {"REQUEST_METHOD": "GET", "PATH_INFO": KEYS, "wsgi.url_scheme": "http"},
        lambda *_: None,
    )
    stream = iter(pieces)
    assert (next(stream), TRACE.get(), backend.spans) == (b"a", None, ())
    assert list(stream) == [b"b"]
    pieces.close()
    pieces.close()
    (server,) = backend.spans
    span_ids = {context.parent.split("-")[2] for context in contexts}
    assert (span_ids, len(contexts)) == ({f"{server.context.span_id:016x}"}, 2)


# Names and attributes


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", f"/request/{CANARY}", "GET /request/{guid}"),
        ("GET", f"/api/request/{CANARY}", "GET /api/request/{guid}"),
        ("HEAD", f"/request/{CANARY}", "HEAD /request/{guid}"),
        ("PATCH", f"/request/{CANARY}", "PATCH"),
        ("GET", f"/{CANARY}", "GET"),
        ("GET", f"/{KEYS}", "GET"),
        (CANARY, KEYS, "HTTP"),
        ("get", f"/{CANARY}", "GET"),
    ],
)
def test_a_name_is_of_the_route_and_never_of_the_path(world, backend, method, path, name):
    call(world.app, method, path, query=f"wait={CANARY}")

    (server,) = [span for span in backend.spans if span.kind is SpanKind.SERVER]
    assert server.name == name
    assert server.attributes["http.request.method"] in {*METHODS, "_OTHER"}
    assert CANARY.upper() not in server.to_json().upper()


def test_no_attribute_has_a_secret_a_path_or_anything_of_a_question(world, backend, caplog):
    caplog.set_level(logging.DEBUG)
    account = f"{CANARY}-account"
    phone = world.service.bind(account)
    document = {
        "accountId": account,
        "content": f"{CANARY}-content",
        "additionalInfo": f"{CANARY}-info",
        "transactionId": f"{CANARY}-transaction",
        "callback": CALLBACK,
        "buttons": [
            {"title": f"{CANARY}-yes", "strongAuth": True},
            {"title": f"{CANARY}-no", "strongAuth": False},
        ],
    }
    reply = world.by_origin("POST", "/request/add", document, **{"User-Agent": CANARY})
    assert reply.status == 201, reply.body
    answer(world, phone, reply.json["guid"])
    world.by_origin("GET", f"/account/{CANARY}")
    call(world.app, "POST", "/device/bind", f'{{"token":"{CANARY}"}}'.encode())
    call(world.app, "GET", f"/{CANARY}", query=CANARY, headers={"Cookie": CANARY})
    call(
        world.app,
        "GET",
        KEYS,
        headers={"traceparent": TRACEPARENT, "tracestate": f"a={CANARY}"},
    )
    world.service.sender.script(RuntimeError(CANARY))
    with pytest.raises(RuntimeError):
        world.service.callbacks.attempt(*world.service.callbacks.due())

    exported = "".join(span.to_json() for span in backend.spans)
    measured = repr(backend.reader.get_metrics_data().to_json())
    secrets = [CANARY, world.authorization, CALLBACK, "/done", URL, phone.guid]
    for secret in secrets:
        assert secret not in exported, secret
        assert secret not in measured, secret
    assert len(backend.spans) > 10
    assert CANARY not in caplog.text


def test_measurements_have_the_names_and_labels_of_the_conventions(world, backend):
    phone = world.service.bind("alice")
    answer(world, phone, ask(world))
    world.service.deliver()

    served = backend.points("http.server.request.duration")
    assert (
        {
            "http.request.method": "POST",
            "http.route": "/device/answer",
            "http.response.status_code": 200,
            "url.scheme": "https",
        },
        1,
    ) in served
    ((labels, count),) = backend.points("http.client.request.duration")
    assert (labels["http.response.status_code"], count) == (204, 1)
    assert set(labels) == {
        "http.request.method",
        "http.response.status_code",
        "server.address",
        "server.port",
        "url.scheme",
    }
    calls = backend.points("db.client.operation.duration")
    # Workers' calls are measured too, though they have no spans.
    assert {labels["db.operation.name"] for labels, _ in calls} >= {"get", "commit", "due"}
