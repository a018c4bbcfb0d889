"""`ca_file`: with it, each kind of call is made to a server of an own authority; without, none."""

import base64
import json
import socket
import ssl
from datetime import timedelta

import attrs
import pytest
from authority import Authority, tls_site
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from counterseal.errors import IdentityUnavailable, InvalidField
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import (
    AddressKind,
    IdpSettings,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
    Scheme,
)
from counterseal.models.guid import derive_guid
from counterseal.outbox.documents import secret_text
from counterseal_http import NotAttempted, load_machine_authorities
from counterseal_server.authorities import LIMIT, AddedAuthorities, warn_of_ended
from counterseal_server.configuration import settings
from counterseal_server.requirements import require_servable
from counterseal_server.runtime import Runtime
from counterseal_server.webpush_key import ensure_public_key
from counterseal_testing import FakeService

ISSUER = "unable to get local issuer certificate"
REFUSED = "the certificate is refused: "
SECRET = secret_text(b"0123456789abcdef0123456789abcdef")
DELIVERED = PushOutcome(result=PushResult.DELIVERED)
LATER = PushOutcome(result=PushResult.LATER)
DONE = "/done?secret=canary"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def ca_file(authority, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    return file


@pytest.fixture
def site(authority, tmp_path):
    with tls_site(authority, tmp_path) as site:
        yield site


@pytest.fixture
def open_runtime(tmp_path):
    """Return a function that opens a service whose servers may be on this machine."""
    runtimes = []

    def make(ca_file, **environment):
        variables = {f"COUNTERSEAL_{name.upper()}": text for name, text in environment.items()}
        for kind in ("CALLBACKS", "PROVIDERS", "PUSHES"):
            variables[f"COUNTERSEAL_ALLOW_PRIVATE_{kind}"] = "1"
        if ca_file is not None:
            variables["COUNTERSEAL_CA_FILE"] = str(ca_file)
        runtimes.append(Runtime(settings({"data": tmp_path / "data"}, variables)))
        return runtimes[-1]

    yield make
    for runtime in runtimes:
        runtime.close()


def callback(site, runtime):
    """Answer a question; return whether its callback arrived."""
    world = FakeService(adapters=lambda ports: attrs.evolve(ports, sender=runtime.ports.sender))
    site.replies[DONE] = (204, b"")
    world.administration.allow_callback(world.origin.origin.guid, f"{site.url}{DONE}")
    phone = world.bind("zoe")
    origin = world.renewed(world.origin)
    issued = world.ask("zoe", "Lunch?", origin=origin, callback=f"{site.url}{DONE}")
    phone.answer(phone.fetch(issued.challenge.guid))
    world.deliver()
    return DONE in site.requests


def event(site, runtime):
    """Bind a device; return whether the event arrived."""
    world = FakeService(adapters=lambda ports: attrs.evolve(ports, sender=runtime.ports.sender))
    site.replies[DONE] = (204, b"")
    origin = world.origin.origin.guid
    world.credentials.issue(origin, Scheme.BASIC)
    world.credentials.issue_webhook_key(origin)
    world.administration.allow_callback(origin, f"{site.url}{DONE}")
    world.administration.edit_origin(origin, events_url=f"{site.url}{DONE}")
    world.bind("zoe")
    world.account_events.publish_due()
    world.deliver()
    return DONE in site.requests


def provider(site, runtime):
    """Begin a log-in; return whether the provider's metadata was read."""
    idp = IdpSettings(issuer=site.url, client_id="seal")
    metadata = {"issuer": site.url, "authorization_endpoint": f"{site.url}/authorize"}
    metadata |= {"token_endpoint": f"{site.url}/token", "jwks_uri": f"{site.url}/keys"}
    site.replies["/.well-known/openid-configuration"] = (200, metadata)
    try:
        url = runtime.ports.identity.authorization_url(
            idp, company=derive_guid(7, "company"), state="s", nonce="n", verifier="v" * 43
        )
    except IdentityUnavailable:
        return False
    return url.startswith(f"{site.url}/authorize?")


def push(runtime, kind, value):
    message = PushMessage(
        guid=derive_guid(7, "push"),
        occasion=Occasion.CHALLENGE,
        subject=derive_guid(7, "question"),
        account=derive_guid(7, "account"),
        title="A question",
        body="Open the app.",
        life=timedelta(minutes=2),
        timeout=timedelta(seconds=60),
    )
    (outcome,) = runtime.ports.notifier.push((PushAddress(kind=kind, value=value),), message)
    assert outcome in {DELIVERED, LATER}
    return outcome == DELIVERED


def relay(site, runtime):
    """Push by the relay; return whether the push arrived."""
    site.replies["/push"] = (204, b"")
    return push(runtime, AddressKind.RELAY, "1")


def fcm(site, runtime):
    """Push by FCM, which needs an access token first; return whether the push arrived."""
    token = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
    site.replies["/token"] = (200, token)
    site.replies["/v1/projects/test/messages:send"] = (200, {"name": "projects/test/messages/1"})
    return push(runtime, AddressKind.FCM_TOKEN, "1")


def webpush(site, runtime):
    """Push to a browser; return whether the push arrived."""
    site.replies[DONE] = (201, b"")
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    octets = point.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    keys = {"p256dh": base64.urlsafe_b64encode(octets).decode(), "auth": "A" * 22}
    subscription = {"endpoint": f"{site.url}{DONE}", "keys": keys}
    return push(runtime, AddressKind.WEBPUSH, json.dumps(subscription))


USES = {
    callback: "was not delivered: ",
    event: "was not delivered: ",
    provider: "' is unavailable: ",
    relay: "the relay was not reached: ",
    fcm: "no access token: later: ",
    webpush: "a push by webpush: ",
}
"""Each use of outbound TLS, with what the log says before the reason of a failure."""


def channel(use, site, tmp_path):
    """Return the variables that turn on the channel of *use*."""
    if use is relay:
        return {"relay_url": f"{site.url}/push", "relay_secret": SECRET}
    if use is webpush:
        ensure_public_key(settings({"data": tmp_path / "data"}, {}), SystemEntropy())
        return {"webpush_contact": "mailto:operator@push.example"}
    if use is fcm:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        members = {"type": "service_account", "project_id": "test", "private_key": key.decode()}
        members |= {"client_email": "sender@test.example", "token_uri": f"{site.url}/token"}
        (tmp_path / "account.json").write_text(json.dumps(members))
        return {"fcm_account_file": str(tmp_path / "account.json"), "fcm_url": site.url}
    return {}


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_each_use_trusts_the_file_and_without_it_the_log_says_why_not(  # noqa: PLR0917 (fixtures)
    use, site, ca_file, open_runtime, tmp_path, caplog
):
    variables = channel(use, site, tmp_path)

    assert not use(site, open_runtime(None, **variables))
    assert site.requests == []
    assert f"{USES[use]}{REFUSED}{ISSUER}" in caplog.text
    assert "canary" not in caplog.text
    caplog.clear()

    assert use(site, open_runtime(ca_file, **variables))
    assert caplog.text == ""


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize(
    ("names", "times", "reason"),
    [
        (("canary.example",), {}, "Hostname mismatch"),
        (("localhost",), {"begins": -9, "ends": -2}, "certificate has expired"),
        (("localhost",), {"begins": 2, "ends": 9}, "certificate is not yet valid"),
    ],
)
def test_a_certificate_of_the_authority_is_refused_in_the_words_of_openssl(  # noqa: PLR0917 (fixtures)
    use, names, times, reason, authority, ca_file, open_runtime, tmp_path, caplog
):
    with tls_site(authority, tmp_path, *names, **times) as site:
        assert not use(site, open_runtime(ca_file, **channel(use, site, tmp_path)))
        assert site.requests == []
    (record,) = [record for record in caplog.records if REFUSED in record.getMessage()]
    assert record.getMessage().endswith(f"{USES[use]}{REFUSED}{reason}")
    assert "canary" not in caplog.text


def test_a_file_of_another_authority_does_not_help(site, open_runtime, tmp_path, caplog):
    file = tmp_path / "other.pem"
    file.write_bytes(Authority("Other CA").pem)
    assert not callback(site, open_runtime(file))
    assert f"was not delivered: {REFUSED}{ISSUER}" in caplog.text


def test_the_certificate_of_an_intermediate_authority_is_enough(authority, open_runtime, tmp_path):
    intermediate = Authority("Intermediate CA", issuer=authority)
    file = tmp_path / "intermediate.pem"
    file.write_bytes(intermediate.pem)
    with tls_site(intermediate, tmp_path) as site:
        assert callback(site, open_runtime(file))


# The file.


@pytest.fixture
def read_file(tmp_path):
    """Return a function that reads a file with these bytes."""

    def read_bytes(content, **how):
        file = tmp_path / "read.pem"
        file.write_bytes(content)
        return AddedAuthorities(file, SystemClock(), **how).read()

    return read_bytes


def test_the_machines_authorities_stay_trusted(ca_file):
    before = load_machine_authorities().cert_store_stats()["x509"]
    context = AddedAuthorities(ca_file, SystemClock()).load()
    assert context.cert_store_stats()["x509"] == before + 1
    assert load_machine_authorities().cert_store_stats()["x509"] == before
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_without_a_file_the_machines_are_all():
    assert AddedAuthorities(None, SystemClock()).load() is load_machine_authorities()


def test_the_context_is_made_once(ca_file):
    first, second = (AddedAuthorities(ca_file, SystemClock()) for _ in range(2))
    assert first.load() is first.load() is second.load()


def test_text_around_certificates_and_other_blocks_are_no_fault(authority, read_file):
    key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    other = Authority("Ünïcode\u202e CA")
    content = "# Unser Aussteller: Zoë\r\n".encode() + authority.pem + key + other.pem
    assert [one.subject for one in read_file(content)] == ["CN=Test CA", "CN=Ünïcode<U+202E> CA"]


def expired(name="Old CA"):
    return Authority(name, begins=-9, ends=-2)


def bad_files(authority):
    pem = authority.pem
    der = authority.certificate.public_bytes(serialization.Encoding.DER)
    return {
        "empty": (b" \n", "read.pem is empty"),
        "text": (b"no certificate\n", "read.pem contains no certificate in PEM"),
        "der": (der, "read.pem contains no certificate in PEM"),
        "cut": (pem + pem[:200], "certificate 2 of {file} cannot be read"),
        "cut between": (pem[:200] + b"\n" + pem, "certificate 1 of {file} cannot be read"),
        "changed": (pem.replace(pem[40:60], b"A" * 20), "certificate 1 of {file} cannot be read"),
        "large": (pem + b"\n" * LIMIT, f"longer than {LIMIT} bytes"),
        "expired": (expired().pem, "every certificate of {file} has expired: CN=Old CA ended at 2"),
        "several": (
            b"".join(expired(name).pem for name in "ABCDE"),
            "every certificate of {file} has expired: CN=A ended at 2",
        ),
        "later": (
            expired().pem + Authority("New CA", begins=2).pem,
            "no certificate of {file} is valid now: CN=Old CA ended at 2",
        ),
    }


@pytest.mark.parametrize("kind", bad_files(Authority()))
def test_a_file_that_cannot_be_used_is_refused_by_name(kind, authority, read_file, tmp_path):
    content, problem = bad_files(authority)[kind]
    with pytest.raises(InvalidField) as refusal:
        read_file(content)
    assert refusal.value.field == "ca_file"
    assert problem.format(file=tmp_path / "read.pem") in refusal.value.problem
    if kind == "several":
        assert refusal.value.problem.endswith("; and 2 more")
    if kind == "later":
        assert "; CN=New CA begins at 2" in refusal.value.problem


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidField, match=r"ca_file: cannot read .*: No such file"):
        AddedAuthorities(tmp_path / "none.pem", SystemClock()).read()


def test_an_expired_certificate_among_valid_ones_is_a_warning(authority, tmp_path, caplog):
    file = tmp_path / "both.pem"
    file.write_bytes(expired().pem + authority.pem)
    warn_of_ended(AddedAuthorities(file, SystemClock()))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("ca_file: CN=Old CA has expired, at 2")


def test_the_time_of_a_certificate_includes_both_ends(authority, tmp_path, ca_file):
    certificate = authority.certificate

    class Clock:
        def __init__(self, at):
            self.at = at

        def now(self):
            return self.at

    moment = timedelta(milliseconds=1)
    for at in (certificate.not_valid_before_utc, certificate.not_valid_after_utc):
        assert AddedAuthorities(ca_file, Clock(at)).read()
    for at in (
        certificate.not_valid_before_utc - moment,
        certificate.not_valid_after_utc + moment,
    ):
        with pytest.raises(InvalidField):
            AddedAuthorities(ca_file, Clock(at)).read()


def test_a_file_that_is_lost_while_the_service_runs_is_no_failure_of_the_receiver(tmp_path):
    with pytest.raises(NotAttempted, match="ca_file: cannot read"):
        AddedAuthorities(tmp_path / "none.pem", SystemClock()).load()


# The start.


def test_what_serve_refuses_at_its_start_print_config_refuses_too(run, create_data, tmp_path):
    create_data(tmp_path / "data")
    file = tmp_path / "ca.pem"
    file.write_bytes(b"")
    config = tmp_path / "counterseal.toml"
    config.write_text(f'ca_file = "{file}"\n', "utf-8")
    arguments = ("serve", "--data", tmp_path / "data", "--config", config)
    for more in ((), ("--print-config",)):
        result = run(*arguments, *more)
        assert (result.exit_code, result.stderr) == (2, f"ca_file: {file} is empty\n")
    assert f'ca_file = "{file}"  # {config}\n' in result.stdout


@pytest.fixture
def occupied_port():
    """Return a port that is in use, so that `serve` ends after it has read all settings."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_serve_warns_of_an_expired_certificate_beside_a_valid_one(  # noqa: PLR0917 (fixtures)
    run, create_data, authority, tmp_path, monkeypatch, occupied_port
):
    create_data(tmp_path / "data")
    file = tmp_path / "both.pem"
    file.write_bytes(expired().pem + authority.pem)
    monkeypatch.setenv("COUNTERSEAL_CA_FILE", str(file))
    result = run("serve", "--data", tmp_path / "data", "--port", occupied_port)
    assert "ca_file: CN=Old CA has expired, at 2" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("port: ")


@pytest.mark.parametrize("command", [("callbacks", "run"), ("notify", "run")])
def test_workers_refuse_it_too(run, create_data, tmp_path, monkeypatch, command):
    create_data(tmp_path / "data")
    file = tmp_path / "ca.pem"
    file.write_bytes(expired().pem)
    monkeypatch.setenv("COUNTERSEAL_CA_FILE", str(file))
    monkeypatch.setenv("COUNTERSEAL_RELAY_URL", "https://push.example")
    monkeypatch.setenv("COUNTERSEAL_RELAY_SECRET", SECRET)
    result = run(*command, "--data", tmp_path / "data")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"ca_file: every certificate of {file} has expired: CN=Old CA")


def test_a_file_that_fits_is_accepted(ca_file, tmp_path):
    variables = {"COUNTERSEAL_CA_FILE": str(ca_file)}
    require_servable(settings({"data": tmp_path}, variables))
