"""`account list`: which users have a device, and which have none."""

import json

import pytest

from counterseal import Accounts, Administration, Devices, Enrolments, Invitations
from counterseal.device import SoftwareDevice
from counterseal.invariants import Violation
from counterseal.models import OPERATOR
from counterseal_records import PartitionContents
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_server.users import read_accounts

PIN = "1379"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("service") / "data"


@pytest.fixture(scope="module")
def founded(create_data, data):
    return create_data(data)


class Users:
    """The users of one App Space, each in a state of its own."""

    def __init__(self, runtime, founded):
        self.ports, self.policy = runtime.ports, runtime.policy
        administration = Administration(self.ports, self.policy, by=OPERATOR)
        self.party = administration.relying_party(founded["requestOriginGuid"])
        self.space = founded["appSpaceGuid"]

    def invite(self, name):
        return Invitations(self.ports, self.policy).invite(self.party, name)

    def bind(self, name):
        ports = self.ports
        phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
        enrolment = phone.enrolment(self.invite(name).token, self.space, pin=PIN)
        return Enrolments(self.ports, self.policy).complete(enrolment)


@pytest.fixture(scope="module")
def users(data, founded):
    with Runtime(settings({"data": data}, {})) as runtime:
        users = Users(runtime, founded)
        users.bind("bound")
        devices = Devices(runtime.ports, runtime.policy)
        devices.suspend(users.bind("suspended").binding.guid, by=OPERATOR)
        devices.revoke(users.bind("revoked").binding.guid, by=OPERATOR)
        users.invite("invited")
        users.bind("both")
        users.invite("both")
        Accounts(runtime.ports, runtime.policy).lock(
            users.invite("locked").account.guid, by=OPERATOR
        )
        Accounts(runtime.ports, runtime.policy).erase(
            users.invite("erased").account.guid, by=OPERATOR
        )
        elsewhere = Administration(runtime.ports, runtime.policy, by=OPERATOR).create_app_space(
            founded["companyGuid"], "Elsewhere"
        )
        users.space = elsewhere.guid
        yield users


@pytest.fixture
def lines(run, data, users):
    def command(*args):
        result = run("account", "list", "--data", data, *args)
        assert (result.exit_code, result.stderr) == (0, "")
        return {each["accountId"]: each for each in map(json.loads, result.stdout.splitlines())}

    return command


def test_the_unbound_are_those_without_a_device(lines, users, founded):
    unbound = lines("--unbound")
    assert set(unbound) == {"revoked", "invited", "locked"}
    assert [unbound[name]["invited"] for name in ("revoked", "invited")] == [False, True]
    assert [unbound[name]["locked"] for name in ("locked", "invited")] == [True, False]
    assert unbound["invited"]["appSpaceGuid"] == founded["appSpaceGuid"]
    assert unbound["invited"]["devices"] == 0


def test_the_bound_are_all_others_but_the_erased(lines):
    bound = lines("--bound")
    assert set(bound) == {"bound", "suspended", "both"}
    assert {each["devices"] for each in bound.values()} == {1}
    assert bound["both"]["invited"]
    assert set(lines()) == set(bound) | set(lines("--unbound"))


def test_one_app_space_has_its_own_users_only(lines, users, founded):
    assert lines("--app-space", users.space) == {}
    assert lines("--app-space", founded["appSpaceGuid"]) == lines()


def test_an_app_space_that_is_none_is_refused(run, data, users):
    other = "00000000-0000-8000-8000-000000000000"
    result = run("account", "list", "--data", data, "--app-space", other)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not_found" in result.stderr


def test_the_store_is_read_one_partition_at_a_time(users):
    class Counting:
        def __init__(self):
            self.partitions = []

        def read_partitions(self, partitions):
            for partition in partitions:
                self.partitions.append(partition)
                yield PartitionContents((), ())

    inventory = Counting()
    pages = read_accounts(inventory, None, bound=None)
    assert inventory.partitions == []
    assert [next(pages), next(pages)] == [((), 0), ((), 0)]
    assert inventory.partitions == [0, 1]
    assert len([*pages]) == 254


def test_what_cannot_be_read_is_said_and_fails(run, data, users, monkeypatch):
    def broken(self, partitions):
        for partition in partitions:
            yield PartitionContents(
                (), (Violation("a-record", "it cannot be read"),) if partition == 7 else ()
            )

    monkeypatch.setattr("counterseal_sql.inventory.SqlInventory.read_partitions", broken)
    result = run("account", "list", "--data", data)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "store: the list is incomplete: 1 of its records cannot be read"
    )
