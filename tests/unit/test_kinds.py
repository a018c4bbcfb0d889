"""Kinds of records are listed once: each has what belongs to it, and nothing else lists them."""

import ast
import enum
import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import get_type_hints

import attrs
import pytest
from folders import kind_of as folder_kind
from folders import modules_of
from trees import tree_of

from counterseal import invariants, models
from counterseal.kinds import RecordKind, kind_of
from counterseal.machines import CHARTS, Chart
from counterseal.models.record import Index
from counterseal.ports import Due
from counterseal_testing.contracts.record_factory import RecordFactory

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in (ROOT / "src", *sorted(ROOT.glob("adapters/*/src")))
    for path in sorted(folder.rglob("*.py"))
]

READERS = {
    "counterseal/invariants.py",
    "counterseal/machines.py",
    "counterseal/ports.py",
    "counterseal_testing/contracts/record_factory.py",
    "counterseal_records/bodies.py",
    "counterseal_redis/indexes.py",
    "counterseal_sql/store.py",
}
"""The modules that read the list; every other one has what it needs from them, or from a record."""

PARTS = {
    "counterseal/audit/decisions.py": "the records that the audit log names",
    "counterseal/tenancy/decisions/authorization.py": "what an administrator acts on",
    "counterseal_records/bodies.py": "the kinds that have got a member since their first form",
}
"""The modules that name many kinds, and not all, and why."""

MANY = 5
CLASSES = {kind.record_class.__name__ for kind in RecordKind}
STORED_NAMES = {repr(kind.stored_name) for kind in RecordKind}


def modules_in(package):
    """Return the modules of *package*."""
    infos = pkgutil.iter_modules(package.__path__)
    return [import_module(f"{package.__name__}.{info.name}") for info in infos]


def items_of(modules):
    """Yield what *modules* define, each with the name that the list has for it."""
    for module in modules:
        for name, item in vars(module).items():
            is_imported = (
                isinstance(item, type | FunctionType) and item.__module__ != module.__name__
            )
            if not is_imported:
                yield f"{module.__name__}.{name}".removeprefix("counterseal."), item


# Each kind has everything


@pytest.mark.parametrize("kind", RecordKind)
def test_its_records_are_frozen_and_have_what_a_store_needs(kind):
    record_class = kind.record_class
    assert record_class.__setattr__ is not object.__setattr__
    assert {"guid", "version"} <= attrs.fields_dict(record_class).keys()
    (record,) = (one for one in RecordFactory().one_of_each() if type(one) is record_class)
    assert isinstance(record.index, Index)
    assert record.version == 1
    assert hasattr(record, "parent")
    assert hasattr(record, "keep_until")


def test_the_factory_makes_one_of_each_in_the_order_of_the_list():
    expected = [kind.record_class for kind in RecordKind]
    assert list(map(type, RecordFactory().one_of_each())) == expected


@pytest.mark.parametrize("kind", RecordKind)
def test_it_can_be_due_if_its_records_are_due_at_a_time(kind):
    assert isinstance(vars(kind.record_class)["due_at"], property) is kind.due


@pytest.mark.parametrize("kind", RecordKind)
def test_it_has_a_chart_if_its_records_have_a_state(kind):
    state = get_type_hints(kind.record_class).get("state")
    assert (kind.chart is None) is (state is None)
    if kind.chart is not None:
        assert (kind.chart.name, kind.chart.states) == (kind.name.lower(), state)
        assert issubclass(kind.chart.events, enum.Enum)


@pytest.mark.parametrize("kind", RecordKind)
def test_it_is_found_by_its_class(kind):
    assert kind_of(kind.record_class) is kind


def test_a_class_that_is_not_listed_is_of_no_kind():
    with pytest.raises(KeyError):
        kind_of(models.Device)


def test_names_are_those_of_one_kind_each():
    assert len(CLASSES) == len(STORED_NAMES) == len(RecordKind)
    assert all(name == kind.name for name, kind in RecordKind.__members__.items())


# The list is complete


def test_every_record_that_a_store_can_hold_is_listed():
    stored = {
        name
        for name, item in items_of([*modules_in(models), *modules_of("records")])
        if isinstance(item, type) and attrs.has(item) and "version" in attrs.fields_dict(item)
    }
    assert stored == {kind.value.record for kind in RecordKind}


def test_every_chart_is_one_kinds():
    listed = [kind.value.chart for kind in RecordKind if kind.value.chart is not None]
    assert sorted(listed) == sorted(
        name for name, item in items_of(modules_of("chart")) if isinstance(item, Chart)
    )
    assert [CHARTS[name] for name in CHARTS] == [
        kind.chart for kind in RecordKind if kind.chart is not None
    ]


def test_every_invariant_of_a_kind_is_one_kinds():
    listed = [kind.value.invariants for kind in RecordKind if kind.value.invariants is not None]
    assert sorted(listed) == sorted(
        name
        for name, item in items_of([invariants])
        if callable(item) and name.startswith("invariants.of_")
    )
    assert all(callable(kind.invariants) for kind in RecordKind if kind.value.invariants)


def test_what_workers_look_for_is_a_kind():
    assert Due is RecordKind


# Nothing is loaded before it is needed


def loaded_by(program):
    """Return the modules that a Python loads and that have what belongs to a kind."""
    program += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    modules = {name.removeprefix("counterseal.") for name in json.loads(run.stdout)}
    return {
        name.rpartition(".")[0]
        for kind in RecordKind
        for name in attrs.astuple(kind.value)
        if isinstance(name, str) and name.rpartition(".")[0] in modules
    }


def test_the_list_loads_nothing_that_belongs_to_a_kind():
    assert loaded_by("import counterseal.kinds, counterseal.machines") == set()


def test_a_store_loads_no_chart_and_no_invariants_of_a_kind():
    loaded = loaded_by("import counterseal.memory, counterseal.ports")
    assert {name for name in loaded if not name.startswith("models.")} == {
        name for name in loaded if name.endswith(".records")
    }
    assert "ceremonies.records" not in loaded


def test_a_chart_is_loaded_alone():
    program = "from counterseal.machines import CHARTS; list(CHARTS); CHARTS['login']"
    loaded = loaded_by(program)
    assert {name for name in loaded if folder_kind(name) == "chart"} == {"accounts.chart"}


# Nothing else lists kinds


def names_in(nodes):
    """Return what *nodes* name: classes, by name, attribute or pattern, and texts, in quotes."""
    names = set()
    for node in nodes:
        target = node.cls if isinstance(node, ast.MatchClass) else node
        if isinstance(target, ast.Attribute):
            names.add(target.attr)
        elif isinstance(target, ast.Name):
            names.add(target.id)
        elif isinstance(target, ast.Constant) and isinstance(target.value, str):
            names.add(repr(target.value))
    return names


def lists(tree):
    """Yield the names of each display, each union of classes, and all patterns of each `match`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            starred = [item.value for item in node.elts if isinstance(item, ast.Starred)]
            inner = [each for item in starred if hasattr(item, "elts") for each in item.elts]
            yield names_in([*node.elts, *inner])
        elif isinstance(node, ast.Dict):
            yield names_in(key for key in node.keys if key is not None)
        elif isinstance(node, ast.BinOp):
            yield names_in(ast.walk(node))
        elif isinstance(node, ast.Match):
            yield names_in(part for case in node.cases for part in ast.walk(case.pattern))


def listed_kinds(source):
    """Return how many kinds the longest list of *source* names."""
    return max(
        (max(len(names & CLASSES), len(names & STORED_NAMES)) for names in lists(tree_of(source))),
        default=0,
    )


def relative(path):
    return path.as_posix().partition("/src/")[2]


def test_nothing_else_lists_kinds():
    listing = {relative(path) for path in SOURCES if listed_kinds(path.read_text("utf-8")) >= MANY}
    assert listing == PARTS.keys()


@pytest.mark.parametrize(
    "source",
    [
        "KINDS = (Account, Alias, models.Binding, *(Login, Logo))",
        "KINDS = {Account: 1, Alias: 2, Binding: 3, Login: 4, Logo: 5}",
        "Record = Account | Alias | Binding | Login | Logo",
        "match record:\n case Account() | Alias(): pass\n case Binding() | Login() | Logo(): pass",
        "NAMES = ['account', 'alias', 'binding', 'login', 'logo']",
    ],
)
def test_a_list_is_found(source):
    assert listed_kinds(source) == MANY


def test_the_readers_are_those_that_are_named():
    importing = {
        relative(path) for path in SOURCES if "counterseal.kinds import" in path.read_text("utf-8")
    }
    assert importing == READERS
