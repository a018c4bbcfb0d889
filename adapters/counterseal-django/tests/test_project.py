"""A project's commands and tests, run as its developers run them."""

import os
import signal
import sys
from subprocess import PIPE

import pytest
from django_project import PATIENCE

EVERY_SERVER = "EVERY_SERVER" in os.environ

COMMANDS = """
from io import StringIO

from django.db import connections

from counterseal.errors import StoreUnavailable

try:
    call_command("counterseal_work", once=True)
except StoreUnavailable:
    print("no tables, no work")
lines, warnings = StringIO(), StringIO()
call_command("counterseal_upgrade", stdout=StringIO(), stderr=warnings)
assert "create-keys" in warnings.getvalue()
call_command("counterseal_upgrade", create_keys=True, stdout=lines)
call_command("counterseal_upgrade", stdout=lines)
first, again = lines.getvalue().splitlines()
assert first == again

call_command("makemigrations", check_changes=True, dry_run=True)
call_command("migrate", verbosity=0)
call_command("flush", interactive=False, verbosity=0)
with connections["counterseal"].cursor() as cursor:
    cursor.execute("SELECT count(*) FROM counterseal_records")
    print(*cursor.fetchone(), "records")
call_command("counterseal_work", once=True)
"""


@pytest.mark.parametrize("databases", ["sqlite", "postgresql"][: 1 + EVERY_SERVER], indirect=True)
def test_the_tests_of_a_project(project):
    """They are in `project/shop/tests.py`."""
    project.manage("test", "--noinput", "shop", *(["--parallel=2"] if EVERY_SERVER else []))


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_the_commands(project):
    """Those of Django leave the tables alone, and the worker works until it is told to end."""
    printed = project.run(COMMANDS)
    assert "no tables, no work" in printed
    assert "No changes detected" in printed
    assert "3 records" in printed

    worker = project.start(sys.executable, "manage.py", "counterseal_work", stdout=PIPE)
    assert worker.stdout.readline().startswith(b"The worker works")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    worker.stdout.close()
