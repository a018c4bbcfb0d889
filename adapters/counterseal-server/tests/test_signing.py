"""The service as a program, called by somebody who knows RFC 9421 and has a library for it."""

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from reserved_ports import reserve_port

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
PATIENCE = 240
ORDER = ("@method", "@target-uri", "content-digest")
IF_THERE = ("content-type", "idempotency-key")
BIND = b'{"accountId":"user-42"}'
JSON = {"Content-Type": "application/json"}


class Stranger:
    """Signs with the library, and sends what it is told to, headers twice among it."""

    def __init__(self, port, guid, key):
        self.port, self.guid = port, guid

        class Keys(HTTPSignatureKeyResolver):
            def resolve_private_key(self, key_id):
                return key.encode()

        self.signer = HTTPMessageSigner(
            signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys()
        )

    def signed(self, method, path, body=b"", headers=()):
        message = SimpleNamespace(
            method=method, url=f"http://127.0.0.1:{self.port}{path}", headers=dict(headers)
        )
        there = {name.lower() for name in message.headers}
        self.signer.sign(
            message,
            key_id=self.guid,
            nonce=secrets.token_urlsafe(16),
            label="counterseal",
            tag="counterseal",
            covered_component_ids=(*ORDER, *(name for name in IF_THERE if name in there)),
            body=body,
        )
        return list(message.headers.items())

    def send(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, path)
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            data = response.read()
        return response.status, response.headers, json.loads(data)

    def call(self, method, path, body=b"", headers=()):
        return self.send(method, path, body, self.signed(method, path, body, headers))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A running service that was founded with `--auth signature`, and its port."""
    data = tmp_path_factory.mktemp("signing") / "data"
    env = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")}
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    init = [*COMMAND, "init", "--data", data, *names, "--auth", "signature"]
    output = json.loads(subprocess.run(init, capture_output=True, check=True, env=env).stdout)
    port = reserve_port()
    serve = [*COMMAND, "serve", "--data", str(data), "--port", str(port)]
    log = (data.parent / "log").open("wb")
    with log, subprocess.Popen(serve, stdout=log, stderr=log, env=env) as process:
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port, output
        process.terminate()


@pytest.fixture
def shop(service):
    port, output = service
    return Stranger(port, output["requestOriginGuid"], output["key"])


@pytest.fixture
def admin(service):
    port, output = service
    return Stranger(port, output["adminGuid"], output["adminKey"])


def test_an_origin_binds_and_reads(shop):
    status, _, bound = shop.call("PUT", "/api/account/bind", BIND, JSON)
    assert status == 201
    keyed = {**JSON, "Idempotency-Key": "phone 1"}
    first, second = (shop.call("PUT", "/api/account/bind", BIND, keyed)[2] for _ in "12")
    assert first["sessionToken"] == second["sessionToken"] != bound["sessionToken"]
    status, _, listed = shop.call("GET", "/request/getAll?accountId=user-42")
    assert (status, listed) == (200, [])


def test_an_administrator_creates_and_lists(admin):
    status, _, _ = admin.call("POST", "/admin/api/companies/new", b'{"name":"Other"}', JSON)
    assert status == 201
    names = [each["name"] for each in admin.call("GET", "/admin/api/companies")[2]]
    assert names == ["Example", "Other"]


def test_s23_a_message_counts_once(shop):
    headers = shop.signed("PUT", "/account/bind", BIND, JSON)
    replies = [shop.send("PUT", "/account/bind", BIND, headers)[0] for _ in range(2)]
    assert [status in {200, 201} for status in replies] == [True, False]


@pytest.mark.parametrize(
    "name", ["Content-Digest", "Signature-Input", "Signature", "Idempotency-Key"]
)
@pytest.mark.parametrize("first", [True, False])
def test_s23_a_header_twice_is_refused_however_the_server_joins_them(shop, name, first):
    headers = shop.signed("PUT", "/account/bind", BIND, {**JSON, "Idempotency-Key": "phone 2"})
    other = (name, dict(headers)[name].replace("a", "b"))
    sent_headers = [other, *headers] if first else [*headers, other]
    status, answered, problem = shop.send("PUT", "/account/bind", BIND, sent_headers)
    assert (status, problem["code"]) == (401, "unauthorized")
    assert "Signature" in answered["WWW-Authenticate"]


def test_s23_a_second_type_is_never_the_one_that_is_read(shop):
    """Whatever the server hands on of the two, the message is refused."""
    headers = shop.signed("PUT", "/account/bind", BIND, JSON)
    other = ("Content-Type", "application/x-www-form-urlencoded")
    for sent_headers in ([other, *headers], [*headers, other]):
        status, _, problem = shop.send("PUT", "/account/bind", BIND, sent_headers)
        assert (status, problem["code"]) == (401, "unauthorized")
    assert shop.send("PUT", "/account/bind", BIND, headers)[0] in {200, 201}


def test_s23_of_another_message_is_refused(shop):
    headers = shop.signed("PUT", "/account/bind", BIND, JSON)
    for method, path, body in (
        ("PUT", "/api/account/bind", BIND),
        ("PUT", "/account/bind?x=1", BIND),
        ("PUT", "/account/bind", b'{"accountId":"user-43"}'),
        ("PATCH", "/device/revoke", BIND),
    ):
        assert shop.send(method, path, body, headers)[0] == 401
    assert shop.send("PUT", "/account/bind", BIND, headers)[0] in {200, 201}


def test_an_origins_key_and_an_administrators_are_two(shop, admin):
    assert shop.call("GET", "/admin/api/companies")[0] == 401
    status, answered, _ = admin.call("GET", "/request/getAll?accountId=user-42")
    assert (status, answered["WWW-Authenticate"].split(" ")[0]) == (401, "Basic")
