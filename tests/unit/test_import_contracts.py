"""The import contracts bite: each reports a violation planted for it."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in CONFIG["contracts"]}
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/pyproject.toml"))
DECIDING = [
    "counterseal.machines",
    "counterseal.rules",
    *sorted(
        f"counterseal._decisions.{path.stem}"
        for path in ROOT.glob("src/counterseal/_decisions/*.py")
        if path.stem != "__init__"
    ),
]

PLANTS = [
    ("house", "counterseal.models", "counterseal.policy"),
    ("house", "counterseal.wire", "counterseal.rules"),
    ("house", "counterseal._decisions", "counterseal.usecases"),
    ("house", "counterseal._transaction", "counterseal.usecases"),
    *(
        ("house", "counterseal.device", above)
        for above in ("counterseal.ports", "counterseal.rules", "counterseal.usecases")
    ),
    ("workspace", "counterseal.usecases", "counterseal_server"),
    ("face", "counterseal.device", "counterseal"),
    ("ports", "counterseal.ports", "counterseal.keys"),
    *(("pure", module, "counterseal.ports") for module in DECIDING),
    ("pure", "counterseal._decisions.answers", "counterseal._transaction"),
    ("memory", "counterseal.memory", "counterseal.policy"),
    ("workspace", "counterseal_http", "counterseal_sql"),
    ("workspace", "counterseal_http", "counterseal_records"),
    ("workspace", "counterseal_records", "counterseal_sql"),
    ("workspace", "counterseal_redis", "counterseal_sql"),
    ("workspace", "counterseal_sql", "counterseal_flask"),
    ("workspace", "counterseal_client", "counterseal_flask"),
    ("driven", "counterseal_http", "counterseal.rules"),
    ("driven", "counterseal_records", "counterseal.policy"),
    ("driven", "counterseal_redis", "counterseal.rules"),
    ("driven", "counterseal_sql", "counterseal.policy"),
    ("driven", "counterseal_sql", "counterseal.rules"),
    ("driving", "counterseal_client", "counterseal.keys"),
    ("driving", "counterseal_flask", "counterseal.rules"),
    ("driving", "counterseal_server", "counterseal.machines"),
    ("engine", "counterseal.rules", "statemachine"),
    ("engine", "counterseal_server", "statemachine"),
    ("crypto", "counterseal.device", "cryptography.hazmat.primitives"),
    ("crypto", "counterseal.wire", "joserfc"),
    *(
        ("framework-free", "counterseal.directory", module)
        for module in CONTRACTS["framework-free"]["forbidden_modules"]
    ),
    ("kit", "counterseal.memory", "counterseal.testing"),
]


@pytest.fixture
def tree(tmp_path):
    """Copy what import-linter reads, to be spoilt by one test."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    leftover = shutil.ignore_patterns("__pycache__")
    for source in (ROOT / "src", *(adapter / "src" for adapter in ADAPTERS)):
        shutil.copytree(source, tmp_path / "src", dirs_exist_ok=True, ignore=leftover)
    return tmp_path


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


def module_file(tree, module):
    path = tree / "src" / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_an_unspoilt_copy_keeps_every_contract(tree):
    result = lint_imports(tree)

    assert result.returncode == 0, result.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "module", "imported"), PLANTS)
def test_a_planted_import_is_reported(tree, contract, module, imported):
    with module_file(tree, module).open("a") as file:
        file.write(f"\nimport {imported}\n")

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS[contract]['name']} BROKEN" in result.stdout
    assert f"{module} -> {imported.split('.')[0]}" in result.stdout


def test_a_module_without_a_layer_is_reported(tree):
    (tree / "src/counterseal/utils.py").write_text('"""Things."""\n')

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS['house']['name']} BROKEN" in result.stdout
    assert "counterseal.utils" in result.stdout


def test_a_decision_may_not_reach_a_port_through_another_module(tree):
    """Through one that the layers allow it to import, and that is not under the contract."""
    (tree / "src/counterseal/wire/clerk.py").write_text(
        '"""Knows a port."""\nimport counterseal.ports\n'
    )
    with module_file(tree, "counterseal._decisions.answers").open("a") as file:
        file.write("\nimport counterseal.wire.clerk\n")

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS['pure']['name']} BROKEN" in result.stdout
    assert "counterseal.wire.clerk -> counterseal.ports" in result.stdout


def test_every_contract_has_a_plant():
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_every_adapter_is_under_contract(adapter):
    package = adapter.name.replace("-", "_")
    sides = [
        side
        for side in ("driving", "driven")
        if package in CONTRACTS.get(side, {}).get("source_modules", [])
    ]

    assert package in CONFIG["root_packages"]
    assert package in " ".join(CONTRACTS["workspace"]["layers"])
    assert len(sides) == 1, "an adapter is driving or driven"
