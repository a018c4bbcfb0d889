"""The files for operators (a unit, settings, a proxy with TLS), and a receiver of callbacks."""

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from reserved_ports import reserve_port

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.credentials.documents import write_cx1
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal_server.configuration import settings
from counterseal_web import Settings
from counterseal_web.application import served

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "adapters" / "counterseal-server" / "deploy"
RECEIVER = ROOT / "docs" / "examples" / "receive.py"
COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
PUBLIC = "https://auth.example.com"
PATIENCE = 240
PIN = "1379"
PATHS = [prefix + operation.path for prefix, operation in served(Settings(public_url=PUBLIC))]
NGINX, OPENSSL = map(shutil.which, ("nginx", "openssl"))

AROUND = """
daemon off;
master_process off;
pid {here}/nginx.pid;
error_log {here}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/f;
    uwsgi_temp_path {here}/u;
    scgi_temp_path {here}/s;
    {site}
}}
"""
"""What a distribution's nginx.conf has around a site."""


def listening(port, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.05)
    return False


@contextlib.contextmanager
def running(command, port, **more):
    process = subprocess.Popen(command, **more)
    try:
        assert listening(port, process), command
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


class Shop:
    """An origin and a phone, on the other side of the proxy."""

    def __init__(self, output, port, certificate):
        self.output = output
        self.port = port
        self.context = ssl.create_default_context(cafile=certificate)
        self.context.check_hostname = False  # it is called by its address
        self.clock = SystemClock()
        self.device = SoftwareDevice.make(clock=self.clock, entropy=SystemEntropy(), pin=PIN)

    @contextlib.contextmanager
    def reply(self, method, target, body=b"", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(
            http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=PATIENCE, context=self.context
            )
        ) as connection:
            headers |= {"Host": "auth.example.com", "Connection": "close"}
            connection.request(method, target, body or None, headers)
            with connection.getresponse() as reply:
                yield reply

    def send(self, method, target, body=b"", **headers):
        with self.reply(method, target, body, **headers) as reply:
            return reply.status, reply.headers, reply.read()

    def authorization(self, method, target, body=b""):
        return write_cx1(
            self.output["key"],
            method=method,
            uri=PUBLIC + target,
            milliseconds=int(self.clock.now().timestamp() * 1000),
            guid=self.output["requestOriginGuid"],
            body=body,
        )

    def signed(self, method, target, document):
        body = json.dumps(document).encode()
        authorization = self.authorization(method, target, body)
        return self.send(
            method, target, body, Authorization=authorization, Content_Type="application/json"
        )

    def signed_request(self, method, target, body=b"", media_type="application/jose"):
        proof = self.device.signed_call(method, PUBLIC + target, body).proof
        more = {"Content_Type": media_type} if body else {}
        return self.send(method, target, body, Counterseal_Proof=proof, **more)

    def bind(self):
        _, _, body = self.signed("PUT", "/account/bind", {"accountId": "user-42"})
        invited = json.loads(body)
        enrolment = self.device.enrolment(invited["sessionToken"], invited["appSpaceGuid"], pin=PIN)
        body = json.dumps(enrolment_document(enrolment)).encode()
        _, _, body = self.send("POST", "/device/bind", body, Content_Type="application/json")
        reply = json.loads(body)
        self.device.bond = Bond(
            device=reply["device"],
            account=reply["account"],
            app_space=reply["appSpace"],
            service_keys=trusted_keys(reply["serviceKeys"]),
        )

    def answer(self, guid):
        _, _, body = self.signed_request("GET", f"/device/requests/{guid}")
        token = self.device.answer(json.loads(body)["display"], 0, pin=PIN)
        _, _, body = self.signed_request("POST", "/device/answer", token.encode())
        return json.loads(body)


@pytest.fixture
def site(tmp_path):
    """Return a shop that calls the service behind the proxy, and the service's own port."""
    inner, outer = reserve_port(), reserve_port()
    env = {name: value for name, value in os.environ.items() if "COUNTERSEAL" not in name}
    tenants = ["--company", "C", "--app-space", "A", "--origin", "O", "--auth", "hmac"]
    init_process = subprocess.run(
        [*COMMAND, "init", "--data", "data", *tenants],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        check=True,
    )
    names = {"certificate": tmp_path / "tls.pem", "key": tmp_path / "tls.key"}
    subprocess.run(
        [
            *(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=auth.example.com"),
            *("-out", names["certificate"], "-keyout", names["key"]),
        ],
        capture_output=True,
        check=True,
    )
    config = (DEPLOY / "nginx.conf").read_text("utf-8")
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{outer} ssl",
        "127.0.0.1:8787;\n    keepalive": f"127.0.0.1:{inner};\n    keepalive",
        "/etc/ssl/auth.example.com.pem": str(names["certificate"]),
        "/etc/ssl/auth.example.com.key": str(names["key"]),
    }.items():
        assert config.count(there) == 1, there
        config = config.replace(there, here)
    (tmp_path / "nginx.conf").write_text(AROUND.format(here=tmp_path, site=config), "utf-8")
    serve = ["serve", "--data", "data", "--port", str(inner), "--public-url", PUBLIC]
    proxy = [NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    quiet = {"cwd": tmp_path, "env": env, "stderr": subprocess.DEVNULL}
    with (
        running([*COMMAND, *serve], inner, **quiet),
        running(proxy, outer, **quiet),
    ):
        yield Shop(json.loads(init_process.stdout), outer, names["certificate"]), inner


def test_the_proxy_of_deploy_buffers_no_event_stream():
    config = (DEPLOY / "nginx.conf").read_text("utf-8")
    locations = re.findall(r"location ~ (\S+) \{([^}]*)\}", config)
    (unbuffered,) = [path for path, body in locations if "proxy_buffering off" in body]
    logs = {"/events", "/api/events"}  # what an origin reads of its accounts, page by page
    streams = [path for path in PATHS if path.endswith("/events") and path not in logs]
    assert len(streams) == 3
    assert [path for path in PATHS if re.search(unbuffered, path)] == streams


@pytest.mark.skipif(None in {NGINX, OPENSSL}, reason="no nginx: install it, and openssl")
def test_the_service_behind_the_proxy_of_deploy(site):
    shop, inner = site
    shop.bind()  # CX1 and proofs hold for the public address
    question = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"}
    _, headers, body = shop.signed("POST", "/request/add", question)
    guid = json.loads(body)["guid"]
    assert headers["Location"] == f"{PUBLIC}/request/{guid}"

    events = f"/request/events?requestGuid={guid}"
    with shop.reply("GET", events, Authorization=shop.authorization("GET", events)) as stream:
        first = [stream.readline() for _ in range(3)]  # comes at once: nothing is held back
        assert b"event: PENDING\n" in first
        assert shop.answer(guid)["approved"]
        assert b"event: ANSWERED\n" in stream.read()

    events = "/device/requests/events"
    proof = shop.device.signed_call("GET", PUBLIC + events, b"").proof
    with shop.reply("GET", events, Counterseal_Proof=proof) as stream:
        assert b"event: requests\n" in [stream.readline() for _ in range(3)]

    for status, method, target, body in [
        (413, "POST", "/request/add", b"x" * 200_000),
        (404, "GET", "/metrics", b""),
        (404, "GET", "/readyz", b""),
        (200, "GET", "/healthz", b""),
    ]:
        assert shop.send(method, target, body)[0] == status, target
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", inner)) as direct:
        direct.request("GET", "/readyz", headers={"Connection": "close"})
        with direct.getresponse() as reply:
            assert reply.status == 200


SIGNED = {"webhook-id": "msg_1", "webhook-timestamp": "0", "webhook-signature": "v1,AAAA"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        SIGNED,
        SIGNED | {"webhook-timestamp": "NOW"},
        SIGNED | {"webhook-timestamp": "NOW", "webhook-signature": "no-comma"},
        SIGNED | {"webhook-timestamp": "NOW", "webhook-signature": "v1,no base64"},
        SIGNED | {"webhook-timestamp": "soon"},
        SIGNED | {"content-length": "soon"},
    ],
    ids=["none", "old", "wrong", "no comma", "no base64", "no time", "no length"],
)
def test_the_receiver_of_the_example_refuses_what_is_not_signed(receiving, headers):
    now = str(int(time.time()))
    sent_headers = {name: text.replace("NOW", now) for name, text in headers.items()}
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", receiving, timeout=PATIENCE)
    ) as shop:
        shop.request("POST", "/answered", b"{}", sent_headers)
        assert shop.getresponse().status == 400


@pytest.fixture(scope="module")
def receiving(tmp_path_factory):
    """Return the port of the example that receives callbacks."""
    output, port = tmp_path_factory.mktemp("shop") / "shop.json", reserve_port()
    output.write_text(
        json.dumps({"callbackSecret": f"whsec_{base64.b64encode(bytes(32)).decode()}"})
    )
    with running([sys.executable, RECEIVER, output, str(port)], port):
        yield port


def test_the_settings_file_of_deploy():
    example_settings = settings({}, {}, DEPLOY / "counterseal.toml")

    assert example_settings.public_url == PUBLIC
    assert example_settings.policy.retention == timedelta(days=90)
