"""`account` and `binding`: support staff at the command line."""

import json

import pytest

from counterseal import Accounts, Administration, Enrolments, Invitations
from counterseal.device import SoftwareDevice
from counterseal.models import OPERATOR
from counterseal_server.configuration import settings
from counterseal_server.house import House

NOBODY = "00000000-0000-8000-8000-000000000000"
PIN = "1379"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def founded(found, data):
    return found(data)


@pytest.fixture
def house(data, founded):
    with House(settings({"data": data}, {})) as house:
        yield house


@pytest.fixture
def user(house, founded):
    """Bind a device of the user `zoe`; return the account's GUID and the device's."""
    party = Administration(house.ports, house.policy, by=OPERATOR).relying_party(
        founded["requestOriginGuid"]
    )
    invited = Invitations(house.ports, house.policy).invite(party, "zoe")
    ports = house.ports
    device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
    enrolment = device.enrolment(invited.token, founded["appSpaceGuid"], pin=PIN, name="Phone")
    bound = Enrolments(house.ports, house.policy).complete(enrolment)
    return bound.account.guid, bound.binding.guid


@pytest.fixture
def command(run, data):
    def told(*args, stdin=None):
        result = run(*args, "--data", data, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    return told


def test_an_account_is_named_in_three_ways(command, user, founded):
    account, device = user
    told = command("account", "show", account)
    assert (told["privakeyId"], told["accountId"], told["locked"]) == (account, "zoe", False)
    (held,) = told["devices"]
    assert (held["guid"], held["name"], held["status"]) == (device, "Phone", "ACTIVE")
    assert command("account", "show", "zoe") == told
    assert command("account", "show", "zoe", "--app-space", founded["appSpaceGuid"]) == told


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


def test_an_account_is_locked_and_unlocked(command, user):
    assert command("account", "lock", "zoe")["locked"]
    assert not command("account", "unlock", "zoe")["locked"]


def test_devices_are_revoked_after_a_question(run, data, command, user):
    result = run("account", "revoke", "zoe", "--data", data, stdin="n\n")
    assert result.exit_code == 1
    assert user[0] in result.stderr
    assert command("account", "show", "zoe")["devices"][0]["status"] == "ACTIVE"
    told = command("account", "revoke", "zoe", "--yes")
    assert told["devices"][0]["status"] == "REVOKED"


def test_an_account_is_erased_after_a_question(run, data, house, command, user):
    result = run("account", "erase", "zoe", "--data", data, stdin="\n")
    assert result.exit_code == 1
    assert Accounts(house.ports, house.policy).get_with_devices(user[0], by=OPERATOR)
    told = command("account", "erase", user[0], "--yes")
    assert told["privakeyId"] == user[0]
    assert told["erasedAt"]
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
