"""The application: what operators ask of it, request ids, and what logs and metrics may hold."""

import asyncio
import contextlib
import json
import logging
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import event
from werkzeug.test import Client

from counterseal import Credentials
from counterseal.credentials.documents import write_cx1
from counterseal.memory import SystemEntropy
from counterseal.models import OPERATOR, Algorithm
from counterseal_keys import private_files
from counterseal_server import logs, web
from counterseal_server.configuration import settings
from counterseal_server.gateway import STARTED
from counterseal_server.metrics import Metrics
from counterseal_server.readiness import CHECKS, FRESH_SECONDS, STUCK_SECONDS, WINDOW, Readiness
from counterseal_server.runtime import Runtime
from counterseal_server.thread_pool import Exhaustion
from counterseal_web import REQUEST_ID, Service

CANARY = "canary-f00"
PATIENCE = 240


def serve(runtime):
    return Client(web.ServerApplication(runtime, web.use_cases(runtime), Metrics()))


@pytest.fixture
def open_runtime(tmp_path):
    opened = []

    def make(**environment):
        variables = {f"COUNTERSEAL_{name}": text for name, text in environment.items()}
        runtime = Runtime(settings({"data": tmp_path / "data"}, variables))
        opened.append(runtime)
        private_files.make_folder(runtime.settings.data)
        if not runtime.keys.master_keys.path.exists():
            runtime.keys.master_keys.create(SystemEntropy())
            runtime.keys.signer.create(Algorithm.ES256)
        runtime.records.create()
        runtime.prepare()
        return runtime

    yield make
    for runtime in opened:
        runtime.close()


@pytest.fixture
def runtime(open_runtime):
    return open_runtime()


@pytest.fixture
def client(runtime):
    return serve(runtime)


@pytest.fixture
def log_lines():
    """Return the lines that are logged, as they would be written."""
    lines = []

    class Ear(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    ear, root = Ear(), logging.getLogger()
    before = {name: logging.getLogger(name).level for name in ("", *logs.OURS)}
    ear.setFormatter(logs.Json())
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(ear)
    yield lines
    root.removeHandler(ear)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_alive_and_ready(client):
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_not_ready_without_keys(client, runtime):
    runtime.keys.signer.path.unlink()
    client.get("/healthz")
    fresh = serve(Runtime(runtime.settings)).get("/readyz")
    assert (fresh.status_code, fresh.json) == (503, {"status": "unready", "failing": ["signer"]})


def test_not_ready_without_a_database(open_runtime, tmp_path):
    runtime = open_runtime()
    runtime.close()
    for file in (tmp_path / "data").glob("counterseal.db*"):
        file.unlink()
    (tmp_path / "data" / "counterseal.db").mkdir()
    answer = serve(runtime).get("/readyz")
    assert answer.json == {"status": "unready", "failing": ["store"]}


def test_not_ready_where_nothing_can_be_written(client, runtime, log_lines):
    assert client.get("/readyz").status_code == 200
    database = runtime.records.database
    database.close()
    event.listen(database.engine, "connect", lambda one, _: one.execute("PRAGMA query_only = ON"))

    answer = serve(runtime).get("/readyz")

    assert (answer.status_code, answer.json["failing"]) == (503, ["store"])
    output = " ".join(json.loads(line)["message"] for line in log_lines)
    assert "the database failed: OperationalError SQLITE_READONLY" in output
    assert "not ready: store: store_unavailable" in output


def test_not_ready_on_a_redis_that_takes_no_writes(open_runtime, redis):
    runtime = open_runtime(STORE=f"redis://127.0.0.1:{redis.port}")
    assert serve(runtime).get("/readyz").status_code == 200
    with Redis(port=redis.port) as client:
        client.config_set("min-replicas-to-write", 1)

    answer = serve(runtime).get("/readyz")

    assert (answer.status_code, answer.json["failing"]) == (503, ["store"])


def test_many_looks_at_readiness_write_once_a_second(runtime):
    now = [0.0]
    readiness = Readiness(runtime, {}, lambda: now[0])
    counted = runtime.ports.counters
    for _ in range(5):
        assert readiness.failing() == []
    assert counted.add(CHECKS, WINDOW) == 2, "theirs, and this one"
    now[0] += FRESH_SECONDS
    readiness.failing()
    assert counted.add(CHECKS, WINDOW) == 4


@pytest.mark.parametrize("what", ["bodies", "threads"])
def test_not_ready_when_nothing_came_free_for_a_minute(runtime, log_lines, what):
    now = [0.0]
    exhaustions = {name: Exhaustion(1, lambda: now[0]) for name in ("bodies", "threads")}
    app = web.ServerApplication(runtime, web.use_cases(runtime), Metrics(), exhaustions)
    client = Client(app)
    exhaustions[what].take()
    now[0] = STUCK_SECONDS - 0.1
    assert client.get("/readyz").status_code == 200
    now[0] = STUCK_SECONDS
    before = runtime.ports.counters.add(CHECKS, WINDOW)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "unready", "failing": [what]})
    output = " ".join(json.loads(line)["message"] for line in log_lines)
    assert f"not ready: no {what} came free for a minute" in output
    # It is said without a look at the records.
    assert runtime.ports.counters.add(CHECKS, WINDOW) == before + 1
    exhaustions[what].give_back()
    exhaustions[what].take()
    assert client.get("/readyz").status_code == 200


def test_metrics_say_how_much_is_in_use(runtime):
    metrics = Metrics()
    web.build_gateway(runtime, web.use_cases(runtime), metrics, lambda: None)
    text = metrics.text().decode()
    for what in ("bodies", "threads"):
        assert f'counterseal_in_use{{what="{what}"}} 0.0' in text


def test_a_request_keeps_a_fit_id_and_gets_another_for_one_that_is_not(client):
    response = client.get("/healthz", headers={"X-Request-Id": "abc-123"})
    assert response.headers["X-Request-Id"] == "abc-123"
    for unfit in ("", "a b", "x" * 65, "<script>"):
        other = client.get("/healthz", headers={"X-Request-Id": unfit})
        assert len(other.headers["X-Request-Id"]) == 2 * web.ID_BYTES


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("PUT", "/healthz"),
        ("PUT", "/account/bind"),
        ("PUT", "/api/account/bind"),
        ("POST", "/device/answer"),
        ("GET", "/device/requests"),
        ("POST", "/admin/api/companies/new"),
    ],
)
def test_a_problem_names_the_request_as_its_header_and_the_log_do(client, log_lines, method, path):
    reply = client.open(path, method=method)
    assert reply.content_type == "application/problem+json"
    assert reply.json["requestId"] == reply.headers["X-Request-Id"]
    assert reply.json["requestId"] in {json.loads(line).get("requestId") for line in log_lines}
    second = client.open(path, method=method, headers={"X-Request-Id": "abc-123"})
    assert second.json == reply.json | {"requestId": "abc-123"}
    assert REQUEST_ID.get() is None


def test_what_is_nowhere_is_a_problem(client):
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert (answer.json["code"], answer.json["status"]) == ("no_such_endpoint", 404)
    refused = client.put("/healthz")
    assert (refused.status_code, refused.json["code"]) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path",
    ["//request/add", "/request///add", "/x//y", "//healthz", "//metrics", "///metrics", "//"],
)
def test_a_path_with_two_slashes_is_nowhere(client, path):
    for method in ("GET", "POST"):
        # As a server passes it on: the test client takes what follows two slashes for a host.
        reply = client.open("/", method=method, environ_overrides={"PATH_INFO": path})
        assert (reply.status_code, reply.content_type) == (404, "application/problem+json")


def test_metrics_count_operations_and_nothing_that_was_sent(client):
    client.get(f"/{CANARY}")
    client.get(f"/request/{CANARY}?token={CANARY}", headers={"Authorization": CANARY})
    client.open("/healthz", method="CANARY")
    text = client.get("/metrics").text
    assert 'counterseal_requests_total{operation="none",status="404"} 1.0' in text
    assert CANARY not in text
    assert "CANARY" not in text


def test_metrics_may_be_off(open_runtime):
    client = serve(open_runtime(METRICS="no"))
    assert client.get("/metrics").status_code == 404


def test_administrators_are_served(runtime, client):
    new_admin = Credentials(runtime.ports, runtime.policy, by=OPERATOR).create_admin(
        "An admin", all_companies=True
    )
    uri = f"{runtime.settings.public_url}/admin/api/companies/new"
    body = b'{"name":"Example Ltd"}'
    header = write_cx1(
        new_admin.secret,
        method="POST",
        uri=uri,
        milliseconds=int(runtime.ports.clock.now().timestamp() * 1_000),
        guid=new_admin.guid,
        body=body,
    )
    answer = client.post(
        "/admin/api/companies/new",
        data=body,
        content_type="application/json",
        headers={"Authorization": header},
    )
    assert answer.status_code == 201
    assert "/admin/api/companies/new" in client.get("/openapi.json").json["paths"]


def test_administrators_may_be_left_out(open_runtime):
    client = serve(open_runtime(ADMINISTRATION="no"))
    assert client.post("/admin/api/companies/new").status_code == 404
    assert "/admin/api/companies/new" not in client.get("/openapi.json").json["paths"]


def test_logs_hold_nothing_that_was_sent(client, log_lines):
    client.get(f"/{CANARY}?a={CANARY}", headers={"Authorization": f"Basic {CANARY}"})
    client.put(f"/account/bind?{CANARY}", json={CANARY: CANARY}, headers={"Authorization": CANARY})
    client.post("/device/answer", data=CANARY, content_type="application/jose")
    client.post("/device/bind", json={"token": CANARY, "keys": []})
    assert len(log_lines) >= 4
    assert CANARY not in "".join(log_lines)


def test_the_log_level_is_that_of_every_logger_that_serve_uses():
    sources = Path(__file__).parents[2].glob("counterseal-*/src/*/**/*.py")
    loggers = {
        name
        for path in sources
        for name in re.findall(r'getLogger\("(counterseal\w*)', path.read_text("utf-8"))
    }
    assert loggers >= {"counterseal_web", "counterseal_aap"}
    # The MCP server is a process of its own, and so is a Django project.
    assert loggers - {*logs.OURS} == {"counterseal_django", "counterseal_mcp"}


def test_a_line_names_its_request(client, log_lines):
    client.put("/account/bind", headers={"X-Request-Id": "abc-123"})
    output = [json.loads(line) for line in log_lines]
    assert all(line["requestId"] == "abc-123" for line in output if "server" in line["logger"])
    assert "PUT bindAccount 401" in " ".join(line["message"] for line in output)


def test_a_request_is_timed_from_its_head(client, log_lines):
    an_hour = 3_600
    started = time.perf_counter() - an_hour
    client.put("/account/bind", environ_overrides={STARTED: started})
    (line,) = [text for text in log_lines if "PUT bindAccount 401" in text]
    milliseconds = float(re.search(r"401 ([0-9.]+) ms", line)[1])
    assert milliseconds >= 1_000 * an_hour
    text = client.get("/metrics").text
    (total,) = re.findall(r'request_seconds_sum{operation="bindAccount"} (\S+)', text)
    assert float(total) >= an_hour


def test_a_refusal_that_is_not_logged_has_no_request_id(log_lines):
    refusal = web.refuse(Metrics(), 0.5)
    assert log_lines == []
    assert "requestId" not in json.loads(refusal.body)
    assert "X-Request-Id" not in refusal.headers


def test_a_request_that_no_thread_takes_is_503_with_retry_after_and_counted():
    metrics = Metrics()
    refusal = web.refuse(metrics, 0.5)
    assert (refusal.status, refusal.headers["Retry-After"]) == (503, "1")
    assert refusal.headers["Content-Type"] == "application/problem+json"
    assert int(refusal.headers["Content-Length"]) == len(refusal.body)
    assert json.loads(refusal.body)["code"] == "busy"
    text = metrics.text().decode()
    assert 'counterseal_requests_total{operation="none",status="503"} 1.0' in text


SIXTY_KB = 60_000


@pytest.mark.parametrize("form", [logs.Human(), logs.Json()], ids=["human", "json"])
@pytest.mark.parametrize(
    "text",
    [
        {"method": "A" * SIXTY_KB},
        {"path": "/" + "a" * SIXTY_KB},
        {"query_string": "a" * SIXTY_KB},
        {"headers": {"X-Request-Id": "a" * SIXTY_KB}},
        {"headers": {"Authorization": "Basic " + "a" * SIXTY_KB}},
        {"headers": {"Host": "a" * SIXTY_KB}},
        {"path": "/device/requests", "headers": {"Counterseal-Proof": "a" * SIXTY_KB}},
        {"path": "/request/add", "method": "POST", "data": b"[" * SIXTY_KB},
    ],
    ids=" ".join,
)
def test_a_request_writes_short_lines_only(client, log_lines, form, text):
    logging.getLogger().handlers[-1].setFormatter(form)
    client.open(**{"path": "/healthz", "method": "GET"} | text)
    assert log_lines
    assert max(map(len, log_lines)) < 300


@pytest.mark.parametrize("form", [logs.Human(), logs.Json()], ids=["human", "json"])
@given(
    text=st.text(max_size=40),
    times=st.sampled_from([0, 1, 100, 2_000]),
    where=st.sampled_from(["message", "argument", "two", "error", "logger"]),
)
def test_no_line_is_longer_than_the_limit(form, text, times, where):
    long = text * times

    class Thrown:
        def __str__(self):
            return long

    message, args, name = {
        "message": (long.replace("%", "%%") + "%d", (1,), "counterseal"),
        "argument": ("%s: %d", (long, 1), "counterseal"),
        "two": ("%s %r", (Thrown(), long), "counterseal"),
        "error": ("%s", (ValueError(long),), "counterseal"),
        "logger": ("said", (), long),
    }[where]
    record = logging.LogRecord(name, logging.WARNING, "", 0, message, args, None)

    line = form.format(record)

    assert len(line.encode()) <= logs.LINE_LIMIT
    assert "\n" not in line
    if isinstance(form, logs.Json):
        output = json.loads(line)
        assert set(output) == {"time", "level", "logger", "message"}
        assert len(output["logger"]) <= logs.FIELD_LIMIT
        fits = len(long) <= logs.FIELD_LIMIT and len(json.dumps(long)) < logs.LINE_LIMIT - 300
        if where == "argument" and fits:
            assert output["message"] == f"{long}: 1", "what fits is whole"
    if where == "argument" and len(long) > logs.FIELD_LIMIT:
        assert "cut off" in line, "what is cut off is said"


def test_an_error_is_logged_by_kind_and_place():
    with pytest.raises(ValueError, match=CANARY) as raised:
        int(CANARY)
    output = (raised.type, raised.value, raised.tb)
    record = logging.LogRecord("counterseal_server", logging.ERROR, "", 0, "a\nb", (), output)
    human, program = logs.Human().format(record), json.loads(logs.Json().format(record))
    for text in (human, program["message"]):
        assert CANARY not in text
        assert "ValueError" in text
        assert "test_web.py" in text
    assert "\n" not in human
    assert set(program) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize("form", ["human", "json"])
def test_logs_are_configured_once(form, capsys):
    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        logs.configure_logs(form, "info")
        logs.configure_logs(form, "info")
        logging.getLogger("counterseal_server").info("said")
        logging.getLogger("counterseal_server").debug("not said")
        logging.getLogger("another").info("not said")
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert "said" in lines[0]
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        for name in logs.OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)


async def ask_gateway(gateway, path, method="GET", body=b""):
    """Return the status that a request to the gateway gets."""
    text = []
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return pieces.pop(0)

    async def send(message):
        text.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-length", str(len(body)).encode())],
        "client": ("192.0.2.1", 4_000),
    }
    await gateway(scope, receive, send)
    return text[0]["status"]


def test_operators_are_answered_while_every_thread_for_requests_hangs(open_runtime):
    runtime = open_runtime(THREADS="2", WAITERS="1")
    service = web.use_cases(runtime)
    entered, go = threading.Semaphore(0), threading.Event()

    @contextlib.contextmanager
    def hang():
        entered.release()
        assert go.wait(PATIENCE)
        with runtime.records.call():
            yield

    hanging_service = Service(runtime.ports, runtime.policy, service.settings, call=hang)
    gateway = web.build_gateway(runtime, hanging_service, Metrics(), lambda: None)

    async def run():
        hanging = [
            asyncio.ensure_future(ask_gateway(gateway, "/account/bind", "PUT", b"{}"))
            for _ in range(4)
        ]
        for _ in range(2):
            assert await asyncio.to_thread(entered.acquire, timeout=PATIENCE)
        for path in ("/healthz", "/readyz", "/metrics"):
            assert await ask_gateway(gateway, path) == 200
        assert not any(task.done() for task in hanging)
        go.set()
        assert {await task for task in hanging} == {401}

    asyncio.run(run())
