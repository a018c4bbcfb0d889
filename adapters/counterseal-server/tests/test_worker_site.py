"""Processes of workers reply to monitoring: metrics of their own, and that they run."""

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from program import eventually, stop
from promql import Scrape
from reserved_ports import reserve_port
from test_alerts import RULES

from counterseal.errors import InvalidField
from counterseal_server.metrics import READY_SECONDS, Metrics
from counterseal_server.worker_site import CONNECTIONS, WorkerSite

PATIENCE = 60
HEALTH = Path(__file__).parents[1] / "deploy" / "health.py"
LOCAL = "127.0.0.1"
OF_WORKERS = {
    "CountersealCallbackDropped",
    "CountersealDown",
    "CountersealFilesRunOut",
    "CountersealMixedReleases",
    "CountersealPushesFail",
    "CountersealPushesRefused",
    "CountersealStoreFails",
    "CountersealStoreSlow",
    "CountersealWorkerFails",
    "CountersealWorkerStuck",
}
"""The alerts about what happens in a process of workers."""


@pytest.fixture
def site():
    with WorkerSite(LOCAL, 0, Metrics(sweeps=False)) as opened:
        yield opened


def call(port, path, method="GET"):
    connection = http.client.HTTPConnection(LOCAL, port, timeout=PATIENCE)
    connection.request(method, path)
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


def test_it_replies_to_monitoring_and_to_nothing_else(site):
    status, text = call(site.server_port, "/metrics")

    assert status == 200
    assert 'counterseal_pushes_total{kind="webpush",outcome="misconfigured"} 0.0' in text
    # These are read by `serve` alone.
    assert "counterseal_dead_callbacks" not in text
    assert "counterseal_audit_unsigned_seconds" not in text
    assert call(site.server_port, "/metrics", "HEAD") == (200, "")
    assert call(site.server_port, "/healthz") == (200, '{"status": "alive"}')
    for path in ("/readyz/", "/metrics/", "/", "/metrics?all=1"):
        assert call(site.server_port, path) == (404, "{}")
    assert call(site.server_port, "/metrics", "POST")[0] == 501


def test_without_metrics_it_says_only_that_the_process_runs():
    with WorkerSite(LOCAL, 0, Metrics(sweeps=False), with_metrics=False) as site:
        assert call(site.server_port, "/metrics")[0] == 404
        assert call(site.server_port, "/healthz")[0] == 200


def test_it_is_ready_while_each_worker_does_its_work():
    now = [1_000.0]
    metrics = Metrics(lambda: now[0], sweeps=False)

    def failing(site):
        status, text = call(site.server_port, "/readyz")
        document = json.loads(text)
        assert (status, document["status"]) in {(200, "ready"), (503, "unready")}
        return document.get("failing")

    with WorkerSite(LOCAL, 0, metrics) as site:
        assert failing(site) == ["workers"]
        for name in ("events", "callbacks"):
            metrics.began(name)
        assert failing(site) == ["callbacks", "events"]
        metrics.worked("events")
        assert failing(site) == ["callbacks"]
        metrics.worked("callbacks")
        assert failing(site) is None
        now[0] += READY_SECONDS
        metrics.worked("events")
        assert failing(site) is None
        now[0] += 1
        assert failing(site) == ["callbacks"]


def check_health(**variables):
    """Return the exit code of the image's health check, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", HEALTH],
        env={f"COUNTERSEAL_{name}": str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout


def test_the_health_check_of_the_image_is_for_workers_too():
    metrics = Metrics(sweeps=False)
    metrics.began("callbacks")
    unused_port = reserve_port()
    with WorkerSite(LOCAL, 0, metrics) as site:
        ports = {"PORT": unused_port, "WORKER_PORT": site.server_port}
        code, printed = check_health(**ports)
        assert code == 1
        assert '{"status": "unready", "failing": ["callbacks"]}' in printed
        metrics.worked("callbacks")
        assert check_health(**ports) == (0, '{"status": "ready"}\n')
    assert check_health(**ports)[0] == 1


def test_callers_that_send_nothing_occupy_only_so_many_threads(site):
    address = (LOCAL, site.server_port)
    idle = [socket.create_connection(address, PATIENCE) for _ in range(CONNECTIONS)]

    with socket.create_connection(address, PATIENCE) as another:
        assert another.recv(1) == b""

    for each in idle:
        each.close()
    eventually(lambda: answers(site.server_port))


def answers(port):
    try:
        return call(port, "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_port_that_is_in_use_is_refused(site):
    with pytest.raises(InvalidField, match=f"^worker_port: cannot listen at {LOCAL}:"):
        WorkerSite(LOCAL, site.server_port, Metrics())


def test_what_a_process_of_workers_does_is_counted_in_it(new_service, founded, receiver):
    service = new_service(like=founded, fresh=True)
    service.serve(COUNTERSEAL_SENDERS="0")
    port = reserve_port()
    worker = service.run("callbacks", "run", COUNTERSEAL_WORKER_PORT=str(port))
    service.bind()
    challenge = service.ask(receiver.url)
    service.device("answer", challenge["guid"], "--button", "0", "--code", challenge["code"])

    def delivered():
        assert worker.poll() is None, service.log.read_text()
        if not answers(port):
            return None
        text = call(port, "/metrics")[1]
        # The commit that ends the attempt is counted after the attempt.
        lines = {
            'counterseal_callback_attempts_total{outcome="DELIVERED"} 1.0',
            'counterseal_worker_rounds_total{worker="callbacks"}',
        }
        committed = 'counterseal_store_seconds_count{verb="commit"} 0.0' not in text
        return text if committed and all(line in text for line in lines) else None

    text = eventually(delivered)
    scrape = Scrape(text)
    absent = {name: scrape.absent(RULES[name]["expr"]) for name in OF_WORKERS}
    assert {name: nothing for name, nothing in absent.items() if nothing} == {}
    assert call(port, "/healthz")[0] == 200
    # What wakes the workers has to have ended its first wait, of a second.
    eventually(lambda: call(port, "/readyz") == (200, '{"status": "ready"}'))
    stop(worker)
