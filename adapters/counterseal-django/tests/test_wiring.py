"""What a process makes once, and what a child and a test runner make anew."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.db import connections
from django.test import override_settings
from django.test.utils import setup_test_environment, teardown_test_environment

import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.errors import SettingDiffers
from counterseal.wire.link import read_link
from counterseal_django import StoreOutsideTest, approvals
from counterseal_django.store import remember_project, store_of_test
from counterseal_django.wiring import configuration, key_files

USER = type("User", (), {"pk": 42})
THREADS = 8
PATIENCE = 240
FORKED = ["postgresql", "sqlite"] if "EVERY_SERVER" in os.environ else ["postgresql"]
"""Databases: a connection to a server is what a child could spoil for its parent."""

FORK = """
import os, sys, django
from pathlib import Path
from django.conf import settings

members, folder = %r, %r
settings.configure(
    DATABASES={"default": {}, "counterseal": members},
    COUNTERSEAL={"URL": "https://shop.example/auth", "KEYS": Path(folder, "keys"),
                 "TENANCY": "shop", "COMPANY": "Example Ltd"},
)
django.setup()
from counterseal_django import approvals
from counterseal_django.wiring import configuration, key_files

key_files(configuration()).create_missing()
user = type("User", (), {"pk": 42})
before = approvals()
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        assert approvals() is not before
        assert approvals().party == before.party
        approvals().invite(user)
        os._exit(0)
    children.append(child)
    before.invite(user)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
assert approvals() is before
print(len(before.service.accounts.list_devices(before.party, "42")))
"""


@pytest.fixture
def alias(configured, databases, set_databases):
    """The members of the alias, with tables."""
    members = databases.members()
    set_databases(default={}, counterseal=members)
    return members


@pytest.fixture
def settings():
    """Return a function that overrides settings until the test ends."""
    with ExitStack() as stack:
        yield lambda **members: stack.enter_context(override_settings(**members))


@pytest.fixture
def on_sqlite(configured, sqlite_databases, set_databases):
    set_databases(default={}, counterseal=sqlite_databases.members())


def test_threads_that_begin_at_once_share_one(on_sqlite):
    barrier = threading.Barrier(THREADS)

    def call(_):
        barrier.wait(PATIENCE)
        return approvals()

    with ThreadPoolExecutor(THREADS) as threads:
        assert len(set(threads.map(call, range(THREADS)))) == 1


@pytest.mark.parametrize("databases", FORKED, indirect=True)
def test_a_child_makes_its_own_and_leaves_its_parents_alone(alias, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FORK % (alias, str(tmp_path))],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "6\n"


def test_another_database_of_the_alias_means_others(on_sqlite, sqlite_databases):
    before = approvals()
    before.invite(USER)
    assert approvals() is before
    connections["counterseal"].settings_dict["NAME"] = sqlite_databases.members()["NAME"]
    assert approvals() is not before
    assert approvals().service.accounts.list_devices(approvals().party, "42") == ()


def test_a_name_that_differs_from_the_stored_one_is_refused(on_sqlite, configured, settings):
    approvals()
    settings(COUNTERSEAL=configured | {"COMPANY": "Another Ltd"})
    with pytest.raises(SettingDiffers) as raised:
        approvals()
    assert raised.value.field == "company"


def test_a_link_binds_a_device_of_the_user(on_sqlite, configured, settings):
    settings(COUNTERSEAL=configured | {"ACCOUNT_ID": lambda user: f"user {user.pk}"})
    key_files(configuration()).create_missing()
    current = approvals()
    assert not current.has_device(USER)
    assert current.devices_link(USER) == "https://shop.example/auth/app/"

    link = read_link(current.invite(USER))
    ports = current.service.ports
    device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379", cost=2)
    enrolment = device.enrolment(link.token, link.app_space, pin="1379")
    bound = current.service.enrolments.complete(enrolment)

    assert (link.app, link.service) == (
        "https://shop.example/auth/app",
        "https://shop.example/auth",
    )
    assert link.app_space_name == "Example Ltd"
    assert current.has_device(USER)
    assert current.service.accounts.get(current.party, "user 42").guid == bound.account.guid


def test_the_setting_ports_puts_in_others(on_sqlite, configured, settings):
    given_ports = []

    def with_mine(ports):
        given_ports.append(ports)
        return ports

    settings(COUNTERSEAL=configured | {"PORTS": with_mine})
    assert [approvals().service.ports] == given_ports
    assert isinstance(given_ports[0], cs.Ports)


def test_a_test_uses_only_a_store_that_it_may_empty(on_sqlite, sqlite_databases, monkeypatch):
    """`manage.py test` leaves an alias that no test names at the project's database."""
    monkeypatch.setattr("counterseal_django.store._project_urls", [])
    cached = approvals()
    project_url = cached.database.engine.url.set(drivername="sqlite")
    setup_test_environment()
    try:
        for call in (approvals, lambda: cached.has_device(USER), lambda: cached.invite(USER)):
            with pytest.raises(StoreOutsideTest, match="ApprovalsMixin"):
                call()
        with pytest.raises(StoreOutsideTest), store_of_test(project_url):
            pass  # nobody knows which database is the project's
        remember_project()
        with pytest.raises(StoreOutsideTest, match="MIRROR"), store_of_test(project_url):
            pass
        connections["counterseal"].settings_dict["NAME"] = sqlite_databases.members()["NAME"]
        test_url = project_url.set(database=connections["counterseal"].settings_dict["NAME"])
        with store_of_test(test_url):
            assert not approvals().has_device(USER)
    finally:
        teardown_test_environment()
