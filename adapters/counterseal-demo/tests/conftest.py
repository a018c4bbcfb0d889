"""What the tests share: the command `counterseal` in this process, and one demo's JSON."""

import json

import pytest
from click.testing import CliRunner

from counterseal_server.cli import main

PLAIN = {"FORCE_COLOR": None, "NO_COLOR": None, "COLUMNS": "100", "TERM": "xterm"}


@pytest.fixture(scope="session")
def run():
    """Run the command in this process; an exception that it lets out is the test's."""
    runner = CliRunner(env=PLAIN)

    def command(*args, stdin=None, locale="C"):
        arguments = [str(arg) for arg in args]
        env = {"LC_ALL": locale}
        return runner.invoke(main, arguments, input=stdin, env=env, catch_exceptions=False)

    return command


@pytest.fixture(scope="session")
def output(run):
    """Return what `counterseal demo --json` printed."""
    result = run("demo", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)
