"""
Nouns import no capability, and decisions stand on few floors.

The folder of a module says whether it is a noun's or a capability's; what is in no folder is shared
by all. Only direct imports are looked at, wherever they stand in a module; a name that comes from
the package `models` counts as imported from the module that has it.

A module of decisions stands one floor above the highest one that it imports.
"""

import ast
from functools import cache

import pytest
from folders import CAPABILITIES, FOLDERS, NOUNS, SOURCE, kind_of, module_at
from trees import tree_of

pytestmark = pytest.mark.one_python

SHARED = ("models", "wire", "_plan", "_input_limits", "_guid_memory", "_idempotency")
"""What is in no folder, and stands between the modules of folders."""

BETWEEN = {
    ("ceremonies", "operators"): "a passkey that a one-time link registers has to open its session",
    ("operators", "ceremonies"): "administrators log in by passkeys",
    ("ciba", "approvals"): "tokens are issued unless the approval was withdrawn",
}
"""Which capability imports which other one, and why."""

IMPORTS = (ast.Import, ast.ImportFrom)
FLOORS_LIMIT = 6
ISSUING_LIMIT = 4


def folder_of(module):
    return module.partition(".")[0]


def is_of_capability(module):
    return folder_of(module) in CAPABILITIES


@pytest.fixture(scope="module")
def texts():
    """The source of each module of the folders, and of what they share, by its name."""
    return {
        module_at(path): path.read_text("utf-8")
        for path in sorted(SOURCE.rglob("*.py"))
        if folder_of(module_at(path)) in FOLDERS + SHARED
    }


def definitions(texts):
    """Return the module of `models`, or of records, that defines a name, by the name."""
    modules = {}
    for module, text in texts.items():
        if folder_of(module) != "models" and kind_of(module) != "records":
            continue
        for node in tree_of(text).body:
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    modules[name] = module
                case ast.Assign(targets=[ast.Name(id=name)]):
                    modules[name] = module
                case ast.AnnAssign(target=ast.Name(id=name)):
                    modules[name] = module
    return modules


@cache
def imports_in(text):
    """Return the imports in *text*, wherever they stand."""
    return [node for node in ast.walk(tree_of(text)) if isinstance(node, IMPORTS)]


def imported_modules(text, homes):
    """Return what *text* imports of the core; *homes*: the modules of names in `models`."""
    modules = set()
    for node in imports_in(text):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif node.module:
            modules.add(node.module)
            for alias in node.names:
                modules.add(f"{node.module}.{alias.name}")
                if node.module == "counterseal.models":
                    modules.add(f"counterseal.{homes.get(alias.name)}")
    return {name.removeprefix("counterseal.") for name in modules}


def violations(texts):
    """Return each import of a capability by a module that is none's, as a line."""
    homes = definitions(texts)
    return [
        f"{module} -> {imported}"
        for module, text in texts.items()
        if not is_of_capability(module)
        for imported in sorted(imported_modules(text, homes) & texts.keys())
        if is_of_capability(imported)
    ]


def imports_between(texts):
    """Return each pair of capabilities of which the first imports the second."""
    homes = definitions(texts)
    return {
        (folder_of(module), folder_of(imported))
        for module, text in texts.items()
        if is_of_capability(module)
        for imported in imported_modules(text, homes)
        if is_of_capability(imported) and folder_of(imported) != folder_of(module)
    }


def floors(texts):
    """Return the floor of each module of decisions; without such imports, it is the first."""
    imports = {
        module: imported_modules(text, {}) & texts.keys() - {module}
        for module, text in texts.items()
        if kind_of(module) == "decisions" or module == "_plan"
    }
    heights = {}

    def height(module):
        if module not in heights:
            below = [height(imported) for imported in imports[module] if imported in imports]
            heights[module] = 1 + max(below, default=0)
        return heights[module]

    return {module: height(module) for module in imports}


def with_import(texts, module, statement):
    return {**texts, module: f"{texts[module]}\n{statement}\n"}


def test_nouns_import_no_capability(texts):
    assert violations(texts) == []


def test_a_function_that_loads_its_module_late_is_of_its_own_folder_and_of_no_capability():
    """A module that names such a function by its folder imports that function's module."""
    stubs = {path.parent.name: path for path in SOURCE.glob("*/__init__.pyi")}
    late = {folder for folder in FOLDERS if folder in stubs}
    assert late
    assert late <= {*NOUNS}
    for folder in late:
        for node in ast.parse(stubs[folder].read_text("utf-8")).body:
            assert isinstance(node, ast.ImportFrom)
            assert node.level == 1


def test_each_folder_is_a_nouns_or_a_capabilitys(texts):
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders - {*FOLDERS} == {*("actions", "device", "keys", "models", "testing", "wire")}
    above = [module for module in texts if is_of_capability(module)]
    assert (len(texts) - len(above), len(above)) == (134, 50)


@pytest.mark.parametrize(
    ("module", "statement", "imported"),
    [
        (
            "challenges.decisions.issuing",
            "import counterseal.ciba.decisions.backchannel",
            "ciba.decisions.backchannel",
        ),
        (
            "challenges.decisions.answers",
            "from counterseal.approvals import decisions",
            "approvals.decisions",
        ),
        (
            "challenges.decisions.ended_challenges",
            "from counterseal.ciba.decisions.realm_requests import MARGIN",
            "ciba.decisions.realm_requests",
        ),
        (
            "tenancy.decisions.tenancy",
            "from counterseal.operators.rules import session_end",
            "operators.rules",
        ),
        (
            "challenges.usecases",
            "from counterseal.ceremonies import usecases",
            "ceremonies.usecases",
        ),
        ("challenges.records", "import counterseal.operators.records", "operators.records"),
        (
            "bindings.decisions.bindings",
            "from counterseal.models import Session",
            "operators.records",
        ),
        (
            "outbox.decisions.callbacks",
            "def later():\n    from counterseal.events.decisions import describe",
            "events.decisions",
        ),
    ],
)
def test_an_import_of_a_capability_is_found(texts, module, statement, imported):
    lines = violations(with_import(texts, module, statement))
    assert f"{module} -> {imported}" in lines
    assert all(line.startswith(f"{module} -> ") for line in lines)


def test_capabilities_import_each_other_only_where_it_is_listed(texts):
    assert imports_between(texts) == BETWEEN.keys()


def test_decisions_stand_on_few_floors(texts):
    heights = floors(texts)
    assert heights["_plan"] == 1
    assert max(heights.values()) <= FLOORS_LIMIT
    assert heights["challenges.decisions.issuing"] <= ISSUING_LIMIT
    assert heights["challenges.decisions.challenges"] <= ISSUING_LIMIT


@pytest.mark.parametrize(
    ("module", "imported", "floor"),
    [
        ("challenges.decisions.issuing", "challenges.decisions.answers", 6),
        ("challenges.decisions.ended_challenges", "operators.decisions.sessions", 7),
    ],
)
def test_an_import_raises_the_floor(texts, module, imported, floor):
    heights = floors(with_import(texts, module, f"import counterseal.{imported}"))
    assert heights[module] == floor
