"""Over a real socket: the same answers through a server and an HTTP client's bytes."""

import http.client
import json
import socket
import threading
from contextlib import suppress

import pytest
from werkzeug.serving import make_server

pytestmark = pytest.mark.every_face

SOON = 240

RECEIVED = 262_144
"""How much `serve` reads of a long body: a client that still writes would see no answer."""


@pytest.fixture
def served(app):
    if app.port is not None:
        yield app.port
        return
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(SOON)
    server.server_close()


def send(port, method, path, *, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, reply.headers, json.loads(data) if data else None


def test_an_approval_from_bind_to_answer(world, served, shop):
    json_type = shop.headers | {"Content-Type": "application/json"}
    status, _, invited = send(
        served, "PUT", "/api/account/bind", body=b'{"accountId":"user-42"}', headers=json_type
    )
    assert status == 201
    phone = world.phone()
    enrolment = phone.device.enrolment(
        invited["sessionToken"], invited["appSpaceGuid"], pin=phone.pin
    )
    phone.device.complete_binding(world.enrolments.complete(enrolment))
    status, headers, added = send(
        served,
        "POST",
        "/api/request/add",
        body='{"accountId":"user-42","content":"Pay Zoë?"}'.encode(),
        headers=json_type,
    )
    assert (status, headers["Content-Type"]) == (201, "application/json")
    path = f"/device/requests/{added['guid']}"
    proof = {"Counterseal-Proof": phone.call(path, method="GET").proof}
    _, _, shown_document = send(served, "GET", path, headers=proof)
    polled = []
    poll = threading.Thread(
        target=lambda: polled.append(
            send(
                served,
                "GET",
                f"/api/request/getRequest?requestGuid={added['guid']}&wait=20",
                headers=shop.headers,
            )
        )
    )
    poll.start()
    token = phone.device.answer(shown_document["display"], 0, pin=phone.pin).encode()
    status, _, answered = send(
        served,
        "POST",
        "/device/answer",
        body=token,
        headers={
            "Content-Type": "application/jose",
            "Counterseal-Proof": phone.call("/device/answer", token).proof,
        },
    )
    assert (status, answered["approved"]) == (200, True)
    poll.join(SOON)
    assert polled[0][2]["status"] == "ANSWERED"


def test_events_arrive_over_the_wire(kit, served, shop, device_client):
    guid = kit.ask(shop).json["guid"]
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=SOON)
    connection.request("GET", f"/request/events?requestGuid={guid}", headers=shop.headers)
    reply = connection.getresponse()
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    lines = []
    while b"event: PENDING\n" not in lines:
        lines.append(reply.readline())
    device_client.disown(guid)
    rest = reply.read()
    connection.close()
    assert b"event: DISOWNED\n" in rest


def test_a_long_body_is_refused_before_it_is_sent(app, served):
    app.require_limited_bodies()
    with socket.create_connection(("127.0.0.1", served), timeout=SOON) as raw:
        raw.sendall(
            b"POST /device/bind HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 999999999\r\n\r\n"
        )
        if app.port is not None:
            raw.sendall(b" " * RECEIVED)
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_read_no_further_than_the_limit(app, served):
    app.require_limited_bodies()
    with socket.create_connection(("127.0.0.1", served), timeout=SOON) as raw:
        raw.sendall(
            b"POST /device/bind HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with suppress(OSError):
            for _ in range(RECEIVED // 0x10000 + 1):
                raw.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_method_that_nobody_knows_is_a_problem(served):
    status, headers, problem = send(served, "BREW", "/request/add")
    assert (status, headers["Allow"], problem["code"]) == (405, "POST", "method_not_allowed")
