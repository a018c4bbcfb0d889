"""`account` and `binding`: support staff at the command line."""

import json

import pytest

from counterseal import Accounts, Administration, Answers, Challenges, Enrolments, Invitations
from counterseal.device import SoftwareDevice
from counterseal.models import OPERATOR, Question, RefusalReason, TextContent
from counterseal.wire.link import read_link
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime

NOBODY = "00000000-0000-8000-8000-000000000000"
PIN = "1379"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def founded(create_data, data):
    return create_data(data)


@pytest.fixture
def runtime(data, founded):
    with Runtime(settings({"data": data}, {})) as runtime:
        yield runtime


@pytest.fixture
def bindings(runtime, founded):
    """Bind a device of the user `zoe`; return the device, and the reply to it."""
    party = Administration(runtime.ports, runtime.policy, by=OPERATOR).relying_party(
        founded["requestOriginGuid"]
    )
    invited = Invitations(runtime.ports, runtime.policy).invite(party, "zoe")
    ports = runtime.ports
    device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
    enrolment = device.enrolment(invited.token, founded["appSpaceGuid"], pin=PIN, name="Phone")
    bound = Enrolments(runtime.ports, runtime.policy).complete(enrolment)
    return device, bound


@pytest.fixture
def user(bindings):
    """Return the account's GUID and the device's."""
    _, bound = bindings
    return bound.account.guid, bound.binding.guid


@pytest.fixture
def command(run, data):
    def output(*args, stdin=None):
        result = run(*args, "--data", data, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    return output


def test_an_account_is_named_in_three_ways(command, user, founded):
    account, device = user
    output = command("account", "show", account)
    assert (output["privakeyId"], output["accountId"], output["locked"]) == (account, "zoe", False)
    (document,) = output["devices"]
    assert (document["guid"], document["name"], document["status"]) == (device, "Phone", "ACTIVE")
    assert command("account", "show", "zoe") == output
    assert command("account", "show", "zoe", "--app-space", founded["appSpaceGuid"]) == output


def test_with_an_app_space_a_guid_is_an_origins_own_id(run, data, user, founded):
    where = ("--app-space", founded["appSpaceGuid"], "--data", data)
    result = run("account", "show", user[0], *where)
    assert result.stderr.startswith("refused: account_unknown: ")


def test_of_several_app_spaces_one_has_to_be_said(run, data, user, founded):
    run("admin", "app-space", founded["companyGuid"], "Club", "--data", data)
    result = run("account", "show", "zoe", "--data", data)
    assert (result.exit_code, result.stderr) == (
        2,
        "app-space: there are 2: give --app-space GUID, as admin list says\n",
    )


def test_accounts_are_searched_by_the_beginning_of_their_ids(run, data, runtime, user, founded):
    party = Administration(runtime.ports, runtime.policy, by=OPERATOR).relying_party(
        founded["requestOriginGuid"]
    )
    for account_id in ("zoé", "adam"):
        Invitations(runtime.ports, runtime.policy).invite(party, account_id)

    def search(*arguments):
        result = run("account", "search", *arguments, "--data", data)
        assert (result.exit_code, result.stderr) == (0, "")
        return [json.loads(line) for line in result.stdout.splitlines()]

    zoe, other = search("zo")
    assert (zoe["accountId"], zoe["privakeyId"], zoe["devices"]) == ("zoe", user[0], 1)
    assert (other["accountId"], other["devices"], other["invited"]) == ("zoé", 0, True)
    assert [each["accountId"] for each in search("", "--limit", "2")] == ["adam", "zoe"]
    assert search(user[0], "--app-space", founded["appSpaceGuid"]) == [zoe]
    assert search("Zo") == []
    result = run("account", "search", "z", "--limit", "0", "--data", data)
    assert (result.exit_code, result.stderr) == (2, "limit: not within 1 and 1000\n")
    result = run("account", "search", "z", "--app-space", NOBODY, "--data", data)
    assert result.stderr.startswith("refused: not_found: ")


def test_an_account_is_locked_and_unlocked(command, user):
    assert command("account", "lock", "zoe")["locked"]
    assert not command("account", "unlock", "zoe")["locked"]


def test_devices_are_revoked_after_a_question(run, data, command, user):
    result = run("account", "revoke", "zoe", "--data", data, stdin="n\n")
    assert result.exit_code == 1
    assert user[0] in result.stderr
    assert command("account", "show", "zoe")["devices"][0]["status"] == "ACTIVE"
    output = command("account", "revoke", "zoe", "--yes")
    assert output["devices"][0]["status"] == "REVOKED"


def test_an_account_is_erased_after_a_question(run, data, runtime, command, user):
    result = run("account", "erase", "zoe", "--data", data, stdin="\n")
    assert result.exit_code == 1
    assert Accounts(runtime.ports, runtime.policy).get_with_devices(user[0], by=OPERATOR)
    output = command("account", "erase", user[0], "--yes")
    assert output["privakeyId"] == user[0]
    assert output["erasedAt"]
    for name, code in ((user[0], "not_found"), ("zoe", "account_unknown")):
        for verb in ("show", "erase"):
            result = run("account", verb, name, "--data", data, stdin="y\n")
            assert (result.exit_code, code in result.stderr) == (1, True)


def test_a_device_is_suspended_resumed_and_revoked(run, data, command, user):
    _, device = user
    assert command("binding", "suspend", device)["status"] == "SUSPENDED"
    assert command("binding", "resume", device)["status"] == "ACTIVE"
    result = run("binding", "revoke", device, "--data", data, stdin="n\n")
    assert result.exit_code == 1
    assert command("binding", "revoke", device, "--yes")["status"] == "REVOKED"
    again = run("binding", "resume", device, "--data", data)
    assert again.stderr.startswith("refused: wrong_state: ")
    nobody = run("binding", "revoke", NOBODY, "--yes", "--data", data)
    assert nobody.stderr.startswith("refused: not_found: ")


def test_what_a_person_was_asked_and_why_they_refused(run, data, runtime, bindings, founded):
    device, bound = bindings
    device.complete_binding(bound)
    party = Administration(runtime.ports, runtime.policy, by=OPERATOR).relying_party(
        founded["requestOriginGuid"]
    )
    question = Question(account_id="zoe", content=TextContent(text="Pay?"))
    challenges = Challenges(runtime.ports, runtime.policy)
    refused = challenges.issue(party, question).challenge
    token = device.answer(refused.display, 1, reason=RefusalReason.PRESSURED)
    answer = device.signed_call("POST", f"{runtime.settings.public_url}/x", token.encode())
    Answers(runtime.ports, runtime.policy).answer(answer)
    pending = challenges.issue(party, question).challenge
    result = run("account", "requests", "zoe", "--data", data)
    assert (result.exit_code, result.stderr) == (0, "")
    newest, oldest = map(json.loads, result.stdout.splitlines())
    assert (newest["guid"], newest["state"], newest["reason"]) == (pending.guid, "PENDING", None)
    assert (oldest["guid"], oldest["state"]) == (refused.guid, "ANSWERED")
    assert (oldest["content"], oldest["buttonSelected"]) == ("Pay?", 1)
    assert (oldest["approved"], oldest["reason"]) == (False, "pressured")


def test_an_invitation_is_made_anew(run, data, runtime, command, founded, tmp_path):  # noqa: PLR0917 (fixtures)
    party = Administration(runtime.ports, runtime.policy, by=OPERATOR).relying_party(
        founded["requestOriginGuid"]
    )
    first = Invitations(runtime.ports, runtime.policy).invite(party, "zoe")
    printed = command("account", "invite-again", first.binding, "--json")
    assert read_link(printed["link"]).token == printed["sessionToken"] != first.token
    assert read_link(printed["link"]).account == first.account.guid
    earlier, second = command("account", "show", "zoe")["devices"]
    assert (earlier["guid"], earlier["status"]) == (first.binding, "REVOKED")
    again = run("account", "invite-again", first.binding, "--data", data)
    assert (again.exit_code, again.stderr.startswith("refused: wrong_state: ")) == (1, True)
    result = run("account", "invite-again", second["guid"], "--data", data)
    assert read_link(result.stdout.splitlines()[0]).display_name == "zoe"
    assert "▀" in result.stdout
    third = command("account", "show", "zoe")["devices"][-1]["guid"]
    out = tmp_path / "link.json"
    result = run("account", "invite-again", third, "--data", data, "--out", out)
    assert (result.exit_code, result.output) == (0, "")
    link_document = json.loads(out.read_text("ascii"))
    assert read_link(link_document["link"]).token == link_document["sessionToken"]
    result = run("account", "invite-again", "zoe", "--data", data)
    assert result.stderr == "guid: not a GUID of this service\n"
