"""The import contracts bite: each reports a violation planted for it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from folders import FOLDERS, SOURCE, kind_of, module_at

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in CONFIG["contracts"]}
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/pyproject.toml"))
MODULES = sorted(
    f"counterseal.{module_at(path)}"
    for path in SOURCE.rglob("*.py")
    if path != SOURCE / "__init__.py"
)


def covered(names):
    """Return the modules that *names* of a contract mean, each with what is below it."""
    patterns = [re.escape(name).replace(r"\*", r"[^.]+") for name in names]
    return [
        module
        for module in MODULES
        if any(re.fullmatch(rf"{pattern}(\..+)?", module) for pattern in patterns)
    ]


DECIDING = covered(CONTRACTS["pure"]["source_modules"])
"""Every module that decides, or that a decision is about."""

LAYERS = [name for layer in CONTRACTS["layers"]["layers"] for name in re.findall(r"[\w.]+", layer)]
COVERED = {"layers": 224, "folders": 155, "nouns": 105, "pure": 106}
"""How many modules these contracts are about: a move that makes them fewer is to be seen."""

PLANTS = [
    ("layers", "counterseal.models", "counterseal.policy"),
    ("layers", "counterseal.wire", "counterseal.challenges.rules"),
    ("layers", "counterseal.challenges.decisions", "counterseal.outbox.usecases"),
    ("layers", "counterseal._transaction", "counterseal.outbox.usecases"),
    *(
        ("layers", "counterseal.device", above)
        for above in (
            "counterseal.ports",
            "counterseal.outbox.rules",
            "counterseal.outbox.usecases",
        )
    ),
    ("folders", "counterseal.outbox.records", "counterseal.outbox.documents"),
    ("folders", "counterseal.outbox.documents", "counterseal.outbox.rules"),
    ("folders", "counterseal.outbox.rules", "counterseal.outbox.decisions.callbacks"),
    ("folders", "counterseal.challenges.decisions.answers", "counterseal.challenges.usecases"),
    ("nouns", "counterseal.challenges.decisions.answers", "counterseal.approvals.decisions"),
    ("nouns", "counterseal.outbox.usecases.callbacks", "counterseal.audit.decisions"),
    ("workspace", "counterseal.outbox.usecases", "counterseal_server"),
    ("face", "counterseal.device", "counterseal"),
    ("ports", "counterseal.ports", "counterseal.keys"),
    ("pure", "counterseal.challenges.decisions.answers", "counterseal.ports"),
    ("pure", "counterseal.challenges.decisions.answers", "counterseal._transaction"),
    ("pure", "counterseal.challenges.records", "counterseal._transaction"),
    ("memory", "counterseal.memory", "counterseal.policy"),
    ("workspace", "counterseal_http", "counterseal_sql"),
    ("workspace", "counterseal_http", "counterseal_records"),
    ("workspace", "counterseal_records", "counterseal_sql"),
    ("workspace", "counterseal_redis", "counterseal_sql"),
    ("workspace", "counterseal_sql", "counterseal_flask"),
    ("workspace", "counterseal_sql", "counterseal_django"),
    ("workspace", "counterseal_http", "counterseal_web"),
    ("workspace", "counterseal_web", "counterseal_flask"),
    *(
        ("no-framework", "counterseal_web", module)
        for module in CONTRACTS["no-framework"]["forbidden_modules"]
    ),
    ("workspace", "counterseal_client", "counterseal_flask"),
    ("engine", "counterseal.outbox.rules", "statemachine"),
    ("engine", "counterseal_server", "statemachine"),
    ("crypto", "counterseal.device", "cryptography.hazmat.primitives"),
    ("crypto", "counterseal.wire", "joserfc"),
    *(
        ("framework-free", "counterseal.outbox.usecases", module)
        for module in CONTRACTS["framework-free"]["forbidden_modules"]
    ),
    ("kit", "counterseal.memory", "counterseal.testing"),
    ("kit", "counterseal.device", "counterseal_testing"),
    ("kit", "counterseal_server", "counterseal.testing.contracts"),
    ("kit", "counterseal_web", "counterseal_testing.service"),
]


def copy_to(folder):
    """Copy what import-linter reads."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    leftover = shutil.ignore_patterns("__pycache__")
    for source in (ROOT / "src", *(adapter / "src" for adapter in ADAPTERS)):
        shutil.copytree(source, folder / "src", dirs_exist_ok=True, ignore=leftover)
    return folder


@pytest.fixture
def tree(tmp_path):
    """A copy to be changed by one test."""
    return copy_to(tmp_path)


@pytest.fixture(scope="module")
def plant_reports(tmp_path_factory):
    """What import-linter reports of each contract, by name, in a copy with all plants."""
    tree = copy_to(tmp_path_factory.mktemp("planted"))
    for _, module, imported in PLANTS:
        plant(tree, module, imported)
    return broken_contracts(tree)


@pytest.fixture(scope="module")
def ports_everywhere(tmp_path_factory):
    """The same, once every deciding module imports the ports."""
    tree = copy_to(tmp_path_factory.mktemp("ports"))
    for module in DECIDING:
        plant(tree, module, "counterseal.ports")
    return broken_contracts(tree)


def lint_imports(tree):
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        # Before the environment's own path, which leads to the tree that is under test.
        env=os.environ | {"PYTHONPATH": str(tree / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def broken_contracts(tree):
    """Return what import-linter reports of each broken contract, by the contract's name."""
    result = lint_imports(tree)
    assert result.returncode == 1, result.stdout
    _, _, details = result.stdout.partition("Broken contracts\n")
    _, *sections = re.split(r"^(\S.*)\n-+\n", details, flags=re.MULTILINE)
    return dict(zip(sections[::2], sections[1::2], strict=True))


def plant(tree, module, imported):
    with module_file(tree, module).open("a") as file:
        file.write(f"\nimport {imported}\n")


def module_file(tree, module):
    path = tree / "src" / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_an_unspoilt_copy_keeps_every_contract(tree):
    result = lint_imports(tree)

    assert result.returncode == 0, result.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "module", "imported"), PLANTS)
def test_a_planted_import_is_reported(plant_reports, contract, module, imported):
    """By its own contract, with the line; of what is not ours, the report has the package."""
    package = imported if imported.startswith("counterseal") else imported.split(".")[0]

    assert f"{module} -> {package} (l." in plant_reports[CONTRACTS[contract]["name"]]


def test_a_module_of_no_kind_in_a_folder_is_reported(tree):
    (tree / "src/counterseal/outbox/utils.py").write_text('"""Things."""\n')

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS['folders']['name']} BROKEN" in result.stdout
    assert "counterseal.outbox.utils" in result.stdout


def test_each_module_has_one_layer():
    names = [module.removeprefix("counterseal.") for module in MODULES]
    layered = {
        f"{name.partition('.')[0]}.{kind_of(name)}" if kind_of(name) else name.partition(".")[0]
        for name in names
    }
    assert sorted(LAYERS) == sorted(f"counterseal.{name}" for name in layered - {*FOLDERS})


@pytest.mark.parametrize(("contract", "count"), COVERED.items())
def test_a_contract_is_about_as_many_modules_as_are_written_here(contract, count):
    settings = CONTRACTS[contract]
    names = {"layers": LAYERS, "folders": settings.get("containers")}.get(contract)
    assert len(covered(names or settings["source_modules"])) == count


@pytest.mark.parametrize("module", DECIDING)
def test_no_deciding_module_may_import_the_ports(ports_everywhere, module):
    """Of the contract of what decides alone: the layers forbid it, too, in words of their own."""
    assert f"{module} -> counterseal.ports" in ports_everywhere[CONTRACTS["pure"]["name"]]


def test_a_decision_may_not_reach_a_port_through_another_module(tree):
    """Through one that the layers allow it to import, and that is not under the contract."""
    (tree / "src/counterseal/wire/calls_ports.py").write_text(
        '"""Knows a port."""\nimport counterseal.ports\n'
    )
    with module_file(tree, "counterseal.challenges.decisions.answers").open("a") as file:
        file.write("\nimport counterseal.wire.calls_ports\n")

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS['pure']['name']} BROKEN" in result.stdout
    assert "counterseal.wire.calls_ports -> counterseal.ports" in result.stdout


def test_every_contract_has_a_plant():
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_every_adapter_is_under_contract(adapter):
    package = adapter.name.replace("-", "_")
    assert package in CONFIG["root_packages"]
    assert package in " ".join(CONTRACTS["workspace"]["layers"])
