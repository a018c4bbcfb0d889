"""The commands for PostgreSQL on the page about backups: what they restore is what was there."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from counterseal.memory import SystemEntropy
from counterseal_records import check
from counterseal_sql import SqlInventory, connect, upgrade, with_sql
from counterseal_testing import FakeService, FrozenClock

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "back-up-and-restore.md"
COMMAND = re.compile(r"^(?:pg_dump|pg_restore) .*(?:(?<=\\)\n.*)*", re.MULTILINE)


def commands():
    """Return the page's commands; one that stands there twice is the same, to the letter."""
    return list(dict.fromkeys(COMMAND.findall(PAGE.read_text("utf-8"))))


def test_the_page_has_one_command_for_each():
    assert [command.partition(" ")[0] for command in commands()] == ["pg_dump", "pg_restore"]


@pytest.fixture
def service(postgres_server, opened):
    """A service on PostgreSQL, and its address."""
    address = postgres_server.bare()
    database = opened(address)
    upgrade(database)

    def adapters(ports):
        return evolve(with_sql(ports, database), entropy=SystemEntropy())

    return FakeService(adapters=adapters), address


def test_a_dump_restores_every_record(service, postgres_server, opened, tmp_path):
    world, address = service
    phone = world.bind("zoe")
    question = world.ask("zoe", "Pay?")
    phone.answer(question.challenge)
    (tmp_path / "backup").mkdir()
    restored = postgres_server.bare()
    dump, restore = commands()

    for command, store in ((dump, address), (restore, restored)):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env={"PATH": f"{postgres_server.programs}{os.pathsep}{os.defpath}",
                 "COUNTERSEAL_STORE": store},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")

    database = connect(restored)
    upgrade(database)  # it has the schema of this release already
    store = with_sql(world.ports, database).store
    assert store.get(question.challenge.guid) == world.ports.store.get(question.challenge.guid)
    counts = [
        check(SqlInventory(each, FrozenClock()), FrozenClock(), max)
        for each in (opened(address), database)
    ]
    assert counts[0] == counts[1]
    assert counts[1].violations == ()
    database.close()
