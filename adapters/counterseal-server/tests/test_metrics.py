"""Metrics: every series that an alert may watch is there, at zero, before anything happens."""

import re

import pytest
from werkzeug.test import Client

from counterseal.memory import SystemEntropy
from counterseal.models import AddressKind, Algorithm, CallbackState, Occasion, PushResult
from counterseal_keys import private_files
from counterseal_server import web
from counterseal_server.configuration import settings
from counterseal_server.metrics import SWEPT, VERBS, WORKERS, Metrics
from counterseal_server.runtime import Runtime
from counterseal_server.timed_store import TimedStore
from counterseal_server.workers import Workers

SAMPLE = re.compile(r"(counterseal_[a-z_]+)(\{[^}]*\})? (\S+)")


def samples(text):
    """Read Prometheus' text format, as far as it is ours."""
    samples = map(SAMPLE.fullmatch, text.decode().splitlines())
    return {f"{one[1]}{one[2] or ''}": float(one[3]) for one in samples if one}


@pytest.fixture
def runtime(tmp_path):
    runtime = Runtime(settings({"data": tmp_path / "data"}, {}))
    private_files.make_folder(runtime.settings.data)
    runtime.keys.master_keys.create(SystemEntropy())
    runtime.keys.signer.create(Algorithm.ES256)
    runtime.records.create()
    runtime.prepare()
    yield runtime
    runtime.close()


def test_what_workers_count_begins_at_zero():
    counted = samples(Metrics().text())
    expected = [
        'counterseal_callback_attempts_total{outcome="DEAD"}',
        'counterseal_callback_attempts_total{outcome="failed"}',
        'counterseal_pushes_total{kind="webpush",outcome="misconfigured"}',
        'counterseal_pushes_total{kind="fcm_token",outcome="unavailable"}',
        'counterseal_notification_attempts_total{occasion="challenge",outcome="OVER"}',
        'counterseal_notification_attempts_total{occasion="test",outcome="failed"}',
        'counterseal_swept_total{kind="forgotten"}',
        'counterseal_worker_failures_total{worker="callbacks"}',
    ]

    assert [counted.get(one) for one in expected] == [0.0] * len(expected)


def test_no_event_makes_a_new_series(runtime):
    """Whatever a worker may count was there before."""
    metrics = Metrics()
    workers = Workers(runtime, metrics)
    before = set(samples(metrics.text()))

    for state in CallbackState:
        metrics.attempted(state.value)
    for kind in AddressKind:
        for result in PushResult:
            metrics.pushed(kind.value, result.value)
    for occasion in Occasion:
        metrics.notified(occasion.value, "DELIVERED")
    for kind in SWEPT:
        metrics.swept(kind, 2)
    names = [thread.name.removeprefix("counterseal-") for thread in workers._threads]
    for name in names:
        metrics.failed(name)
        metrics.ended_round(name)
    store = TimedStore(runtime.ports.store, metrics)
    store.get()
    for verb in VERBS:
        metrics.store_failed(verb)
    workers._expire()
    workers._forget()
    workers._chain()
    workers._read_backlog()

    assert sorted(names) == sorted(WORKERS)
    assert set(samples(metrics.text())) == before


def test_every_operation_begins_at_zero(runtime):
    metrics = Metrics()
    client = Client(web.ServerApplication(runtime, web.use_cases(runtime), metrics))
    counted = samples(metrics.text())
    requests = {
        name: value
        for name, value in counted.items()
        if name.startswith("counterseal_requests_total")
    }
    document = client.get("/openapi.json").json
    described = {
        f'counterseal_requests_total{{operation="{call["operationId"]}",status="{status}"}}'
        for calls in document["paths"].values()
        for call in calls.values()
        for status in call["responses"]
    }

    assert len(described) > 300
    assert described <= set(requests)
    for operation in ("none", "healthz", "readyz", "addRequest", "answerRequest"):
        for status in (404, 500, 503):
            name = f'counterseal_requests_total{{operation="{operation}",status="{status}"}}'
            assert requests[name] == 0
    assert set(requests.values()) == {0.0}
    assert counted['counterseal_request_seconds_count{operation="answerRequest"}'] == 0


def test_the_first_event_is_an_increase(runtime):
    metrics = Metrics()
    client = Client(web.ServerApplication(runtime, web.use_cases(runtime), metrics))
    runtime.keys.signer.path.unlink()
    name = 'counterseal_requests_total{operation="addRequest",status="401"}'

    before = samples(metrics.text())[name]
    client.post("/request/add", json={})

    assert samples(metrics.text())[name] - before == 1
