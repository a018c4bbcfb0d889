"""`counterseal` forwards commands to this package, and names it where it is not installed."""

import sys

import pytest
from click.testing import CliRunner

from counterseal_demo.demo_command import demo
from counterseal_demo.device_command import device

COMMANDS = {
    "demo": "counterseal-demo",
    "device": "counterseal-demo[device]",
    "relay": "counterseal-demo[relay]",
}
"""What each of them needs."""


@pytest.fixture
def hide(monkeypatch):
    """Return a function that makes modules look as if they were not installed."""

    class Hidden:
        @staticmethod
        def find_spec(name, *_):
            if name.partition(".")[0] in names:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    names = set()
    monkeypatch.setattr(sys, "meta_path", [Hidden, *sys.meta_path])

    def hide(name):
        names.add(name)
        # What was imported with it is imported again.
        again = {name, "counterseal_demo", "counterseal_http"}
        for module in [module for module in sys.modules if module.partition(".")[0] in again]:
            monkeypatch.delitem(sys.modules, module)

    return hide


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_package_a_command_names_it(run, hide, command):
    hide("counterseal_demo")

    result, explained = run(command, "status", "--json"), run(command, "--help")

    message = f"counterseal_demo is not installed: this needs {COMMANDS[command]}"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{message}\n")
    assert explained.exit_code == 0
    assert message in explained.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_package_the_help_still_lists_a_command(run, hide, command):
    hide("counterseal_demo")

    result = run("--help")

    assert result.exit_code == 0
    assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize(
    ("name", "command", "arguments"),
    [
        ("demo", demo, ["--answer", "x"]),
        ("device", device, ["bind"]),
        ("device", device, ["bind", "--help"]),
    ],
)
def test_a_forwarded_command_is_the_packages_own(run, name, command, arguments):
    forwarded = run(name, *arguments)

    own = CliRunner(env={"COLUMNS": "100"}).invoke(command, arguments, prog_name=f"main {name}")
    assert (forwarded.exit_code, forwarded.output) == (own.exit_code, own.output)


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ("device pending", ("httpx2", "counterseal-demo[device]")),
        ("relay", ("counterseal_relay", "counterseal-demo[relay]")),
        ("demo --idp", ("counterseal_oidc", "counterseal-demo[idp]")),
        ("demo --web", ("counterseal_client", "counterseal-demo[web]")),
        ("demo --web", ("counterseal_pwa", "counterseal-demo[web]")),
        ("demo --web", ("segno", "counterseal-demo[web]")),
    ],
)
def test_without_an_extra_a_command_names_it(run, hide, command, needs):
    module, requirement = needs
    hide(module)

    result = run(*command.split())

    assert result.exit_code == 1
    assert result.stderr.endswith(f"{module} is not installed: this needs {requirement}\n")
