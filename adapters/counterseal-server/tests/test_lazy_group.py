"""Groups of commands: help loads none of them, and says what each of them says."""

import json
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from faces import examine_face
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

FACES = [
    "counterseal_demo",
    *(
        f"counterseal_demo.{name}"
        for name in ("approval_demo", "device_cli", "login_demo", "trial")
    ),
    *(f"counterseal_{name}" for name in ("http", "relay", "server", "web")),
]

HEAVY = frozenset(
    {
        "alembic",
        "anyio",
        "cbor2",
        "cryptography",
        "httpcore2",
        "httpx2",
        "jinja2",
        "joserfc",
        "rich",
        "segno",
        "sqlalchemy",
        "statemachine",
        "trio",
    }
)
"""Packages that take long to load, and that no help needs."""

LOADED = """
import json, sys

from counterseal_server.cli import main

try:
    main(sys.argv[1:])
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""

HELPS = """
import io, json, sys
from contextlib import redirect_stdout

from counterseal_server.cli import main

packages = {}
for arguments in json.loads(sys.argv[1]):
    before, output = set(sys.modules), io.StringIO()
    try:
        with redirect_stdout(output):
            main([*arguments, "--help"])
    except SystemExit as end:
        assert end.code == 0 and "Usage:" in output.getvalue()
    packages[" ".join(arguments)] = [name for name in sys.modules if name not in before]
print(json.dumps(packages))
"""


def run_program(program, *arguments, folder=None):
    """Return the lines that a new interpreter prints; the last one is JSON."""
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        timeout=PATIENCE,
    )
    *output, document = run.stdout.splitlines()
    return output, json.loads(document)


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
    output, modules = run_program(program, *arguments)

    assert any("doctor" in line for line in output)
    assert {name for name in modules if name.startswith("counterseal")} == {
        "counterseal",
        "counterseal._stub",
        "counterseal_server",
        "counterseal_server.cli",
        "counterseal_server.lazy_group",
    }
    assert HEAVY.isdisjoint(modules)


def test_the_help_of_a_command_loads_nothing_that_the_command_runs():
    calls = [
        [*words, name]
        for group, words in ((main, ()), (admin, ("admin",)), (device, ("device",)))
        for name in group.lazy_commands
    ]

    _, loaded = run_program(HELPS, json.dumps(calls))

    assert len(loaded) == len(calls) > len(main.lazy_commands)
    services = {"counterseal_server.runtime", "counterseal_server.serving", "counterseal_web"}
    heavy = {call: {*modules} & (HEAVY | services) for call, modules in loaded.items()}
    assert {call: modules for call, modules in heavy.items() if modules} == {}


def test_an_invitation_loads_no_client_no_web_api_and_no_other_database(tmp_path):
    names = ["--company", "Example", "--app-space", "Bank", "--origin", "Shop", "--auth", "hmac"]
    run_program(LOADED, "init", "--data", "data", *names, "--out", "made.json", folder=tmp_path)

    arguments = ["invite", "user-42", "--data", "data"]
    output, modules = run_program(LOADED, *arguments, "--out", "bind.json", folder=tmp_path)

    assert output == []
    assert "sessionToken" in json.loads((tmp_path / "bind.json").read_text())
    assert {"counterseal_sql", "counterseal.bindings.usecases.invitations"} <= set(modules)
    unneeded = {
        "counterseal.challenges.usecases",
        "counterseal.ciba",
        "counterseal.operators.usecases",
        "counterseal_server.administration",
        "counterseal_server.service_creation",
        "counterseal_web.application",
        "sqlalchemy.dialects.postgresql",
    }
    run_by_it = {"cryptography", "joserfc", "sqlalchemy", "statemachine"}
    assert (unneeded | HEAVY - run_by_it) & set(modules) == set()


@pytest.mark.parametrize("package", FACES)
def test_a_face_lists_each_name_once_and_as_its_module_has_it(package):
    examine_face(package)


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
