"""Traces of the served program, and the ids by which its log lines belong together."""

import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from program import Phone, eventually, stop

from counterseal.errors import InvalidField
from counterseal.models import TRACE, TraceContext
from counterseal_server import logs, web
from counterseal_server.configuration import settings as read_settings
from counterseal_server.tracing import open_tracing, require_opentelemetry
from counterseal_web import REQUEST_ID

CONTEXT = TraceContext(parent=f"00-{'a' * 32}-{'b' * 16}-01")


class Collector:
    """A collector of OpenTelemetry, over HTTP."""

    def __init__(self):
        self.spans, self.metrics, self.resources = [], set(), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.receive(self.path, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def receive(self, path, body):
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(attributes_of(resource.resource))
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics.update(metric.name for metric in scope.metrics)

    def spans_of(self, name):
        return [span for span in self.spans if span.name == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def attributes_of(message):
    return {each.key: each.value.string_value for each in message.attributes}


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


def test_a_served_answer_and_its_callback_are_one_trace(service, receiver, collector):
    process = service.serve(
        COUNTERSEAL_OPENTELEMETRY="1",
        COUNTERSEAL_LOG_FORMAT="json",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        # What is exported at the end is exported by the end of the process alone.
        OTEL_BSP_SCHEDULE_DELAY="600000",
    )
    assert Phone(service, "user-42", receiver.url).answer()
    eventually(lambda: receiver.received)
    eventually(lambda: "callback" in service.log.read_text())
    stop(process)

    (answered,) = collector.spans_of("POST /device/answer")
    (callback_span,) = collector.spans_of("POST")
    assert (callback_span.trace_id, callback_span.parent_span_id) == (
        answered.trace_id,
        answered.span_id,
    )
    trace, span = callback_span.trace_id.hex(), callback_span.span_id.hex()
    headers = {name.lower(): value for name, value in receiver.received[0][0].items()}
    assert headers["traceparent"].split("-")[1:3] == [trace, span]
    calls = [each for each in collector.spans if each.parent_span_id == answered.span_id]
    assert {"commit records", "POST"} <= {each.name for each in calls}
    commit = next(each for each in calls if each.name == "commit records")
    assert attributes_of(commit)["db.system.name"] == "sqlite"
    # Not from when a thread was free, but from its headers on.
    assert answered.start_time_unix_nano <= commit.start_time_unix_nano
    assert {each.get("service.name") for each in collector.resources} == {"counterseal"}
    assert "http.server.request.duration" in collector.metrics

    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    answer = next(line for line in lines if "POST answerRequest 200" in line["message"])
    assert attributes_of(answered)["counterseal.request_id"] == answer["requestId"]
    assert (answer["traceId"], answer["spanId"]) == (trace, answered.span_id.hex())
    delivered = next(line for line in lines if line["message"].startswith("callback "))
    assert delivered["traceId"] == trace
    # Monitoring makes no traces.
    assert not [each for each in collector.spans if "readyz" in each.name]
    assert not [line for line in lines if line["level"] in {"warning", "error"} and "otel" in line]


# The setting


def settings_of(tmp_path, **environment):
    variables = {f"COUNTERSEAL_{name}": text for name, text in environment.items()}
    return read_settings({"data": tmp_path}, variables)


def test_without_the_setting_nothing_is_imported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_otel", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert open_tracing(settings_of(tmp_path), {"OTEL_TRACES_EXPORTER": "otlp"}) is None


def test_without_the_extra_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_otel", None)
    with pytest.raises(InvalidField, match=r"needs counterseal-server\[otel\]") as refused:
        require_opentelemetry(settings_of(tmp_path, OPENTELEMETRY="1"), {})
    assert refused.value.field == "opentelemetry"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)
def test_what_would_not_be_exported_as_it_says_is_refused(tmp_path, name, value):
    with pytest.raises(InvalidField) as refused:
        open_tracing(settings_of(tmp_path, OPENTELEMETRY="1"), {name: value})
    assert refused.value.field == name


def test_traces_can_be_off_though_the_setting_is_on(tmp_path):
    on = settings_of(tmp_path, OPENTELEMETRY="1")
    assert open_tracing(on, {"OTEL_SDK_DISABLED": "true"}) is None
    nothing = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
    tracing = open_tracing(on, nothing)
    tracing.close()
    assert not tracing.continues


def test_nobodys_trace_is_continued_without_traces(tmp_path):
    with pytest.raises(InvalidField) as refused:
        settings_of(tmp_path, CONTINUE_TRACES="1")
    assert refused.value.field == "continue_traces"


# Ids in log lines


def test_a_line_names_its_trace_and_its_request():
    record = logging.LogRecord("counterseal_web", logging.INFO, "", 0, "text", None, None)
    plain = json.loads(logs.Json().format(record))
    assert not {"requestId", "traceId", "spanId"} & set(plain)
    tokens = TRACE.set(CONTEXT), REQUEST_ID.set("abc")
    try:
        line = json.loads(logs.Json().format(record))
    finally:
        TRACE.reset(tokens[0])
        REQUEST_ID.reset(tokens[1])
    assert (line["traceId"], line["spanId"]) == ("a" * 32, "b" * 16)
    assert line["requestId"] == "abc"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=12))
def test_the_pieces_of_a_stream_are_made_under_its_own_id(order):
    observed = [[] for _ in range(3)]

    def pieces(number):
        for _ in range(4):
            observed[number].append(REQUEST_ID.get())
            yield b"."

    streams = [iter(web.IdentifiedStream(pieces(number), f"id-{number}")) for number in range(3)]
    for number in [*order, 0, 1, 2]:
        next(streams[number], None)
        assert REQUEST_ID.get() is None
    for number, ids in enumerate(observed):
        assert set(ids) == {f"id-{number}"}
