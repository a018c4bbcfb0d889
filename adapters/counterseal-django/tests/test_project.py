"""A project's commands and tests, run as its developers run them."""

import signal
import sys
from subprocess import PIPE

import pytest
from django_project import PATIENCE


def count_records(project):
    """Return how many records the project's database has."""
    return int(project.manage("shell", "-v0", "-c", COUNT))


COUNT = """
from django.db import connections
with connections["counterseal"].cursor() as cursor:
    cursor.execute("SELECT count(*) FROM counterseal_records")
    print(cursor.fetchone()[0])
"""


def test_the_tests_of_a_project(project):
    """They are in `project/shop/tests.py`."""
    assert "OK" in project.manage("test", "--noinput", "shop")


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_commands_of_django_leave_the_tables_alone(project):
    unfit = project.manage("counterseal_work", "--once", status=1)
    assert "a table is missing" in unfit or "StoreUnavailable" in unfit
    printed = project.manage("counterseal_upgrade", "--create-keys")
    assert "The tables are ready" in printed
    assert project.manage("counterseal_upgrade") == printed

    assert "No changes detected" in project.manage("makemigrations", "--check", "--dry-run")
    project.manage("migrate", "--verbosity=0")
    project.manage("flush", "--no-input", "--verbosity=0")
    assert count_records(project) == 3


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_the_worker_works_until_it_is_told_to_end(project):
    project.manage("counterseal_upgrade", "--create-keys")
    project.manage("counterseal_work", "--once")
    worker = project.start(sys.executable, "manage.py", "counterseal_work", stdout=PIPE)
    assert worker.stdout.readline().startswith(b"The worker works")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    worker.stdout.close()
