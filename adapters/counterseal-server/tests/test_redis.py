"""The service on Redis: processes of several machines share one, and stand in for each other."""

import contextlib
import http.client
import json
import os
import signal
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from program import ANNOUNCING, PATIENCE, Phone, eventually, hasty, stop
from standardwebhooks import Webhook

LOOK_SECONDS = 20.0
"""How often those who wait look at the store by themselves."""

PASSWORD = "canary-p%40ss"


def address(server, scheme="redis", query=""):
    return f"{scheme}://127.0.0.1:{server.port}{query}"


def of_cluster(cluster, query=""):
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in cluster.primaries)
    return f"redis+cluster://{hosts}{query}"


EVERY_SERVER = "EVERY_SERVER" in os.environ
CLUSTERED = "test_an_answer_at_one_machine_wakes_those_who_wait_at_the_other"
"""The test that runs over a cluster by default: messages reach the other machine by its nodes."""


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        chosen = ["cluster"] if metafunc.definition.name == CLUSTERED else ["redis"]
        names = ["redis", "cluster"] if EVERY_SERVER else chosen
        metafunc.parametrize("store", names, indirect=True)


@pytest.fixture
def store(request):
    server = request.getfixturevalue(request.param)
    return address(server) if request.param == "redis" else of_cluster(server)


@pytest.fixture
def two(new_service):
    """Return a function that makes one service of two machines."""

    def start_service(store, **env):
        first = new_service(store=store)
        second = new_service(store=store, beside=first)
        return first, second, [one.serve(**env) for one in (first, second)]

    return start_service


def polled(service, challenge):
    """Wait for the end of *challenge*, and return how it ended and when."""
    path = f"/request/getRequest?requestGuid={challenge}&wait=3000"
    status, output = service.call("GET", path)
    return status, output["status"], time.monotonic()


def followed(service, challenge, first):
    """The same by the stream of its states; *first* is set when one was read."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    headers = {"Authorization": service.output["authorization"]}
    with contextlib.closing(connection):
        connection.request("GET", f"/request/events?requestGuid={challenge}", headers=headers)
        response = connection.getresponse()
        output = response.readline()
        first.set()
        output += response.read()
        return response.status, "ANSWERED" if b"ANSWERED" in output else output, time.monotonic()


def test_an_answer_at_one_machine_wakes_those_who_wait_at_the_other(store, two, receiver):
    first, second, servers = two(store, program=ANNOUNCING, ANNOUNCING_LOOK=str(LOOK_SECONDS))
    took = []
    with ThreadPoolExecutor(2) as pool:
        for number in range(5):
            phone = Phone(first, f"user-{number}", receiver.url)
            phone.service = second
            poll = pool.submit(polled, first, phone.challenge)
            line = f"waits for {phone.challenge}"
            eventually(lambda line=line: line in first.log.read_text())
            output = threading.Event()
            stream = pool.submit(followed, first, phone.challenge, output)
            assert output.wait(PATIENCE)
            assert phone.answer()
            done = time.monotonic()
            for waiter in (poll, stream):
                status, state, woken = waiter.result(PATIENCE)
                assert (status, state) == (200, "ANSWERED")
                took.append(woken - done)

    assert statistics.median(took) < LOOK_SECONDS / 2, took
    eventually(lambda: len(receiver.received) >= 5)
    stop(*servers)
    assert len(receiver.received) == 5, "a callback was delivered twice"
    verify = Webhook(first.output["callbackSecret"]).verify
    assert len({verify(body, headers)["guid"] for headers, body in receiver.received}) == 5


def test_a_request_at_one_machine_wakes_the_device_that_waits_at_the_other(store, two, receiver):
    first, second, servers = two(store, program=ANNOUNCING, ANNOUNCING_LOOK=str(LOOK_SECONDS))
    took = []
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            account = f"user-{number}"
            phone = Phone(first, account, receiver.url)
            phone.service = second
            poll = pool.submit(phone.await_another)
            line = f"waits for {phone.device.bond.account}"
            eventually(lambda line=line: line in second.log.read_text())
            question = {"accountId": account, "content": "Dinner?"}
            _, dinner = first.call("POST", "/request/add", question)
            done = time.monotonic()
            status, guids, woken = poll.result(PATIENCE)
            assert (status, guids) == (200, [phone.challenge, dinner["guid"]])
            took.append(woken - done)
    assert statistics.median(took) < LOOK_SECONDS / 2, took
    stop(*servers)


def test_a_machine_that_is_killed_amid_answers_loses_none_of_them(redis, two, receiver):
    first, second, (server, _) = two(address(redis))
    phones = [Phone(first, f"user-{number}", receiver.url) for number in range(30)]
    accepted = set()

    def answer(phone):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if phone.answer():
                accepted.add(phone.challenge)

    threads = [threading.Thread(target=answer, args=[phone]) for phone in phones]
    for thread in threads:
        thread.start()
    eventually(lambda: len(accepted) >= 5)
    first.kill(server)
    for thread in threads:
        thread.join()

    for phone in phones:
        path = f"/request/getRequest?requestGuid={phone.challenge}"
        state = second.call("GET", path)[1]["status"]
        assert state == "ANSWERED" if phone.challenge in accepted else state != "REJECTED"
    # The first machine is started anew; the same words get the recorded result.
    first.serve()
    assert all(phone.answer() for phone in phones)
    everything = {phone.challenge for phone in phones}
    output = lambda: {json.loads(body)["guid"] for _, body in receiver.received}  # noqa: E731
    eventually(lambda: output() == everything)
    ids = {(json.loads(body)["guid"], headers["webhook-id"]) for headers, body in receiver.received}
    assert len(ids) == 30


def deliver(service, **how):
    """Run `callbacks run` beside *service*, and return the process once it is at work."""
    worker = service.run("callbacks", "run", **how)
    eventually(lambda: "delivering callbacks" in service.log.read_text())
    return worker


def test_each_callback_is_claimed_by_one_of_the_workers(store, two, receiver):
    first, second, _ = two(store, COUNTERSEAL_SENDERS="0")
    workers = [deliver(service) for service in (first, second)]

    phones = [Phone(first, f"user-{number}", receiver.url) for number in range(12)]
    assert all(phone.answer() for phone in phones)

    eventually(lambda: len(receiver.received) >= len(phones))
    stop(*workers)
    output = [json.loads(body)["guid"] for _, body in receiver.received]
    assert sorted(output) == sorted(phone.challenge for phone in phones)


@pytest.mark.parametrize("point", ["claimed", "sent"])
def test_a_claim_of_a_dead_worker_returns(redis, two, receiver, point):
    first, second, _ = two(address(redis), COUNTERSEAL_SENDERS="0")
    mark = first.folder / "died"
    program = [sys.executable, str(Path(__file__).with_name("crashing.py")), point, str(mark)]
    worker = deliver(first, program=program, **hasty(first))
    phone = Phone(first, "user-42", receiver.url)
    assert phone.answer()
    assert worker.wait(PATIENCE) == -signal.SIGKILL
    assert mark.exists()
    before = len(receiver.received)

    successor = deliver(second)

    eventually(lambda: len(receiver.received) > before)
    stop(successor)
    assert len(receiver.received) == before + 1
    assert before == {"claimed": 0, "sent": 1}[point]
    # Told twice, it has one name: at least once is what is promised.
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    assert {json.loads(body)["guid"] for _, body in receiver.received} == {phone.challenge}


def unready(service):
    """Return what `/readyz` says is failing; None if it says that all is well."""
    status, output = service.call("GET", "/readyz", plain=True)
    return output if status == 503 else None


def test_a_server_that_is_away_is_said_and_come_back_to(redis, new_service, receiver):
    service = new_service(store=address(redis, query="/0?socket_timeout=3&retries=1"))
    service.serve()
    phone = Phone(service, "user-42", receiver.url)

    redis.pause()
    # A verdict stands for a second.
    output = eventually(lambda: unready(service))
    assert output["failing"] == ["store"]
    assert service.answers("/healthz")
    path = f"/request/getRequest?requestGuid={phone.challenge}"
    status, output = service.call("GET", path)
    assert (status, output["code"]) == (503, "unavailable")

    redis.resume()
    eventually(lambda: service.answers("/readyz"))
    assert phone.answer()


def test_sentinels_lead_to_whoever_is_the_primary(sentinels, new_service, receiver):
    hosts = ",".join(f"127.0.0.1:{port}" for _, port in sentinels.sentinels)
    where = f"redis+sentinel://{hosts}/{sentinels.NAME}?durability=replicated&patience=1"
    service = new_service(store=where)
    service.serve()
    phone = Phone(service, "user-42", receiver.url)

    sentinels.fail_over()

    # Who was promoted has no replica yet, so that nothing can be as sure as is asked.
    assert not service.answers("/readyz")
    assert not phone.answer()
    sentinels.pair.primary.start()
    eventually(lambda: service.answers("/readyz"))
    assert phone.answer()


def test_no_log_and_no_command_says_the_password(redis, new_service, receiver):
    with redis.client() as client:
        client.acl_setuser(
            "zoe",
            enabled=True,
            passwords=["+canary-p@ss"],
            keys=["bank:*"],
            channels=["bank:*"],
            commands=["+@all", "-@dangerous", "+info"],
        )
    hidden = f"redis://zoe:{PASSWORD}@127.0.0.1:{redis.port}/0"
    service = new_service(store=f"{hidden}?prefix=bank")
    server = service.serve(COUNTERSEAL_LOG_LEVEL="debug")
    phone = Phone(service, "user-42", receiver.url)
    assert phone.answer()
    eventually(lambda: receiver.received)
    data = ("--data", service.folder / "data")
    purge = ("store", "purge", *data, "--store")
    origin = service.output["requestOriginGuid"]
    problems = [
        service.command("serve", *data, "--print-config"),
        service.command("invite", "user-43", *data, "--json"),
        service.command("account", "show", "user-42", *data),
        service.command("admin", "tree", *data, code=2),
        service.command("store", "purge", *data),
        service.command("callbacks", "dead", "--origin", origin, *data),
        service.command("keys", "rotate", *data),
        service.command("init", *data, *("--company", "B", "--app-space", "B", "--origin", "B"),
                        "--auth", "basic", code=2),
        # Another service's keys are not for this user, and a wrong password opens nothing.
        service.command(*purge, f"{hidden}?prefix=other", code=1),
        service.command(*purge, hidden.replace("canary", "canary2"), code=1),
        service.command(*purge, f"{hidden}/canary", code=2),
        service.command(*purge, f"{hidden}?canary=1", code=2),
    ]  # fmt: skip
    assert (
        f'# store = "redis://***@127.0.0.1:{redis.port}/0?***"  # COUNTERSEAL_STORE' in problems[0]
    )
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    for text in (*problems, service.log.read_text()):
        assert "canary" not in text
    assert "AuthenticationError" in problems[9]
