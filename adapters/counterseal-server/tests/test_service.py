"""The service as a program: two processes, a device, a shop, signals and a kill -9."""

import base64
import contextlib
import http.client
import json
import re
import resource
import select
import signal
import socket
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from program import (
    ANNOUNCING,
    PATIENCE,
    PIN,
    QUESTION,
    Phone,
    eventually,
    hasty,
    stop,
)
from standardwebhooks import Webhook

from counterseal import Administration, Credentials, trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.credentials.documents import write_cx1
from counterseal.device import Bond, SoftwareDevice
from counterseal.keys import unb64url
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import OPERATOR, AddressKind, PushAddress, Scheme
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime


def test_from_an_empty_folder_to_a_verified_callback(service, receiver):
    server = service.serve(COUNTERSEAL_LOG_LEVEL="debug", COUNTERSEAL_LOG_FORMAT="json")
    assert service.bind().startswith("bound: device ")
    question = service.ask(receiver.url)

    (waiting,) = json.loads(service.device("pending", "--json"))["requests"]
    assert waiting["challenge"] == question["guid"]
    assert waiting["content"] == {"text": "Pay 10 EUR to Zoë?"}
    assert "Pay 10 EUR to Zo" in service.device("show", question["guid"])
    wrong = service.device("answer", question["guid"], "--button", "0", "--code", "000", code=1)
    assert "wrong_code" in wrong
    output = service.device("answer", question["guid"], "--button", "0", "--code", question["code"])

    assert output == "ANSWERED, approved\nreceipt: number 1, valid\n"
    headers, body = eventually(lambda: receiver.received)[0]
    event = Webhook(service.output["callbackSecret"]).verify(body, headers)
    assert event["guid"] == question["guid"]
    assert event["buttonSelected"] == 0
    status, again = service.call("GET", f"/request/getRequest?requestGuid={question['guid']}")
    assert (status, again["status"]) == (200, "ANSWERED")
    assert json.loads(service.device("status", "--json"))["name"] == "phone"
    assert service.device("pending") == "There are no open questions.\n"

    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    log = service.log.read_text()
    assert json.loads(log.splitlines()[-1])["message"] == "stopped"
    secrets = [
        service.output[name] for name in ("key", "authorization", "callbackSecret", "adminKey")
    ]
    for secret in (*secrets, PIN, "user-42", "10 EUR"):
        assert secret not in log
    # Six digits may be a part of a GUID, a time or the id of a request.
    assert not re.search(rf"\b{question['code']}\b", log)


def test_a_disown_over_a_link(service, receiver):
    service.serve()
    link = service.command("invite", "user-42", "--data", service.folder / "data").splitlines()[0]
    service.device("bind", "--url", service.url, "--link", link)
    question = service.ask(receiver.url)

    assert service.device("disown", question["guid"]).startswith("DISOWNED, not approved\n")

    _, body = eventually(lambda: receiver.received)[0]
    assert json.loads(body)["state"] == "DISOWNED"
    assert "home: there is a bound device" in service.device(
        "bind", "--url", service.url, "--link", link, code=2
    )


def test_a_kill_right_after_an_answer_loses_no_callback(service, receiver):
    receiver.status = 503
    server = service.serve(**hasty(service))
    service.bind()
    question = service.ask(receiver.url)
    service.device("answer", question["guid"], "--button", "0", "--code", question["code"])

    service.kill(server)
    receiver.status = 204
    before = len(receiver.received)
    service.serve(**hasty(service))

    headers, body = eventually(lambda: receiver.received[before:])[0]
    assert (
        Webhook(service.output["callbackSecret"]).verify(body, headers)["guid"] == question["guid"]
    )
    ids = {headers["webhook-id"] for headers, _ in receiver.received}
    assert len(ids) == 1


def test_a_stop_lets_those_go_who_wait(service, receiver):
    server = service.serve(program=ANNOUNCING, ANNOUNCING_LOOK="1", COUNTERSEAL_GRACE="600s")
    phone = Phone(service, "user-42", receiver.url)
    path = f"/request/getRequest?requestGuid={phone.challenge}&wait=3000"
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(service.call, "GET", path)
        eventually(lambda: f"waits for {phone.challenge}" in service.log.read_text())

        stop(server)

        status, document = polled.result(PATIENCE)
    assert (status, document["status"]) == (200, "SEEN")


def test_nobody_serves_on_when_the_main_process_is_killed(service):
    server = service.serve()
    server.kill()
    server.wait(PATIENCE)
    eventually(lambda: not service.answers("/healthz"))


def test_sixteen_clients_at_once_see_no_error_and_nobody_is_stuck(service, receiver):
    service.serve()
    rounds = 3

    def client(number):
        for round_number in range(rounds):
            phone = Phone(service, f"user-{number}-{round_number}", receiver.url)
            path = f"/request/getRequest?requestGuid={phone.challenge}"
            with ThreadPoolExecutor(1) as second:
                polled = second.submit(service.call, "GET", f"{path}&wait=25")
                assert phone.answer()
            status, output = polled.result()
            assert (status, output["status"]) == (200, "ANSWERED")
            assert service.call("GET", path) == (status, output)

    with ThreadPoolExecutor(16) as clients:
        list(clients.map(client, range(16)))

    eventually(
        lambda: len({headers["webhook-id"] for headers, _ in receiver.received}) == 16 * rounds
    )


def test_a_kill_amid_fifty_answers_loses_none_of_them(service, receiver):
    server = service.serve(**hasty(service))
    phones = [Phone(service, f"user-{number}", receiver.url) for number in range(50)]
    accepted, killed = set(), threading.Event()

    def answer(phone):
        if phone is phones[-1]:  # so that not all of them are accepted
            killed.wait(PATIENCE)
        with contextlib.suppress(OSError, http.client.HTTPException):
            if phone.answer():
                accepted.add(phone.challenge)

    threads = [threading.Thread(target=answer, args=[phone]) for phone in phones]
    for thread in threads:
        thread.start()
    eventually(lambda: len(accepted) >= 10)
    service.kill(server)
    killed.set()
    for thread in threads:
        thread.join()
    assert len(accepted) < 50
    service.serve()

    def state(phone):
        path = f"/request/getRequest?requestGuid={phone.challenge}"
        return service.call("GET", path)[1]["status"]

    answered = {phone.challenge for phone in phones if state(phone) == "ANSWERED"}
    assert accepted <= answered
    for phone in phones:
        # Once more: the same words get the recorded result.
        assert phone.answer()
    everything = {phone.challenge for phone in phones}
    output = lambda: {json.loads(body)["guid"] for _, body in receiver.received}  # noqa: E731
    eventually(lambda: output() == everything)
    ids = {(json.loads(body)["guid"], headers["webhook-id"]) for headers, body in receiver.received}
    assert len(ids) == 50


@pytest.mark.parametrize("point", ["answered", "claimed", "sent", "recorded"])
def test_s30_a_kill_at_each_point_of_the_outbox_loses_nothing(service, receiver, point):
    mark = service.folder / "died"
    program = [sys.executable, str(Path(__file__).with_name("crashing.py")), point, str(mark)]
    server = service.serve(program=program, **hasty(service))
    phone = Phone(service, "user-42", receiver.url)

    # Whoever answers may see the connection break: the answer stands all the same.
    with contextlib.suppress(OSError, http.client.HTTPException):
        phone.answer()
    assert server.wait(PATIENCE) == -signal.SIGKILL
    assert mark.exists()
    before = len(receiver.received)
    assert before == {"answered": 0, "claimed": 0, "sent": 1, "recorded": 1}[point]

    successor = service.serve()
    path = f"/request/getRequest?requestGuid={phone.challenge}"
    output = service.call("GET", path)[1]
    assert (output["status"], output["buttonSelected"]) == ("ANSWERED", 0)
    assert phone.answer()  # once more: the same words get the recorded result
    assert service.call("GET", path)[1] == output
    again = 0 if point == "recorded" else 1
    eventually(lambda: len(receiver.received) >= before + again)
    stop(successor)
    assert len(receiver.received) == before + again
    verify = Webhook(service.output["callbackSecret"]).verify
    deliveries = [verify(body, headers) for headers, body in receiver.received]
    assert {each["guid"] for each in deliveries} == {phone.challenge}
    assert {each["receipt"] for each in deliveries} == {output["receipt"]}
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


@pytest.mark.parametrize("point", ["publishing", "logged", "published", "sent"])
def test_s30_a_kill_at_each_point_of_an_event_loses_nothing_and_keeps_the_order(
    service, receiver, point
):
    data = ("--data", service.folder / "data")
    private = {"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1"}
    origin = service.output["requestOriginGuid"]
    edit = ("admin", "edit-origin", origin, "--events-url", receiver.url, *data)
    service.command(*edit, **private)
    service.command("invite", "user-42", *data)
    mark = service.folder / "died"
    program = [sys.executable, str(Path(__file__).with_name("crashing.py")), point, str(mark)]
    server = service.serve(program=program, **hasty(service))

    service.command("account", "lock", "user-42", *data)
    assert server.wait(PATIENCE) == -signal.SIGKILL
    assert mark.exists()
    service.command("account", "unlock", "user-42", *data)
    before = len(receiver.received)
    # The attempt begins when the log is stored, and need not have been sent when the process dies.
    assert before in {"publishing": {0}, "sent": {1}}.get(point, {0, 1})

    verify = Webhook(service.output["callbackSecret"]).verify

    def received_types():
        return [verify(body, headers)["type"] for headers, body in receiver.received]

    successor = service.serve()
    eventually(lambda: "unlocked" in received_types())
    page = service.call("GET", "/events")[1]
    stop(successor)

    deliveries = [verify(body, headers) for headers, body in receiver.received]
    *locked, unlocked = received_types()
    assert ({*locked}, unlocked) == ({"locked"}, "unlocked")
    # Its outcome may have been recorded before, too, but not where it dies as it is sent.
    assert len(locked) in ({2} if point == "sent" else {max(1, before), before + 1})
    ids = [headers["webhook-id"] for headers, _ in receiver.received]
    assert ids == [each["guid"] for each in deliveries]
    assert len(set(ids)) == 2
    assert [each["guid"] for each in page["events"]] == list(dict.fromkeys(ids))
    assert [each["sequence"] for each in page["events"]] == [1, 2]


CANARY = "canary7f3a"
CANARIES = re.compile(rf"{CANARY}[\w-]*")


def canary(name):
    return f"{CANARY}-{name}"


def found_in(text, secrets):
    """Return the names of those *secrets* that *text* has, not as a part of something longer."""
    pattern = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
    # Microseconds have six digits, as a code has.
    text = re.sub(r"datetime\.datetime\([^)]*\)", "", text)
    return [
        name
        for name, secret in secrets.items()
        if re.search(pattern.format(re.escape(secret)), text)
    ]


def every_reply(service):
    """Let the service's calls keep what was answered; return the kept."""
    calls, call = [], service.call

    def recording_call(*args, **kwargs):
        reply = call(*args, **kwargs)
        calls.append(reply)
        return reply

    service.call = recording_call
    return calls


def raw(service, method, path, body=b"", **headers):
    """Call as no client of ours would."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    header_names = {name.replace("_", "-"): value for name, value in headers.items()}
    with contextlib.closing(connection):
        connection.request(method, path, body or None, header_names)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_s34_no_secret_is_said_in_a_log_a_problem_a_metric_an_audit_event_or_a_repr(  # noqa: PLR0915 (a whole day of the service)
    service, receiver
):
    """
    What is said nowhere: keys, secrets, tokens, proofs, signatures, nonces, codes, PINs, push
    addresses, and what is asked, of whom and with which callback.

    A code and a session token are said once, in the reply that makes them; what is asked, to
    whoever asked it and to the device. Account ids and the names of devices are in the repr of
    their records, and in no log, problem, metric or audit event.
    """
    master_key = base64.b64encode(CANARY.ljust(32, "!").encode()).decode()
    path = service.folder / "data" / "keys" / "master.key"
    # The newest seals from now on; what is sealed already needs the old one.
    env = {"COUNTERSEAL_MASTER_KEY": f"{master_key},{path.read_text().strip()}"}
    service.serve(COUNTERSEAL_LOG_LEVEL="debug", **env)
    replies = every_reply(service)
    secrets = {
        "basic": service.output["key"],
        "authorization": service.output["authorization"].removeprefix("Basic "),
        "webhook": service.output["callbackSecret"].removeprefix("whsec_"),
        "admin": service.output["adminKey"],
        "master": master_key,
        "old master": path.read_text().strip(),
        "pin": canary("pin"),
        "push address": canary("push"),
        "callback": canary("callback"),
    }
    inputs = ["account", "user-info", "content", "info", "transaction", "title", "body", "name"]
    secrets |= {name: canary(name) for name in inputs}

    def problem(status, reply):
        assert reply[0] == status, reply
        replies.append(reply)

    with Runtime(settings({"data": service.folder / "data"}, env)) as runtime:
        administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
        credentials = Credentials(runtime.ports, runtime.policy, by=OPERATOR)
        hmac_origin = administration.create_origin(service.output["appSpaceGuid"], "HMAC shop")
        administration.allow_callback(
            service.output["requestOriginGuid"], f"{receiver.url}?t={canary('callback')}"
        )
        secrets["hmac"] = credentials.issue(hmac_origin.guid, Scheme.HMAC).secret
        now = int(time.time() * 1000)
        uri = f"{service.url}/request/getAll?accountId={canary('account')}"
        signed = write_cx1(
            secrets["hmac"],
            method="GET",
            uri=uri,
            milliseconds=now,
            guid=hmac_origin.guid,
            body=b"",
        )
        secrets["mac"] = signed.rpartition(":")[2].rpartition(" ")[2]

        # A bind, with user info, a name and a push address
        body = {"accountId": canary("account"), "userInfo": canary("user-info")}
        _, invited = service.call("PUT", "/account/bind", body)
        secrets["session token"] = invited["sessionToken"].partition(".")[2]
        device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=canary("pin"), cost=2
        )
        enrolment = device.enrolment(
            invited["sessionToken"],
            invited["appSpaceGuid"],
            pin=canary("pin"),
            name=canary("name"),
            addresses=(PushAddress(kind=AddressKind.RELAY, value=canary("push")),),
        )
        _, bound = service.call("POST", "/device/bind", enrolment_document(enrolment))
        device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        proofs = []

        def signed_request(method, path, body=b""):
            call = device.signed_call(method, service.url + path, body)
            proofs.append(call.proof)
            kind = "application/jose" if b"." in body[:200] else "application/json"
            status, text = raw(
                service, method, path, body, Counterseal_Proof=call.proof, Content_Type=kind
            )
            return status, json.loads(text) if text else None

        # A question, read, answered with a wrong PIN, a wrong code and at last rightly
        question = {
            "accountId": canary("account"),
            "content": canary("content"),
            "additionalInfo": canary("info"),
            "transactionId": canary("transaction"),
            "notificationTitle": canary("title"),
            "notificationBody": canary("body"),
            "showCode": True,
            "callback": f"{receiver.url}?t={canary('callback')}",
        }
        _, issued = service.call("POST", "/request/add", question)
        secrets["code"] = issued["code"]
        display = signed_request("GET", f"/device/requests/{issued['guid']}")[1]["display"]
        tries = [("0000", issued["code"]), (canary("pin"), canary("code"))]
        answers = [device.answer(display, 0, pin=pin, code=code) for pin, code in tries]
        answers.append(device.answer(display, 0, pin=canary("pin"), code=issued["code"]))
        for token, status in zip(answers, (403, 403, 200), strict=True):
            reply = signed_request("POST", "/device/answer", token.encode())
            assert reply[0] == status, reply
            replies.append(reply)
        telemetry = {"event": "seen", "attributes": {"at": "12:00"}}
        assert signed_request("POST", "/device/telemetry", json.dumps(telemetry).encode())[0] == 204
        rotation = device.rotation(pin=canary("pin"), new_pin=canary("pin"))
        assert signed_request("POST", "/device/rotate", rotation.body)[0] == 200
        (headers, _) = eventually(lambda: receiver.received)[0]
        eventually(lambda: "DELIVERED" in service.log.read_text())
        secrets["webhook signature"] = headers["webhook-signature"].partition(",")[2]

        # All that can be wrong, with a canary in it
        key = service.output["authorization"]
        json_type = {"Content_Type": "application/json"}
        wrong = json.dumps({"accountId": canary("account") * 99, "duration": canary("duration")})
        here = uri.removeprefix(service.url)
        assert raw(service, "GET", here, Authorization=signed) == (200, "[]")
        problem(401, raw(service, "GET", here, Authorization=signed))
        problem(401, raw(service, "GET", "/request/x", Authorization=f"Basic {canary('basic')}"))
        problem(404, raw(service, "GET", f"/request/{canary('path')}", Authorization=key))
        problem(404, raw(service, "GET", f"/{canary('path')}?q={canary('query')}"))
        problem(405, raw(service, "DELETE", f"/request/add?q={canary('query')}"))
        problem(415, raw(service, "POST", "/request/add", b"x", Authorization=key))
        for body in (wrong, wrong[:-1], json.dumps(question | {"callback": canary("callback")})):
            deliveries = body.encode()
            problem(
                400,
                raw(service, "POST", "/request/add", deliveries, Authorization=key, **json_type),
            )
        problem(400, raw(service, "GET", f"/request/getAll?x={canary('query')}", Authorization=key))
        problem(403, raw(service, "GET", "/device/status", Counterseal_Proof=canary("proof")))
        token = json.dumps({"token": f"{canary('token')}.x", "keys": []}).encode()
        problem(403, raw(service, "POST", "/device/bind", token, **json_type))
        metrics = raw(service, "GET", "/metrics")[1]
        secrets |= {f"proof {number}": proof for number, proof in enumerate(proofs)}
        secrets |= {f"answer {number}": token for number, token in enumerate(answers)}
        nonces = [json.loads(unb64url(proof.split(".")[1]))["jti"] for proof in proofs + answers]
        secrets |= {f"nonce {number}": nonce for number, nonce in enumerate(nonces)}
        private = json.loads((service.folder / "data" / "keys" / "signing.json").read_text())
        secrets["sealed signing keys"] = json.dumps(private)

        with contextlib.closing(sqlite3.connect(service.folder / "data" / "counterseal.db")) as db:
            guids = [guid for (guid,) in db.execute("SELECT guid FROM counterseal_records")]
            # A worker moves each event from the one table to the other.
            logs = (
                "SELECT body FROM counterseal_events UNION ALL SELECT body FROM counterseal_audit"
            )
            audit = "\n".join(body for (body,) in db.execute(logs))
        repr_objects = [
            runtime,
            runtime.settings,
            runtime.ports,
            runtime.keys.master_keys,
            runtime.keys.signer,
        ]
        repr_objects += [*runtime.ports.store.get(*guids), device, enrolment, rotation]
        reprs = "\n".join(map(repr, repr_objects))
    assert len(guids) > 5
    assert "challenge.answered" in audit
    assert 'operation="answerRequest"' in metrics

    problems = [str(output) for status, output in replies if status >= 400]
    outputs = {
        "log": service.log.read_text(),
        "problems": "\n".join(problems),
        "metrics": metrics,
        "audit": audit,
        "reprs": reprs,
    }
    assert len(problems) > 12
    assert "wrong_code" in outputs["log"]
    assert "DELIVERED" in outputs["log"]
    # What is looked for is what there was.
    right = "\n".join(str(output) for status, output in replies if status < 400)
    assert {"account", "code", "content", "session token"} <= set(found_in(right, secrets))
    for output_name, text in outputs.items():
        # Records are told apart by these two.
        repr_objects = {"account", "name"} if output_name == "reprs" else set()
        assert set(found_in(text, secrets)) <= repr_objects, output_name
        assert set(CANARIES.findall(text)) <= set(map(canary, repr_objects)), output_name


def said_to(service, data):
    """Send *data* as it is, and close; return the first line that comes back."""
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        with contextlib.suppress(OSError):  # the other side may have heard enough
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            return connection.makefile("rb").readline(200)
    return b""


def test_no_bytes_hang_a_worker(service, receiver):
    service.serve(COUNTERSEAL_THREADS="4", COUNTERSEAL_WAITERS="2")
    phone = Phone(service, "user-42", receiver.url)
    random = Random(7)  # noqa: S311 (nobody is to be surprised)
    body = json.dumps(QUESTION | {"callback": receiver.url}).encode()
    proof = phone.device.signed_call("POST", f"{service.url}/device/answer", phone.signed).proof
    valid = [
        ("POST /request/add", service.output["authorization"], "", "application/json", body),
        ("GET /request/getRequest?wait=1&requestGuid=x", "x", "", "text/plain", b""),
        ("POST /device/answer", "", proof, "application/jose", phone.signed),
    ]
    output = []
    for _ in range(200):
        line, authorization, proof, kind, deliveries = random.choice(valid)
        data = bytearray(
            f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}"
            f"\r\nCounterseal-Proof: {proof}\r\nContent-Type: {kind}"
            f"\r\nContent-Length: {len(deliveries)}\r\n\r\n".encode()
            + deliveries
        )
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(data))
            change = random.randrange(3)
            if change == 0:
                data[at] ^= 1 << random.randrange(8)
            elif change == 1:
                del data[at : at + random.randrange(1, 30)]
            else:
                data[at:at] = random.randbytes(random.randrange(1, 30))
        output.append(said_to(service, bytes(data)))
    assert not [line for line in output if line.startswith(b"HTTP/1.1 5")]
    assert sum(line.startswith(b"HTTP/1.1 4") for line in output) > 50
    # All four are there, at once and still.
    with ThreadPoolExecutor(4) as pool:
        paths = [f"/request/getRequest?requestGuid={phone.challenge}"] * 8
        assert {reply[0] for reply in pool.map(lambda path: service.call("GET", path), paths)} == {
            200
        }
    assert phone.answer()
    eventually(lambda: receiver.received)


def slow_bodies(connections, port, count, address="127.0.0.1"):
    """Begin requests from *address* whose bodies do not come to an end."""
    head = b"POST /request/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    slow = [
        connections.enter_context(
            socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(address, 0))
        )
        for _ in range(count)
    ]
    for number, connection in enumerate(slow):
        length = b"Content-Length: 9" if number % 2 else b"Transfer-Encoding: chunked"
        connection.sendall(head + length + b"\r\n\r\n" + (b"{" if number % 2 else b"1\r\n{"))
    return slow


def statuses(lines):
    """Return the first line that each of *lines* says."""
    return {line.makefile("rb").readline() for line in lines}


def test_slow_bodies_keep_nobody_out_who_brings_none(service, receiver):
    settings = {"THREADS": "4", "WAITERS": "2", "BODIES": "16", "BODY_DEADLINE": "1h"}
    service.serve(**{f"COUNTERSEAL_{name}": text for name, text in settings.items()})
    phone = Phone(service, "user-42", receiver.url)
    # Four have two places each, and eight more have the others.
    addresses = [f"127.0.0.{number}" for number in range(2, 14)]
    with contextlib.ExitStack() as connections:
        turned_away = []
        for number, address in enumerate(addresses):
            slow = slow_bodies(connections, service.port, 3, address)
            refused = 1 if number < 4 else 2
            turned_away += eventually(
                lambda slow=slow, refused=refused: (
                    len(closed := select.select(slow, [], [], 0)[0]) == refused and closed
                )
            )
        assert statuses(turned_away) == {b"HTTP/1.1 503 Service Unavailable\r\n"}
        assert {line.getsockname()[0] for line in turned_away} == set(addresses)
        status, output = service.call("POST", "/request/add", QUESTION)
        assert (status, output["code"]) == (503, "busy")
        assert service.call("GET", "/healthz", plain=True)[0] == 200
        path = f"/request/getRequest?requestGuid={phone.challenge}"
        assert service.call("GET", path)[0] == 200
    eventually(lambda: service.call("POST", "/request/add", QUESTION)[0] == 201)
    assert phone.answer()


def test_slow_bodies_of_one_machine_keep_no_other_out(service, receiver):
    """With what a service has by default, and more such clients than there are threads."""
    service.serve(COUNTERSEAL_BODY_DEADLINE="1h")
    phone = Phone(service, "user-42", receiver.url)
    with contextlib.ExitStack() as connections:
        slow = slow_bodies(connections, service.port, 300, "127.0.0.2")
        eventually(lambda: len(select.select(slow, [], [], 0)[0]) == 300 - 1_024 // 8)
        assert service.call("POST", "/request/add", QUESTION)[0] == 201
        assert phone.answer()
        # The others have not given up meanwhile.
        assert len(select.select(slow, [], [], 0)[0]) == 300 - 1_024 // 8


def test_a_body_that_does_not_come_in_time_gets_408_and_the_connection_ends(service):
    service.serve(COUNTERSEAL_BODY_DEADLINE="1s")
    with contextlib.ExitStack() as connections:
        for line in slow_bodies(connections, service.port, 2):
            reply = http.client.HTTPResponse(line)
            reply.begin()
            assert reply.status == 408
            assert reply.headers["Connection"] == "close"
            assert reply.headers["Content-Type"] == "application/problem+json"
            assert json.loads(reply.read()) == {
                "type": "urn:counterseal:error:too_slow",
                "title": "The body did not come in time.",
                "status": 408,
                "code": "too_slow",
                "requestId": reply.headers["X-Request-Id"],
            }
            with contextlib.suppress(ConnectionError):
                assert line.recv(1) == b""


HEAD = b"POST /request/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "half",
    [b"Content-Length: 9\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"],
    ids=["of a length", "in chunks"],
)
def test_half_a_body_is_not_taken_for_a_whole_one(service, half):
    service.serve()
    assert said_to(service, HEAD + half) == b"HTTP/1.1 400 Bad Request\r\n"
    _, metrics = service.call("GET", "/metrics", plain=True)
    assert b'counterseal_requests_total{operation="addRequest",status="400"} 1.0' in metrics


def test_a_malformed_length_is_refused(service):
    service.serve()
    for length in (b"x", b"-1", b"+5", b"1.0", b"5, 6", b"5_0", b"\xb2", b"0x10", b"9" * 40):
        head = HEAD + b"Content-Length: " + length + b"\r\n\r\n{}"
        assert said_to(service, head) == b"HTTP/1.1 400 Bad Request\r\n", length


def test_a_connection_is_used_again_whatever_was_said_on_it(service):
    """Pipelining, HEAD, 100-continue and chunks, all on one connection."""
    service.serve()
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as line:
        chunks = b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
        line.sendall(
            HEAD + chunks + HEAD + b"Content-Length: 2\r\n\r\n{}"
            b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        output = []
        for method in ("POST", "POST", "HEAD", "GET"):
            reply = http.client.HTTPResponse(line, method=method)
            # Each of them reads ahead into a buffer of its own otherwise.
            reply.fp.close()
            reply.fp = line.makefile("rb", buffering=0)
            reply.begin()
            output.append((reply.status, int(reply.headers["Content-Length"]), reply.read()))
        assert [status for status, _, _ in output] == [401, 401, 200, 200]
        (_, announced, nothing), (_, length, body) = output[2:]
        assert (announced, nothing) == (length, b"")
        assert json.loads(body) == {"status": "alive"}

        line.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"{}")
        assert line.makefile("rb").readline() == b"HTTP/1.1 401 Unauthorized\r\n"


def test_connections_that_nobody_speaks_on_keep_nobody_out(new_service, founded):
    service = new_service(like=founded, fresh=True)  # it has the limit that is set here
    many = 1_100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * many:
        pytest.skip(f"this machine lets a process open {hard} files")
    # What a login shell or systemd gives, if nobody asks for more.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
    try:
        service.serve()
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * many, hard))
        with contextlib.ExitStack() as connections:
            idle = [
                connections.enter_context(
                    socket.create_connection(("127.0.0.1", service.port), PATIENCE)
                )
                for _ in range(many)
            ]
            assert service.answers("/readyz")
            # More of them are open still than a process with that limit may have.
            poll = select.poll()
            for connection in idle:
                poll.register(connection, select.POLLIN)
            assert many - len(poll.poll(0)) > 1_024
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_fewer_connections_are_taken_than_files_may_be_open(service):
    limited = (
        "import resource;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        "from counterseal_server.cli import main; main()"
    )
    service.run("serve", "--port", service.port, program=[sys.executable, "-c", limited])
    eventually(lambda: service.answers("/readyz"))
    assert (
        "only 128 of 8192 connections: this process may open 256 files" in service.log.read_text()
    )


def test_callbacks_by_processes_of_their_own(service, receiver):
    service.serve(COUNTERSEAL_SENDERS="0")
    service.bind()
    question = service.ask(receiver.url)
    service.device("answer", question["guid"], "--button", "1")
    workers = [service.run("callbacks", "run") for _ in range(2)]

    _, body = eventually(lambda: receiver.received)[0]

    assert json.loads(body)["guid"] == question["guid"]
    # Until then a signal ends it as it ends any program.
    eventually(lambda: service.log.read_text().count("delivering callbacks") == 2)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert len(receiver.received) == 1
    _, metrics = service.call("GET", "/metrics", plain=True)
    assert b'counterseal_requests_total{operation="answerRequest",status="200"} 1.0' in metrics


def test_a_dead_callback_is_sent_again_by_an_operator(service, receiver):
    receiver.status = 410
    service.serve()
    service.bind()
    question = service.ask(receiver.url)
    service.device("answer", question["guid"], "--button", "1")
    headers, _ = eventually(lambda: receiver.received)[0]
    guid = headers["webhook-id"]
    eventually(lambda: f"callback {guid}: DEAD" in service.log.read_text())

    receiver.status = 204
    data = service.folder / "data"
    origin = ("--origin", service.output["requestOriginGuid"], "--data", data)
    dead = json.loads(service.command("callbacks", "dead", *origin))
    assert (dead["deliveryGuid"], dead["requestGuid"]) == (guid, question["guid"])
    assert (dead["status"], dead["cause"], dead["lastStatus"]) == ("DEAD", "gone", 410)
    assert service.command("callbacks", "requeue", guid, "--data", data) == "QUEUED\n"

    eventually(lambda: len(receiver.received) == 2)
    eventually(lambda: f"callback {guid}: DELIVERED" in service.log.read_text())
    again = service.command("callbacks", "requeue", guid, "--data", data, code=1)
    assert again.startswith("refused: wrong_state: ")
    assert service.command("callbacks", "dead", *origin) == ""
    none = json.loads(service.command("callbacks", "requeue", *origin))
    assert none == {"queued": 0, "left": 0}


def test_an_address_that_is_taken_is_refused(service):
    with socket.create_server(("127.0.0.1", service.port)):
        error_text = service.command(
            *("serve", "--data", service.folder / "data", "--port", service.port), code=2
        )
    assert error_text.startswith(f"port: cannot listen at 127.0.0.1:{service.port}: ")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(service, host):
    error_text = service.command(
        *("serve", "--data", service.folder / "data"), code=2, COUNTERSEAL_HOST=host
    )
    assert error_text.startswith(f"host: cannot listen at {host}:")
