"""
Nouns import no capability, and decisions stand on few floors.

A module of these packages is a noun's, or shared by all, unless it is listed as a capability's: a
new one is a noun's until it is listed. Only direct imports are looked at, wherever they stand in a
module; a name that comes from the package `models` counts as imported from the module that has it.

A module of `_decisions` stands one floor above the highest module of `_decisions` that it imports.
"""

import ast
from pathlib import Path

import pytest

import counterseal

pytestmark = pytest.mark.one_python

SOURCE = Path(counterseal.__file__).parent
PACKAGES = ("_decisions", "usecases", "charts", "rules", "wire", "models")

CAPABILITIES = {
    "approvals": """
        _decisions.actions usecases.actions rules.actions wire.action_status wire.use_receipt
        models.approved_action charts.actions
    """,
    "ceremonies": """
        _decisions.ceremonies _decisions.discovery usecases.ceremonies rules.ceremonies
        wire.ceremony models.ceremony charts.ceremonies
    """,
    "tickets": """
        _decisions.backchannel _decisions.channel usecases.backchannel usecases.channel
    """,
    "publishing of events": """
        _decisions.events usecases.events wire.events
    """,
    "audit": """
        _decisions.audit_log usecases.audit_log usecases.audit_chain usecases.gauges
        usecases.head_memory usecases.head_renewal usecases.partition_checks usecases.signed_heads
        rules.audit_chain rules.remembered_heads wire.audit_head
    """,
    "operators": """
        _decisions.ended_sessions _decisions.operators _decisions.proofs _decisions.session_uses
        _decisions.sessions usecases.admin_logins usecases.device_logins usecases.sessions
        rules.sessions models.session charts.sessions
    """,
}
ABOVE = frozenset(name for names in CAPABILITIES.values() for name in names.split())
"""The modules of capabilities."""

BETWEEN = {
    ("ceremonies", "operators"): "a passkey that a one-time link registers has to open its session",
    ("operators", "ceremonies"): "administrators log in by passkeys",
    ("tickets", "approvals"): "tokens are issued unless the approval was withdrawn",
}
"""Which capability imports which other one, and why."""

FLOORS_LIMIT = 6
ISSUING_LIMIT = 4


@pytest.fixture(scope="module")
def texts():
    """The source of each module of the packages, by its name below `counterseal`."""
    return {
        f"{package}.{path.stem}": path.read_text("utf-8")
        for package in PACKAGES
        for path in sorted((SOURCE / package).glob("*.py"))
        if path.stem != "__init__"
    }


def definitions(texts):
    """Return the module of `models` that defines a name, by the name."""
    modules = {}
    for module, text in texts.items():
        if not module.startswith("models."):
            continue
        for node in ast.parse(text).body:
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    modules[name] = module
                case ast.Assign(targets=[ast.Name(id=name)]):
                    modules[name] = module
                case ast.AnnAssign(target=ast.Name(id=name)):
                    modules[name] = module
    return modules


def imported_modules(text, homes):
    """Return what *text* imports of the core; *homes*: the modules of names in `models`."""
    modules = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
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
        if module not in ABOVE
        for imported in sorted(imported_modules(text, homes) & ABOVE)
    ]


def imports_between(texts):
    """Return each pair of capabilities of which the first imports the second."""
    homes = definitions(texts)
    capability_of = {
        module: name for name, modules in CAPABILITIES.items() for module in modules.split()
    }
    return {
        (name, capability_of[imported])
        for module, name in capability_of.items()
        for imported in imported_modules(texts[module], homes) & ABOVE
        if capability_of[imported] != name
    }


def floors(texts):
    """Return the floor of each module of `_decisions`; without such imports, it is the first."""
    imports = {
        module: imported_modules(text, {}) & texts.keys() - {module}
        for module, text in texts.items()
        if module.startswith("_decisions.")
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


@pytest.mark.parametrize("package", ["_decisions", "usecases", "rules"])
def test_a_function_that_loads_its_module_late_is_of_no_capability(package):
    """A module that names such a function by its package imports that function's module."""
    text = (SOURCE / package / "__init__.pyi").read_text("utf-8")
    modules = {
        f"{package}.{node.module}"
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom)
    }
    assert modules
    assert modules.isdisjoint(ABOVE)


def test_each_module_is_of_a_noun_or_of_one_capability(texts):
    listed = [name for names in CAPABILITIES.values() for name in names.split()]
    assert len(listed) == len(ABOVE)
    assert texts.keys() >= ABOVE
    assert (len(texts) - len(ABOVE), len(ABOVE)) == (115, 43)


@pytest.mark.parametrize(
    ("module", "statement", "imported"),
    [
        ("_decisions.issuing", "import counterseal._decisions.backchannel", "backchannel"),
        ("_decisions.answers", "from counterseal._decisions import actions", "actions"),
        ("_decisions.endings", "from counterseal._decisions.channel import MARGIN", "channel"),
        ("_decisions.tenancy", "from counterseal.rules.sessions import session_end", "sessions"),
        ("usecases.challenges", "from counterseal.usecases import ceremonies", "ceremonies"),
        ("models.challenge", "import counterseal.models.session", "session"),
        ("_decisions.bindings", "from counterseal.models import Session", "session"),
        (
            "_decisions.callbacks",
            "def later():\n    from counterseal._decisions.events import describe",
            "events",
        ),
    ],
)
def test_an_import_of_a_capability_is_found(texts, module, statement, imported):
    (line,) = violations(with_import(texts, module, statement))
    assert line.startswith(f"{module} -> ")
    assert line.endswith(f".{imported}")


def test_capabilities_import_each_other_only_where_it_is_listed(texts):
    assert imports_between(texts) == BETWEEN.keys()


def test_decisions_stand_on_few_floors(texts):
    heights = floors(texts)
    assert heights["_decisions.plan"] == 1
    assert max(heights.values()) <= FLOORS_LIMIT
    assert heights["_decisions.issuing"] <= ISSUING_LIMIT
    assert heights["_decisions.challenges"] <= ISSUING_LIMIT


@pytest.mark.parametrize(
    ("module", "imported", "floor"), [("issuing", "answers", 6), ("endings", "sessions", 7)]
)
def test_an_import_raises_the_floor(texts, module, imported, floor):
    statement = f"import counterseal._decisions.{imported}"
    heights = floors(with_import(texts, f"_decisions.{module}", statement))
    assert heights[f"_decisions.{module}"] == floor
