"""Groups of commands: help loads none of them, and says what each of them says."""

import json
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from program import PATIENCE

from counterseal_demo.device_command import device
from counterseal_server.cli import main
from counterseal_server.commands.admin import admin
from counterseal_server.lazy_group import LazyCommand, LazyGroup

COMMANDS = [
    pytest.param(group, name, id=f"{group.name}-{name}")
    for group in (main, admin, device)
    for name in group.lazy_commands
]

LOADED = """
import json, sys

from counterseal_server.cli import main

try:
    main(sys.argv[1:])
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""


def group_with(**commands):
    @click.group(cls=LazyGroup, lazy_commands=commands)
    def group():
        """Plant commands."""

    return group


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_a_summary_is_the_first_sentence_of_the_command(group, name):
    command = group.get_command(click.Context(group), name)

    assert command.name == name
    assert group.lazy_commands[name].summary == command.get_short_help_str(limit=1_000)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        ([], {"_MAIN_COMPLETE": "bash_complete", "COMP_WORDS": "main d", "COMP_CWORD": "1"}),
    ],
    ids=["help", "completion"],
)
def test_neither_help_nor_completion_loads_a_command(monkeypatch, arguments, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    program = LOADED.replace("main(sys.argv[1:])", "main(sys.argv[1:], prog_name='main')")
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    *output, modules = run.stdout.splitlines()

    assert any("doctor" in line for line in output)
    heavy = ("counterseal", "counterseal_demo", "rich", "sqlalchemy")
    assert {"counterseal_server.cli", "click"} <= set(json.loads(modules))
    assert [
        name
        for name in json.loads(modules)
        if name.startswith("counterseal_server.commands") or name.partition(".")[0] in heavy
    ] == []


def test_a_command_without_its_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_oidc", None)
    group = group_with(
        own=LazyCommand("counterseal_oidc", "run", "Log in."),
        other=LazyCommand("counterseal_oidc", "run", "Log in.", "counterseal-demo[idp]"),
    )

    results = {name: CliRunner().invoke(group, [name]) for name in ("own", "other")}

    assert {result.exit_code for result in results.values()} == {1}
    assert {name: result.stderr for name, result in results.items()} == {
        "own": "counterseal_oidc is not installed: this needs counterseal-server[oidc]\n",
        "other": "counterseal_oidc is not installed: this needs counterseal-demo[idp]\n",
    }


def test_help_and_completion_need_no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_oidc", None)
    group = group_with(own=LazyCommand("counterseal_oidc", "run", "Log in."))

    result = CliRunner().invoke(group, ["own", "--help"])
    words = {"COMP_WORDS": "main own --", "COMP_CWORD": "2", "_MAIN_COMPLETE": "bash_complete"}
    completed = CliRunner(env=words).invoke(group, prog_name="main")

    assert result.exit_code == 0
    assert "Log in." in result.stdout
    assert "this needs counterseal-server[oidc]" in result.stdout
    assert (completed.exit_code, completed.exception) == (0, None)


def test_a_command_that_is_loaded_already_is_listed_too():
    group = group_with(broken=LazyCommand("no_such_module", "run", "Fail."))
    group.add_command(click.Command("eager", help="Be there."))

    listed = CliRunner().invoke(group, ["--help"]).stdout
    names = [item.value for item in group.shell_complete(click.Context(group), "")]

    assert re.search(r"broken +Fail\.\n +eager +Be there\.\n", listed)
    assert names == ["broken", "eager"]


def test_a_module_that_no_package_has_is_a_defect():
    group = group_with(broken=LazyCommand("no_such_module", "run", "Fail."))

    assert isinstance(CliRunner().invoke(group, ["broken"]).exception, ModuleNotFoundError)


def test_a_name_that_is_none_is_refused():
    result = CliRunner().invoke(main, ["no-such-command"])

    assert result.exit_code == 2
    assert "No such command 'no-such-command'" in result.stderr
