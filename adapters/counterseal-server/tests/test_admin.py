"""`admin`: tenants and their credentials, on the command line."""

import json
import os
import stat
import sys

import click
import pytest

from counterseal import Authentication, SignedRequest, keys
from counterseal.errors import CredentialRefused
from counterseal.models import Admin
from counterseal_server.cli import main
from counterseal_server.configuration import settings
from counterseal_server.plainly import PARAMETERS
from counterseal_server.runtime import Runtime
from counterseal_testing.pictures import build_png

NOBODY = "00000000-0000-8000-8000-000000000000"
URL = "https://shop.example/answered"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def founded(create_data, data):
    return create_data(data)


@pytest.fixture
def admin(run, data, founded):
    def command(*args):
        result = run("admin", *args, "--data", data)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    return command


@pytest.fixture
def file(tmp_path):
    def write(document):
        path = tmp_path / "idp.json"
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def authenticates(data):
    def try_out(authorization):
        with Runtime(settings({"data": data}, {})) as runtime:
            request = SignedRequest(method="GET", uri="/", authorization=authorization)
            try:
                return Authentication(runtime.ports, runtime.policy).authenticate(request)
            except CredentialRefused:
                return None

    return try_out


SECRETS = {
    "origin {appSpaceGuid} Desk --auth signature": "key",
    "rotate {requestOriginGuid} --auth signature": "key",
    "callback-secret {requestOriginGuid}": "callbackSecret",
    "administrator Night --company {companyGuid}": "adminKey",
    "rotate-administrator {adminGuid}": "adminKey",
}
"""The commands that make a secret, and what they call it."""


@pytest.mark.parametrize("command", SECRETS)
def test_a_secret_is_written_to_a_file_for_its_owner_only(run, data, tmp_path, founded, command):
    out, words = tmp_path / "out.json", command.format(**founded).split()
    before = os.umask(0)
    try:
        result = run("admin", *words, "--data", data, "--out", out)
    finally:
        os.umask(before)

    assert (result.exit_code, result.output) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text("ascii"))[SECRETS[command]]


@pytest.mark.parametrize("command", SECRETS)
def test_no_secret_is_made_where_the_file_is_there_already(
    run, data, founded, authenticates, command
):
    out, words = data.with_name("out.json"), command.format(**founded).split()
    out.write_text("kept")

    def listed():
        lists = ("list", "administrators")
        return [run("admin", name, "--data", data).stdout for name in lists]

    before = listed()
    result = run("admin", *words, "--data", data, "--out", out)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"out: {out} exists, and is not overwritten\n"
    assert out.read_text() == "kept"
    assert listed() == before
    assert authenticates(founded["authorization"])


def test_tenants_are_created_and_listed(admin, founded, authenticates):
    company = admin("company", "Zoë's")["companyGuid"]
    space = admin("app-space", company, "Club")["appSpaceGuid"]
    new_record = admin("origin", space, "Desk", "--auth", "basic")
    assert new_record["callbackSecret"].startswith("whsec_")
    assert authenticates(new_record["authorization"]).app_space.guid == space
    listed = {"callbacks": [URL], "domains": []}
    assert admin("allow", new_record["requestOriginGuid"], URL) == listed

    first, second = sorted(admin("list")["companies"], key=lambda one: one["name"])
    assert first["companyGuid"] == founded["companyGuid"]
    assert second == {
        "companyGuid": company,
        "name": "Zoë's",
        "verifiedName": None,
        "appSpaces": [
            {
                "appSpaceGuid": space,
                "name": "Club",
                "origins": [
                    {
                        "requestOriginGuid": new_record["requestOriginGuid"],
                        "name": "Desk",
                        "role": "full",
                        "auth": ["basic"],
                        "callbacks": [URL],
                        "domains": [],
                    }
                ],
            }
        ],
    }
    assert admin("forbid", new_record["requestOriginGuid"], URL) == listed | {"callbacks": []}


def test_a_company_and_an_app_space_are_edited(admin, founded):
    company, space = founded["companyGuid"], founded["appSpaceGuid"]
    assert admin("edit-company", company, "Zoë's")["name"] == "Zoë's"
    assert admin("show", company)["name"] == "Zoë's"
    verified = admin("verify-company", company, "Zoë's Ltd, Utrecht")
    assert verified == admin("show", company)
    assert verified["verifiedName"] == "Zoë's Ltd, Utrecht"
    assert admin("list")["companies"][0]["verifiedName"] == "Zoë's Ltd, Utrecht"
    assert admin("verify-company", company, "--not-verified")["verifiedName"] is None
    origins = ["https://a.example.com", "https://example.com"]
    edited = admin(
        "edit-app-space",
        space,
        *(word for origin in origins for word in ("--passkey-origin", origin)),
        "--rp-id",
        "example.com",
    )
    assert edited["passkeys"] == {"rpId": "example.com", "origins": origins}
    assert admin("edit-app-space", space, "--name", "Bank")["passkeys"] == edited["passkeys"]
    assert admin("edit-app-space", space, "--default-passkeys")["passkeys"] is None


def test_an_app_space_gets_a_logo(admin, founded, tmp_path):
    space, png = founded["appSpaceGuid"], build_png()
    (tmp_path / "logo.png").write_bytes(png)
    edited = admin("edit-app-space", space, "--logo", str(tmp_path / "logo.png"))
    assert edited["brandInfo"]["logoDigest"] == keys.digest(png)
    edited = admin("edit-app-space", space, "--no-logo")
    assert edited["brandInfo"]["logoDigest"] is None


def test_an_app_space_gets_a_provider_and_keeps_its_secret_to_itself(admin, founded, data, file):
    output = {
        "issuer": "https://idp.example",
        "clientId": "seal",
        "clientAuth": "client_secret_basic",
        "clientSecret": "told-once-and-never-shown",
        "returns": ["http://127.0.0.1/counterseal"],
    }
    new_record = admin("app-space", founded["companyGuid"], "Staff", "--idp", file(output))
    record_document = admin("show", new_record["appSpaceGuid"])
    assert record_document["idpType"] == "oidc"
    assert (record_document["idp"]["issuer"], record_document["idp"]["hasClientSecret"]) == (
        output["issuer"],
        True,
    )
    assert output["clientSecret"] not in json.dumps(record_document)
    with Runtime(settings({"data": data}, {})) as runtime:
        (stored_record,) = runtime.ports.store.get(new_record["appSpaceGuid"])
        opened = runtime.ports.sealer.open(
            stored_record.idp.sealed_secret, stored_record.idp.secret_context
        )
    assert opened.decode() == output["clientSecret"]
    change = file({"scopes": ["openid", "offline_access"]})
    edited = admin("edit-app-space", new_record["appSpaceGuid"], "--idp", change)
    assert edited["idp"] == record_document["idp"] | {"scopes": ["openid", "offline_access"]}
    assert (
        admin("edit-app-space", new_record["appSpaceGuid"], "--name", "All")["idp"] == edited["idp"]
    )


def test_a_misspelt_setting_of_a_provider_is_refused(run, admin, founded, data, file):
    company = founded["companyGuid"]
    output = {"issuer": "https://idp.example", "clientId": "seal", "clientsecret": "x"}
    result = run("admin", "app-space", company, "Staff", "--idp", file(output), "--data", data)
    assert result.exit_code == 2
    assert "idp.clientsecret: not a known member; clientSecret is" in result.stderr
    (only,) = admin("list")["companies"]
    assert [each["name"] for each in only["appSpaces"]] == ["Bank"]


def test_an_origin_is_edited(admin, founded):
    origin = founded["requestOriginGuid"]
    states = ("--callback-state", "answered", "--callback-state", "EXPIRED")
    assert admin("edit-origin", origin, *states)["callbackStates"] == ["ANSWERED", "EXPIRED"]
    record_document = json.dumps(admin("show", origin))
    assert founded["key"] not in record_document


def test_the_policy_of_app_space_and_origin_is_narrowed_and_shown(admin, founded):
    space, origin = founded["appSpaceGuid"], founded["requestOriginGuid"]
    narrowed = admin(
        *("policy", space, "--set", "challenge_life=90s", "--set", "code_limit=2"),
        *("--set", "algorithms=ES256,EdDSA", "--set", "origin_texts=no", "--set", "on_other=alert"),
        *("--set", "passkeys=refuse"),
    )
    settings = {each["name"]: each for each in narrowed["settings"]}
    assert (narrowed["appSpaceGuid"], narrowed["requestOriginGuid"]) == (space, None)
    assert {name: each["value"] for name, each in settings.items() if each["appSpace"]} == {
        "challenge_life": 90,
        "code_limit": 2,
        "algorithms": ["ES256", "EdDSA"],
        "on_other": ["alert"],
        "passkeys": "refuse",
    }
    assert settings["origin_texts"]["decidedBy"] == "app_space"
    assert "retention" not in settings
    narrowed = admin("policy", origin, "--set", "challenge_life=1m", "--set", "invite_rate=9")
    settings = {each["name"]: each for each in narrowed["settings"]}
    assert (narrowed["appSpaceGuid"], narrowed["requestOriginGuid"]) == (space, origin)
    assert (settings["challenge_life"]["value"], settings["challenge_life"]["appSpace"]) == (60, 90)
    narrowed = admin("policy", origin, "--unset", "challenge_life")
    settings = {each["name"]: each for each in narrowed["settings"]}
    assert (settings["challenge_life"]["value"], settings["invite_rate"]["value"]) == (90, 9)
    assert admin("policy", origin) == narrowed


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("{appSpaceGuid}", "--set", "code_limit=4"), "policy.code_limit: looser than 3"),
        (("{appSpaceGuid}", "--set", "code_limit=two"), "policy.code_limit: must be within"),
        (("{appSpaceGuid}", "--set", "code_limit"), "set: code_limit is not NAME=VALUE"),
        (("{appSpaceGuid}", "--set", "nothing=1"), "policy.nothing: no such setting"),
        (("{appSpaceGuid}", "--unset", "nothing"), "policy.nothing: no setting of the policy"),
        (("{appSpaceGuid}", "--set", "challenge_life=90"), "policy.challenge_life: not a number"),
        (("{appSpaceGuid}", "--set", "algorithms=HS256"), "policy.algorithms: not a list of"),
        (("{appSpaceGuid}", "--set", "origin_texts=maybe"), "policy.origin_texts: must be True"),
        (("{requestOriginGuid}", "--set", "code_limit=1"), "policy.code_limit: an App Space"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_by_name(run, data, founded, words, line):
    arguments = [word.format(**founded) for word in words]
    result = run("admin", "policy", *arguments, "--data", data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert line in result.stderr


def test_entries_go_by_url_and_by_guid(admin, founded):
    origin = founded["requestOriginGuid"]
    output = admin("allow", origin, URL)
    assert output == {"callbacks": [URL], "domains": []}
    (first,) = admin("show", origin)["callbacks"]
    assert admin("forbid", origin, first["callbackGuid"]) == output | {"callbacks": []}
    admin("allow", origin, URL)
    assert admin("forbid", origin, URL) == {"callbacks": [], "domains": []}


def test_domains_for_passkeys_are_allowed_and_forbidden(admin, founded, run, data):
    origin, domain = founded["requestOriginGuid"], "shop.example.com"
    output = {"callbacks": [], "domains": [domain]}
    assert admin("allow", origin, domain, "--webauthn") == output
    assert admin("forbid", origin, domain) == output | {"domains": []}
    admin("allow", origin, domain, "--webauthn")
    admin("allow", origin, domain)
    (company,) = admin("list")["companies"]
    (listed,) = company["appSpaces"][0]["origins"]
    assert (listed["callbacks"], listed["domains"]) == ([domain], [domain])
    result = run("admin", "forbid", origin, domain, "--data", data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "an address and a domain: give the GUID" in result.stderr
    entry = next(each for each in admin("show", origin)["callbacks"] if each["callbackType"] == 2)
    assert admin("forbid", origin, entry["callbackGuid"]) == output | {
        "callbacks": [domain],
        "domains": [],
    }
    url = "https://shop.example.com/login"
    result = run("admin", "allow", origin, url, "--webauthn", "--data", data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not a domain" in result.stderr
    assert "it has a path" in result.stderr


@pytest.mark.parametrize(
    ("spelling", "domain"),
    [
        ("https://Shop.example.com:443/", "shop.example.com"),
        ("http://localhost:3000", "localhost:3000"),
    ],
)
def test_a_domain_for_passkeys_may_be_its_web_origin(admin, founded, spelling, domain):
    origin = founded["requestOriginGuid"]
    output = {"callbacks": [], "domains": [domain]}
    assert admin("allow", origin, spelling, "--webauthn") == output
    assert admin("allow", origin, domain, "--webauthn") == output
    assert admin("forbid", origin, spelling) == output | {"domains": []}


def test_a_domain_is_allowed_with_a_warning_where_the_extra_is_missing(
    run, founded, data, monkeypatch
):
    words = ("admin", "allow", founded["requestOriginGuid"], "shop.example", "--webauthn")
    assert run(*words, "--data", data).stderr == ""
    monkeypatch.setitem(sys.modules, "counterseal_webauthn", None)
    result = run(*words, "--data", data)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: no browser can register a passkey: ")
    assert "counterseal-server[webauthn]" in result.stderr


def test_administrators_of_each_role(admin, founded, authenticates, data):
    company, space = founded["companyGuid"], founded["appSpaceGuid"]
    own = admin("administrator", "Ana", "--company", company, "--life", "30d")
    desk = admin("administrator", "Ben", "--role", "user_support", "--app-space", space)
    (listed,) = admin("administrators", "--app-space", space)["administrators"]
    assert (listed["adminGuid"], listed["role"]) == (desk["adminGuid"], "user_support")
    (listed,) = admin("administrators", "--company", company)["administrators"]
    assert (listed["adminGuid"], listed["companyGuid"]) == (own["adminGuid"], company)
    assert listed["endsAt"] is not None
    (listed,) = admin("administrators")["administrators"]
    assert listed["adminGuid"] == founded["adminGuid"]

    new_record = admin("rotate-administrator", own["adminGuid"], "--overlap", "1h")
    assert new_record["adminKey"] != own["adminKey"]
    assert len(admin("show", own["adminGuid"])["keys"]) == 2
    assert admin("rotate-administrator", own["adminGuid"], "--auth", "signature")
    (key,) = admin("show", own["adminGuid"])["keys"]
    assert key["keyType"] == "signature"
    admin("revoke-administrator", own["adminGuid"], "--yes")
    assert admin("show", own["adminGuid"])["keys"] == []


ADMINISTRATOR = ("administrator", "Ana")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (ADMINISTRATOR, "company: missing: a company_admin has one, or says --all-companies"),
        ((*ADMINISTRATOR, "--company", "x"), "company: "),
        (
            (*ADMINISTRATOR, "--company", "{companyGuid}", "--all-companies"),
            "all-companies: not together with --company",
        ),
        ((*ADMINISTRATOR, "--app-space", "{appSpaceGuid}"), "app-space: a company_admin has none"),
        (
            (*ADMINISTRATOR, "--role", "user_support", "--company", "{companyGuid}"),
            "app-space: missing: a user_support has one",
        ),
        (("allow", "{requestOriginGuid}", "ftp://x.example/"), "URL: not a plain http"),
        (("edit-app-space", "{appSpaceGuid}", "--logo", __file__), "logo: not a PNG"),
        (
            ("edit-app-space", "{appSpaceGuid}", "--passkey-origin", "http://example.com"),
            "passkey-origin: not a web origin",
        ),
        (("edit-app-space", "{appSpaceGuid}", "--rp-id", "x"), "passkey-origin: missing beside"),
    ],
)
def test_a_refusal_names_the_options_of_the_command(run, data, founded, words, line):
    arguments = [word.format(**founded) for word in words]
    result = run("admin", *arguments, "--data", data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(line), result.stderr


def test_each_member_that_is_translated_has_a_command_for_each_parameter():
    def commands(command):
        yield command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                yield from commands(command.get_command(context, name))

    parameters = {parameter.name for command in commands(main) for parameter in command.params}
    assert {name for names in PARAMETERS.values() for name in names} <= parameters


def test_a_secret_is_rotated_with_overlap(admin, founded, authenticates):
    origin = founded["requestOriginGuid"]
    second = admin("rotate", origin, "--auth", "basic", "--overlap", "24h")
    assert authenticates(founded["authorization"])
    assert authenticates(second["authorization"])

    third = admin("rotate", origin, "--auth", "basic")
    assert not authenticates(second["authorization"])
    assert authenticates(third["authorization"])

    assert admin("rotate", origin, "--auth", "hmac")["authorization"] is None
    assert not authenticates(third["authorization"])


def test_secrets_are_revoked(admin, founded, authenticates, run, data):
    unsure = run("admin", "revoke", founded["requestOriginGuid"], "--data", data, stdin="n\n")
    assert unsure.exit_code == 1
    assert authenticates(founded["authorization"])
    admin("revoke", founded["requestOriginGuid"], "--yes")
    assert not authenticates(founded["authorization"])


def test_one_secret_is_revoked_before_its_overlap_ends(admin, founded, authenticates, run, data):
    origin = founded["requestOriginGuid"]
    second = admin("rotate", origin, "--auth", "basic", "--overlap", "24h")
    _, old_key = admin("show", origin)["keys"]
    command = ("revoke-credential", origin, old_key["keyGuid"])
    unsure = run("admin", *command, "--data", data, stdin="n\n")
    assert unsure.exit_code == 1
    assert authenticates(founded["authorization"])
    for _ in range(2):
        revoked = admin(*command, "--yes")
        assert revoked == {"requestOriginGuid": origin, "keyGuid": old_key["keyGuid"]}
        assert not authenticates(founded["authorization"])
        assert authenticates(second["authorization"])
    unknown = run("admin", "revoke-credential", origin, origin, "--yes", "--data", data)
    assert unknown.exit_code != 0


CX = {
    "clients": "cx",
    "codes": "echoed",
    "wildcards": True,
    "callbackStates": ["ANSWERED", "DISOWNED"],
    "events": [],
}
"""What the profile of CX clients brings."""


def test_an_origin_is_set_up_for_cx_clients(admin, founded):
    new_record = admin("origin", founded["appSpaceGuid"], "Old shop", "--auth", "hmac", "--cx")
    assert admin("show", new_record["requestOriginGuid"]).items() >= CX.items()


def test_an_origin_of_an_agent_may_only_ask(admin, founded):
    space = founded["appSpaceGuid"]
    assert admin("show", founded["requestOriginGuid"])["role"] == "full"
    agent = admin("origin", space, "Agents", "--auth", "basic", "--role", "asking")
    shown_role = admin("show", agent["requestOriginGuid"])["role"]
    assert shown_role == "asking"


def test_callback_secrets_and_administrators(admin, founded, data):
    new_record = admin("callback-secret", founded["requestOriginGuid"], "--overlap", "1h")
    assert new_record["callbackSecret"] not in {founded["callbackSecret"], ""}
    output = admin("administrator", "Zoë", "--company", founded["companyGuid"])
    with Runtime(settings({"data": data}, {})) as runtime:
        (record,) = runtime.ports.store.get(output["adminGuid"])
    assert isinstance(record, Admin)
    assert record.company == founded["companyGuid"]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("app-space", NOBODY, "Club"), "refused: not_found: "),
        (("app-space", "7", "Club"), "company: not a GUID of this service"),
        (("origin", "Bank", "Desk", "--auth", "basic"), "app-space: not a GUID of this service"),
        (("ciba", "Desk", "--mode", "poll"), "origin: not a GUID of this service"),
        (("revoke-credential", "ORIGIN", "7", "--yes"), "credential: not a GUID of this service"),
        (("show", "Bank"), "guid: not a GUID of this service"),
        (("company", " "), "name: "),
        (("show", NOBODY), "refused: not_found: "),
        (
            ("edit-origin", "ORIGIN", "--callback-state", "none", "--callback-state", "x"),
            "callback-state: not one of ANSWERED, DISOWNED, CANCELLED, FAILED, EXPIRED, or none",
        ),
        (("edit-origin", "ORIGIN", "--event", "moved"), "event: not one of bound, "),
        (
            ("edit-origin", "ORIGIN", "--events-url", "https://other.example/"),
            "refused: callback_forbidden: ",
        ),
        (("forbid", "ORIGIN", "https://shop.example/"), "URL: "),
        (("administrator", "Zoë"), "company: "),
        (("administrator", "Zoë", "--role", "user_support"), "app-space: "),
        (("administrator", "Zoë", "--app-space", "7"), "app-space: "),
        (("administrator", "Zoë", "--all-companies", "--life", "0s"), "life: "),
        (("rotate", NOBODY, "--auth", "hmac", "--overlap", "soon"), "overlap: "),
        (("rotate", "ORIGIN", "--auth", "hmac", "--overlap", "999d"), "overlap: "),
    ],
)
def test_what_does_not_fit_is_refused(run, data, founded, args, line):
    arguments = [founded["requestOriginGuid"] if arg == "ORIGIN" else arg for arg in args]
    result = run("admin", *arguments, "--data", data)
    assert result.exit_code == (1 if line.startswith("refused") else 2)
    assert result.stderr.startswith(line)
