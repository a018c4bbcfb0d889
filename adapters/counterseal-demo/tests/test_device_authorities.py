"""`--ca-file`: a device at a service and a file server whose authority is an own one."""

import hashlib
import ssl
import threading
from contextlib import ExitStack
from functools import partial

import attrs
import pytest
import trustme
from flask import Flask
from werkzeug.serving import make_server

from counterseal import keys
from counterseal.device import SoftwareDevice
from counterseal.models import Action
from counterseal.wire.link import BindLink, write_link
from counterseal_flask import Settings, create_blueprints
from counterseal_http import Guard
from counterseal_testing import FakeService

LEASE = b"The lease."
PATH = "/lease.txt"
REFUSED = "the certificate is refused: unable to get local issuer certificate"


@attrs.frozen
class Site:
    """
    A service, a server with a document, and the authorities of their certificates.

    Attributes:
        ca_file: The authority of the service.
        both_file: That of the document too.
    """

    world: FakeService
    url: str
    documents_url: str
    ca_file: str
    both_file: str

    def link(self):
        invited = self.world.invitations.invite(self.world.origin, "zoe")
        return write_link(
            BindLink(
                token=invited.token,
                app_space=invited.app_space.guid,
                app_space_name=invited.app_space.name,
            )
        )

    def ask(self):
        """Ask to sign the document; return the question's GUID."""
        document = {
            "name": "Lease.txt",
            "size": len(LEASE),
            "type": "text/plain",
            "sha256": keys.b64url(hashlib.sha256(LEASE).digest()),
            "url": f"{self.documents_url}{PATH}",
        }
        action = Action(type="document", resource="Lease", arguments={"documents": [document]})
        return self.world.ask("zoe", action).challenge.guid


@pytest.fixture
def serve():
    """Return a function that serves an application with a certificate; it returns the URL."""
    with ExitStack() as stack:

        def begin(app, authority):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            for end in (server.server_close, thread.join, server.shutdown):
                stack.callback(end)
            return f"https://localhost:{server.port}"

        yield begin


@pytest.fixture
def site(serve, tmp_path, monkeypatch):
    authorities, files = (trustme.CA(), trustme.CA()), ("ca.pem", "both.pem")
    for authority in authorities:
        authority.cert_pem.write_to_path(tmp_path / files[1], append=True)
    authorities[0].cert_pem.write_to_path(tmp_path / files[0])
    app, documents = Flask("service"), Flask("documents")
    documents.add_url_rule(PATH, view_func=lambda: LEASE, endpoint="lease")
    world, url = FakeService(), serve(app, authorities[0])
    for blueprint in create_blueprints(world.ports, world.policy, Settings(public_url=url)):
        app.register_blueprint(blueprint)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SystemClock", lambda: world.clock)
    cheap = partial(SoftwareDevice.make, cost=2)
    monkeypatch.setattr("counterseal_demo.device_cli.home.SoftwareDevice.make", cheap)
    # Documents are fetched from public addresses only, and this one is on loopback.
    near = partial(Guard, allow_private=True)
    monkeypatch.setattr("counterseal_demo.device_cli.attachments.Guard", near)
    paths = (str(tmp_path / file) for file in files)
    return Site(world, url, serve(documents, authorities[1]), *paths)


@pytest.fixture
def device(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_PIN", "1379")
    return lambda name, *args: run("device", name, "--home", tmp_path / "phone", *args)


def test_a_device_trusts_the_file_for_its_service(site, device, monkeypatch):
    arguments = ("--url", site.url, "--link", site.link())
    without = device("bind", *arguments)
    assert (without.exit_code, without.stdout) == (1, "")
    assert without.stderr == f"unavailable: service_unreachable: {REFUSED}\n"
    trusting = ("--ca-file", site.ca_file)
    assert device("bind", *arguments, *trusting).exit_code == 0
    assert REFUSED in device("pending").stderr
    assert device("pending", *trusting).exit_code == 0
    monkeypatch.setenv("COUNTERSEAL_CA_FILE", site.ca_file)
    assert device("status").exit_code == 0


def test_a_device_trusts_the_file_for_documents(site, device):
    trusting = ("--ca-file", site.ca_file)
    assert device("bind", "--url", site.url, "--link", site.link(), *trusting).exit_code == 0
    answer = ("answer", site.ask(), "--button", "0")
    refused = device(*answer, *trusting)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith(f"attachments[0]: the file cannot be fetched: {REFUSED}\n")
    result = device(*answer, "--ca-file", site.both_file)
    assert (result.exit_code, result.stdout[:19]) == (0, "ANSWERED, approved\n")


@pytest.mark.parametrize("name", ["bind", "pending"])
def test_a_file_that_cannot_be_used_is_refused_by_name(site, device, tmp_path, name):
    file = tmp_path / "empty.pem"
    file.write_text("")
    if name == "pending":
        device("bind", "--url", site.url, "--link", site.link(), "--ca-file", site.ca_file)
    arguments = ("--url", site.url, "--link", site.link()) if name == "bind" else ()
    result = device(name, *arguments, "--ca-file", file)
    assert (result.exit_code, result.stderr) == (2, f"ca-file: {file} is empty\n")
