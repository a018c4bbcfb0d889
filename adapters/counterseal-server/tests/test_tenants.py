"""`init`, `invite` and `keys`: what they print, keep and refuse."""

import base64
import errno
import json
import os
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from counterseal import Administration, AdminLogins, Authentication, Credentials, SignedRequest
from counterseal.credentials.documents import write_signature
from counterseal.errors import InvalidField, SignerUnavailable
from counterseal.models import OPERATOR, ChallengeState, Clients, Codes, Company, Scheme
from counterseal.wire.link import read_link
from counterseal.wire.members import format_time
from counterseal_server.administration import Tenants
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_server.service_creation import ServiceDraft, create_service

NAMES = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
CALLBACK = "https://shop.example/answered"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("COUNTERSEAL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def init(run, data):
    def command(*args, auth="basic"):
        return run("init", "--data", data, *NAMES, "--auth", auth, *args)

    return command


@pytest.fixture
def runtime(data):
    def opened():
        return Runtime(settings({"data": data}, os.environ))

    return opened


@pytest.mark.parametrize("option", ["company", "app-space", "origin"])
def test_init_says_which_of_the_names_does_not_fit(init, data, option):
    result = init(f"--{option}", "")

    assert (result.exit_code, result.stderr) == (2, f"{option}: empty\n")
    assert not data.exists()


def test_init_writes_what_is_secret_to_a_file_for_its_owner_only(init, tmp_path, runtime):
    before = os.umask(0)
    try:
        result = init("--out", tmp_path / "shop.json")
    finally:
        os.umask(before)

    assert (result.exit_code, result.output) == (0, "")
    assert stat.S_IMODE((tmp_path / "shop.json").stat().st_mode) == 0o600
    output = json.loads((tmp_path / "shop.json").read_text("ascii"))
    with runtime() as opened:
        (origin,) = opened.ports.store.get(output["requestOriginGuid"])
    assert origin.name == "Web shop"
    assert output["adminKey"]


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_init_overwrites_nothing_and_founds_nothing_then(init, tmp_path, data, kind):
    out, other = tmp_path / "shop.json", tmp_path / "other"
    match kind:
        case "file":
            out.write_text("kept")
        case "folder":
            out.mkdir()
        case "link":
            other.write_text("kept")
            out.symlink_to(other)
        case _:
            out.symlink_to(other)

    result = init("--out", out)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"out: {out} exists, and is not overwritten\n"
    assert not data.exists()
    assert kind not in {"file", "link"} or out.read_text() == "kept"
    assert kind != "dangling link" or not other.exists()


def test_init_leaves_no_file_where_nothing_was_founded(init, tmp_path):
    assert init().exit_code == 0
    result = init("--out", tmp_path / "shop.json")

    assert (result.exit_code, result.stderr.startswith("data: there is a company")) == (2, True)
    assert not (tmp_path / "shop.json").exists()
    assert init("--out", tmp_path / "nowhere" / "shop.json").stderr.startswith("out: cannot write")


@pytest.fixture
def full(tmp_path, monkeypatch):
    """Return the path of a file on a full disk: writes to it fail as those to /dev/full do."""
    path, opening = tmp_path / "full.json", os.open

    def opened(name, *args, **kwargs):
        descriptor = opening(name, *args, **kwargs)
        if name == str(path):
            device = opening("/dev/full", os.O_WRONLY)
            os.dup2(device, descriptor)
            os.close(device)
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    return path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_init_prints_what_it_cannot_write_once_the_service_is_there(init, full, runtime):
    result = init("--out", full)

    assert result.exit_code == 2
    assert result.stderr == (
        f"out: cannot write to {full}: No space left on device;"
        " the document is on standard output instead\n"
    )
    assert not full.exists()
    output = json.loads(result.stdout)
    request = SignedRequest(method="GET", uri="/", authorization=output["authorization"])
    with runtime() as opened:
        party = Authentication(opened.ports, opened.policy).authenticate(request)
    assert party.origin.guid == output["requestOriginGuid"]


def test_init_once_changes_nothing_the_second_time(init, tmp_path, data):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert init("--once", "--out", first).exit_code == 0
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}

    result = init("--once", "--out", second)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "there is a service already: nothing was changed\n"
    assert not second.exists()
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before
    assert init().exit_code == 2


def test_init_once_does_not_replace_a_lost_store(init, tmp_path, data):
    assert init("--once").exit_code == 0
    database = data / "counterseal.db"
    database.unlink()

    result = init("--once", "--out", tmp_path / "second.json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no file" in result.stderr
    assert not database.exists()
    database.touch()  # an empty database

    result = init("--once", "--out", tmp_path / "second.json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no company in it" in result.stderr
    assert not (tmp_path / "second.json").exists()


def test_init_once_does_not_migrate_the_store_of_a_release_that_may_still_run(init, data):
    assert init("--once").exit_code == 0
    with closing(sqlite3.connect(data / "counterseal.db")) as database:
        database.execute("UPDATE counterseal_schema SET version_num = '0003'")
        database.execute("DROP TABLE counterseal_gauges")
        database.commit()

        result = init("--once")

        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "there is a service already: nothing was changed\n"
        (version,) = database.execute("SELECT version_num FROM counterseal_schema").fetchone()
    assert version == "0003"


def test_init_once_does_not_replace_lost_keys(init, data):
    assert init("--once").exit_code == 0
    shutil.rmtree(data / "keys")

    result = init("--once")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is a company already" in result.stderr
    assert not (data / "keys" / "signing.json").exists()


@pytest.mark.parametrize("options", [(), ("--once",)])
def test_an_init_that_was_interrupted_is_not_a_service(init, monkeypatch, options):
    create, calls = Tenants.origin, []

    def interrupted(*args, **members):
        calls.append(args)
        if len(calls) > 1:  # the first is in memory
            raise OSError(errno.EIO, "the machine stopped")
        return create(*args, **members)

    with monkeypatch.context() as patch:
        patch.setattr(Tenants, "origin", interrupted)
        assert init("--once").exit_code == 1

    result = init(*options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("data: init was interrupted: there is a company, and no admin")


def test_init_uses_keys_in_a_folder_that_cannot_be_written(init, run, data, monkeypatch):
    assert run("keys", "create", "--data", data).exit_code == 0
    before = (data / "keys" / "signing.json").read_bytes()
    (data / "counterseal.db").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: path != data)
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("the folder was changed"))

    assert init().exit_code == 0
    assert (data / "keys" / "signing.json").read_bytes() == before


def test_keys_create_replaces_no_key(run, data):
    created = run("keys", "create", "--data", data)
    assert created.exit_code == 0
    (listed,) = run("keys", "list", "--data", data).stdout.splitlines()
    thumbprint = json.loads(listed)["thumbprint"]
    assert json.loads(created.stdout)["thumbprint"] == thumbprint
    assert sorted(path.name for path in (data / "keys").iterdir() if path.suffix) == [
        "master.key",
        "signing.json",
    ]

    again = run("keys", "create", "--data", data)

    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("keys_exist: ")
    assert run("keys", "list", "--data", data).stdout == f"{listed}\n"


def test_store_upgrade_demands_the_service_of_the_keys(init, run, data):
    assert init().exit_code == 0
    assert run("store", "upgrade", "--data", data).stdout == (
        "the store has the schema of this release\n"
    )
    (data / "counterseal.db").unlink()
    assert run("store", "upgrade", "--data", data).exit_code == 2
    assert not (data / "counterseal.db").exists()


def test_init_makes_an_origin_for_cx_clients(init, runtime):
    output = json.loads(init("--cx", "--callback", "shop.example/api/{*}/done").stdout)

    with runtime() as opened:
        (origin,) = opened.ports.store.get(output["requestOriginGuid"])
    assert (origin.clients, origin.codes) == (Clients.CX, Codes.ECHOED)
    assert origin.callback_states == (ChallengeState.ANSWERED, ChallengeState.DISOWNED)


def test_init_prints_one_object_with_what_the_shop_needs(init, data, runtime):
    result = init("--callback", CALLBACK)

    assert (result.exit_code, result.stderr) == (0, "")
    output = json.loads(result.stdout)
    assert list(output) == [
        "companyGuid",
        "appSpaceGuid",
        "requestOriginGuid",
        "key",
        "authorization",
        "callbackSecret",
        "adminGuid",
        "adminKey",
    ]
    scheme, _, encoded = output["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode() == f"{output['requestOriginGuid']}:{output['key']}"
    assert output["callbackSecret"].startswith("whsec_")
    assert output["callbackSecret"] != f"whsec_{output['key']}"
    with runtime() as opened:
        request = SignedRequest(method="GET", uri="/", authorization=output["authorization"])
        party = Authentication(opened.ports, opened.policy).authenticate(request)
    assert party.origin.guid == output["requestOriginGuid"]
    assert party.origin.callbacks == (CALLBACK,)
    assert party.app_space.guid == output["appSpaceGuid"]
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_an_origin_with_hmac_has_no_header_to_give(init):
    output = json.loads(init(auth="hmac").stdout)
    assert output["authorization"] is None
    assert output["key"]


@pytest.mark.parametrize(
    ("auth", "admins"), [("basic", "hmac"), ("hmac", "hmac"), ("signature", "signature")]
)
def test_who_signs_by_rfc_9421_has_an_administrator_who_does(init, runtime, auth, admins):
    output = json.loads(init(auth=auth).stdout)
    with runtime() as opened:
        origin, admin = opened.ports.store.get(output["requestOriginGuid"], output["adminGuid"])
        assert [one.scheme.value for one in origin.credentials] == [auth]
        assert [one.scheme.value for one in admin.credentials] == [admins]


@pytest.mark.parametrize("auth", ["basic", "hmac", "signature"])
@pytest.mark.parametrize("admins", ["hmac", "signature"])
def test_the_administrators_scheme_is_chosen_apart_from_the_origins(init, runtime, auth, admins):
    output = json.loads(init("--admin-auth", admins, auth=auth).stdout)
    with runtime() as opened:
        origin, admin = opened.ports.store.get(output["requestOriginGuid"], output["adminGuid"])
        assert [one.scheme.value for one in origin.credentials] == [auth]
        assert [one.scheme.value for one in admin.credentials] == [admins]


def test_an_administrator_has_no_basic_secret(init, data):
    result = init("--admin-auth", "basic")
    assert result.exit_code == 2
    assert "'basic' is not one of 'hmac', 'signature'" in result.stderr
    assert not data.exists()


@pytest.mark.parametrize("key", ["origin", "admin"])
def test_what_signature_prints_signs(init, runtime, key):
    output = json.loads(init(auth="signature").stdout)
    assert output["authorization"] is None
    guid, secret = {
        "origin": (output["requestOriginGuid"], output["key"]),
        "admin": (output["adminGuid"], output["adminKey"]),
    }[key]
    with runtime() as opened:
        doors = Authentication(opened.ports, opened.policy)
        headers = write_signature(
            secret,
            guid=guid,
            method="GET",
            uri="/",
            created=int(opened.ports.clock.now().timestamp()),
            nonce=opened.ports.entropy.token(16).hex(),
        )
        request = SignedRequest(method="GET", uri="/", headers=headers)
        if key == "origin":
            assert doors.authenticate(request).origin.guid == guid
        else:
            assert doors.authenticate_admin(request).guid == guid


def test_no_secret_lies_in_the_folder(init, data):
    output = json.loads(init(auth="hmac").stdout)
    stored_bytes = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
    secrets = [output["key"], output["adminKey"], output["callbackSecret"].removeprefix("whsec_")]
    for secret in secrets:
        assert secret.encode() not in stored_bytes
        assert base64.b64decode(secret) not in stored_bytes


def test_init_is_for_new_services(init):
    assert init().exit_code == 0
    again = init()
    assert again.exit_code == 2
    assert again.stderr == "data: there is a company already; this is for new services\n"


def test_init_makes_no_keys_beside_records_that_others_have_sealed(init, data, runtime):
    assert init().exit_code == 0
    shutil.rmtree(data / "keys")
    again = init()
    assert again.stderr == "data: there is a company already; this is for new services\n"
    assert not (data / "keys").exists()
    with runtime() as opened, pytest.raises(SignerUnavailable):
        opened.prepare()


def test_of_two_inits_at_once_one_founds(data, runtime):
    draft = ServiceDraft(
        company="Example",
        app_space="Bank",
        origin="Web shop",
        scheme="basic",
        clients=Clients.CURRENT,
    )

    def founded(_):
        with runtime() as opened:
            try:
                return create_service(opened, draft)["companyGuid"]
            except InvalidField:
                return None

    with ThreadPoolExecutor(4) as pool:
        new_key = [guid for guid in pool.map(founded, range(4)) if guid is not None]
    with runtime() as opened:
        companies = Administration(opened.ports, opened.policy, by=OPERATOR).list(None, Company)
    assert [company.guid for company in companies] == new_key


def test_a_draft_that_does_not_fit_leaves_nothing(init, data):
    result = init("--callback", "ftp://shop.example/")
    assert result.exit_code == 2
    assert result.stderr.startswith("callback: ")
    assert not data.exists()


def test_a_folder_has_to_be_named(run):
    result = run("init", *NAMES, "--auth", "basic")
    assert (result.exit_code, result.stderr) == (2, "data: missing: give --data DIR\n")


def test_a_master_key_in_the_environment_is_not_written(init, data, monkeypatch, run):
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    assert init().exit_code == 0
    assert not (data / "keys" / "master.key").exists()

    refused = run("keys", "rotate", "--master", "--data", data)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("master: it is in COUNTERSEAL_MASTER_KEY")

    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", base64.b64encode(bytes([1] * 32)).decode())
    lost = run("invite", "zoe", "--data", data)
    assert lost.exit_code == 1
    assert lost.stderr.startswith("unavailable: signer_unavailable: ")


@pytest.mark.parametrize("command", ["reseal", "rotate"])
def test_a_master_key_of_the_environment_takes_over_only_when_it_is_meant(
    init, data, monkeypatch, run, command
):
    init()
    stored_bytes = data / "keys" / "signing.json"
    sealed = stored_bytes.read_bytes()
    slip = base64.b64encode(bytes([7] * 32)).decode()
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", slip)

    question = run("keys", command, "--data", data, stdin="n\n")
    assert question.exit_code == 1
    assert "has not sealed the signing keys yet" in question.stderr
    assert run("keys", command, "--data", data).exit_code == 1, "nobody is there to answer"
    assert slip not in question.output
    assert stored_bytes.read_bytes() == sealed

    assert run("keys", command, "--data", data, stdin="y\n").exit_code == 0
    again = run("keys", command, "--data", data)
    assert (again.exit_code, again.stderr) == (0, ""), "it is the key of now"
    monkeypatch.delenv("COUNTERSEAL_MASTER_KEY")
    with Runtime(settings({"data": data}, {})) as opened, pytest.raises(SignerUnavailable):
        opened.keys.signer.jwks()


def test_who_says_yes_is_not_asked_about_a_master_key(init, data, monkeypatch, run):
    init()
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", base64.b64encode(bytes([7] * 32)).decode())

    assert run("keys", "reseal", "--data", data, "--yes").exit_code == 0


@pytest.mark.parametrize("value", ["short", "Zoë"])
def test_a_master_key_that_is_none_is_refused(init, monkeypatch, value):
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", value)
    result = init()
    assert result.exit_code == 2
    assert result.stderr.startswith("unfit_master_key: ")
    assert value not in result.stderr


def test_keys_are_rotated_and_the_old_ones_stay(init, runtime, run, data):
    output = json.loads(init(auth="hmac").stdout)
    with runtime() as opened:
        (old,) = opened.ports.signer.jwks()
        sealed = opened.ports.sealer.seal(b"plain", "context")

    new_key = json.loads(run("keys", "rotate", "--data", data).stdout)
    assert run("keys", "rotate", "--master", "--data", data).exit_code == 0
    assert run("keys", "reseal", "--data", data).exit_code == 0

    with runtime() as opened:
        assert [key.kid for key in opened.ports.signer.jwks()] == [new_key["kid"], old.kid]
        assert opened.ports.sealer.open(sealed, "context") == b"plain"
        # What was sealed at first still opens.
        issued = Credentials(opened.ports, opened.policy, by=OPERATOR).issue(
            output["requestOriginGuid"], Scheme.HMAC
        )
        assert issued.secret != output["key"]


def test_keys_are_listed_with_what_an_operator_confirms(init, runtime, run, data):
    init()
    assert run("keys", "rotate", "--data", data).exit_code == 0
    assert run("keys", "prepare", "--data", data).exit_code == 0
    with runtime() as opened:
        published = opened.keys.signer.published_keys()

    listed = run("keys", "list", "--data", data)
    assert (listed.exit_code, listed.stderr) == (0, "")
    lines = [json.loads(line) for line in listed.stdout.splitlines()]
    assert lines == [
        {
            "kid": key.public.kid,
            "thumbprint": key.public.thumbprint,
            "algorithm": key.public.algorithm.value,
            "state": key.state.value,
            "since": format_time(key.since),
        }
        for key in published
    ]
    assert [line["state"] for line in lines] == ["signing", "prepared", "retired"]


def test_keys_of_an_older_release_are_listed_without_a_time(init, run, data):
    init()
    file = data / "keys" / "signing.json"
    document = json.loads(file.read_bytes())
    del document["keys"][0]["since"]
    file.write_text(json.dumps(document))

    (line,) = run("keys", "list", "--data", data).stdout.splitlines()

    assert (json.loads(line)["state"], json.loads(line)["since"]) == ("signing", None)


def test_a_prepared_key_is_published_and_signs_after_the_rotation(init, runtime, run, data):
    init()
    with runtime() as opened:
        (old,) = opened.ports.signer.jwks()

    prepared = json.loads(run("keys", "prepare", "--data", data).stdout)

    with runtime() as opened:
        published = opened.ports.signer.jwks()
    assert [key.kid for key in published] == [old.kid, prepared["kid"]]
    assert prepared == {"kid": published[1].kid, "thumbprint": published[1].thumbprint}
    again = run("keys", "prepare", "--data", data)
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("key_prepared: ")
    assert json.loads(run("keys", "rotate", "--data", data).stdout) == prepared
    with runtime() as opened:
        assert [key.kid for key in opened.ports.signer.jwks()] == [prepared["kid"], old.kid]


def test_a_key_is_prepared_under_a_new_master_key_only_when_that_is_meant(
    init, data, monkeypatch, run
):
    init()
    stored_bytes = (data / "keys" / "signing.json").read_bytes()
    monkeypatch.setenv("COUNTERSEAL_MASTER_KEY", base64.b64encode(bytes([7] * 32)).decode())

    question = run("keys", "prepare", "--data", data, stdin="n\n")

    assert question.exit_code == 1
    assert "has not sealed the signing keys yet" in question.stderr
    assert (data / "keys" / "signing.json").read_bytes() == stored_bytes
    assert run("keys", "prepare", "--data", data, "--yes").exit_code == 0


def test_invite_prints_a_link_and_a_code(init, run, data):
    output = json.loads(init().stdout)
    result = run("invite", "zoë & co", "--data", data)
    assert (result.exit_code, result.stderr) == (0, "")
    first, *qr_lines = result.stdout.splitlines()
    link = read_link(first)
    assert (link.app_space, link.app_space_name) == (output["appSpaceGuid"], "Bank")
    assert link.display_name == "zoë & co"
    assert any("▀" in line for line in qr_lines)
    assert qr_lines[-1].startswith("Valid until")


@pytest.mark.parametrize(
    "expected",
    [
        ({}, None),
        ({"BROWSER_DEVICE": "yes"}, "https://auth.example.com/app"),
        ({"BROWSER_DEVICE_URL": "https://app.example.com"}, "https://app.example.com"),
    ],
)
def test_an_invitation_opens_the_device_in_the_browser_if_there_is_one(
    create_data, run, data, monkeypatch, expected
):
    create_data(data)
    more, app = expected
    for name, value in (more | {"PUBLIC_URL": "https://auth.example.com"}).items():
        monkeypatch.setenv(f"COUNTERSEAL_{name}", value)
    link = read_link(json.loads(run("invite", "zoe", "--data", data, "--json").stdout)["link"])
    assert link.app == app
    assert link.service == (None if app is None else "https://auth.example.com")


def test_the_link_opens_the_app_that_the_command_names(create_data, run, data, monkeypatch):
    create_data(data)
    monkeypatch.setenv("COUNTERSEAL_PUBLIC_URL", "https://auth.example.com")
    app = ("--app", "https://app.example.com")
    invited = json.loads(run("invite", "zoe", "--data", data, "--json", *app).stdout)
    account = json.loads(run("account", "show", "zoe", "--data", data).stdout)
    (device,) = account["devices"]
    again = ("account", "invite-again", device["guid"], "--data", data, "--json")
    for printed in (invited, json.loads(run(*again, *app).stdout)):
        link = read_link(printed["link"])
        assert (link.app, link.service) == ("https://app.example.com", "https://auth.example.com")
    refused = run("invite", "adam", "--data", data, "--app", "app.example.com")
    assert refused.stderr == "app: not an address like https://app.example.com\n"
    assert run("account", "show", "adam", "--data", data).exit_code == 1  # nobody was invited


def test_invite_for_programs(init, run, data):
    output = json.loads(init().stdout)
    result = run("invite", "zoe", "--data", data, "--json", "--origin", output["requestOriginGuid"])
    printed = json.loads(result.stdout)
    assert read_link(printed["link"]).token == printed["sessionToken"]
    assert printed["expiresAt"].endswith("Z")


def test_the_only_origin_and_app_space_are_those_besides_the_portals(init, run, data, runtime):
    output = json.loads(init().stdout)
    with runtime() as opened:
        AdminLogins(opened.ports, opened.policy, domain="localhost").portal()
    invited = json.loads(run("invite", "zoe", "--data", data, "--json").stdout)
    assert read_link(invited["link"]).app_space == output["appSpaceGuid"]
    account = json.loads(run("account", "show", "zoe", "--data", data).stdout)
    assert account["accountId"] == "zoe"
    more = ("admin", "origin", output["appSpaceGuid"], "Other", "--auth", "basic")
    assert run(*more, "--data", data).exit_code == 0
    result = run("invite", "zoe", "--data", data)
    assert result.stderr == "origin: there are 2: give --origin GUID, as admin list says\n"


def test_invite_writes_the_link_to_a_file_for_its_owner_only(init, run, data, tmp_path):
    init()
    before = os.umask(0)
    try:
        result = run("invite", "zoe", "--data", data, "--out", tmp_path / "link.json")
    finally:
        os.umask(before)

    assert (result.exit_code, result.output) == (0, "")
    assert stat.S_IMODE((tmp_path / "link.json").stat().st_mode) == 0o600
    link_document = json.loads((tmp_path / "link.json").read_text("ascii"))
    assert read_link(link_document["link"]).token == link_document["sessionToken"]


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ("zoe", "origin: not a GUID of this service\n"),
        ("00000000-0000-8000-8000-000000000000", "refused: not_found: No such record.\n"),
    ],
)
def test_another_origin_is_refused(init, run, data, origin, line):
    init()
    result = run("invite", "zoe", "--data", data, "--origin", origin)
    assert result.stderr == line


def test_where_there_is_no_service_nobody_is_invited(run, data):
    result = run("invite", "zoe", "--data", data)
    assert result.exit_code == 1
    assert result.stderr.startswith("unavailable: signer_unavailable: ")
    assert not data.exists()


def test_purge_says_how_many_it_dropped(init, run, data):
    init()
    assert run("store", "purge", "--data", data).stdout == "dropped: 0\n"


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "file").write_text("")
    data = tmp_path / "file" / "data"
    result = run("init", "--data", data, *NAMES, "--auth", "basic")
    assert (result.exit_code, result.stderr) == (1, f"{data}: Not a directory\n")


def test_who_sends_nothing_does_not_run(init, run, data, monkeypatch):
    init()
    monkeypatch.setenv("COUNTERSEAL_SENDERS", "0")
    result = run("callbacks", "run", "--data", data)
    assert (result.exit_code, result.stderr) == (
        2,
        (
            "senders: 0, so nothing would be delivered; if serve shares this file, give this"
            " command a number of its own, such as COUNTERSEAL_SENDERS=64\n"
        ),
    )


def test_a_command_without_channels_does_not_run(init, run, data, monkeypatch):
    init()
    result = run("notify", "run", "--data", data)
    assert result.exit_code == 2
    assert result.stderr.startswith("relay_url: not set, nor fcm_account_file or webpush_contact")
    monkeypatch.setenv("COUNTERSEAL_NOTIFICATION_WORKERS", "0")
    result = run("notify", "run", "--data", data)
    assert (result.exit_code, result.stderr) == (
        2,
        (
            "notification_workers: 0, so nobody would be notified; if serve shares this file,"
            " give this command a number of its own, such as COUNTERSEAL_NOTIFICATION_WORKERS=16\n"
        ),
    )


@pytest.mark.parametrize(
    "command",
    ["init", "serve", "invite", "admin", "keys", "store", "callbacks", "notify", "device"],
)
def test_each_command_has_help(run, command):
    assert "Usage:" in run(command, "-h").stdout
