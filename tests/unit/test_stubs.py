"""A stub lists the names of its package once, for type checkers and at run time."""

import ast
import inspect
import pickle
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import attrs
import pytest

import counterseal
from counterseal import models, ports
from counterseal._stub import public_names, read_stub
from counterseal.models import Company, Guid

ROOT = Path(counterseal.__file__).parent
STUBS = sorted(ROOT.rglob("*.pyi"))
PACKAGES = [".".join(stub.relative_to(ROOT.parent).parent.parts) for stub in STUBS]
FACES = [package for package in PACKAGES if hasattr(import_module(package), "__all__")]
EACH_PACKAGE = pytest.mark.parametrize("package", PACKAGES)
EACH_FACE = pytest.mark.parametrize("package", FACES)


def run(program):
    """Return what a new interpreter prints, line by line."""
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


def test_each_package_of_public_names_has_a_stub():
    names = ("actions", "device", "keys", "models")
    assert tuple(FACES) == ("counterseal", *(f"counterseal.{name}" for name in names))


@pytest.mark.parametrize("stub", STUBS, ids=PACKAGES)
def test_a_stub_imports_names_of_its_own_package_and_does_nothing_else(stub):
    """Only the faces of all records, and of devices, name modules of other folders."""
    of_others = stub.parent.name in {"device", "models"}
    for statement in ast.parse(stub.read_text("utf-8")).body:
        assert isinstance(statement, ast.ImportFrom)
        outside = of_others and statement.module.startswith("counterseal.")
        assert statement.level == 1 or outside
        (alias,) = statement.names
        assert alias.asname == alias.name, "a type checker takes any other for a private one"


@EACH_PACKAGE
def test_each_name_is_that_of_its_module(package):
    face = import_module(package)
    sources = read_stub(face.__file__)
    lines = Path(face.__file__).with_suffix(".pyi").read_text("utf-8").splitlines()
    assert len(sources) == sum(line.startswith("from ") for line in lines)
    assert set(sources) <= set(dir(face))
    for name, module in sources.items():
        assert getattr(face, name) is getattr(import_module(module, package), name)


@EACH_PACKAGE
def test_no_name_is_that_of_a_module(package):
    """Whichever was imported last would hide the other."""
    face = import_module(package)
    modules = {module.name for module in pkgutil.iter_modules(face.__path__)}
    assert modules.isdisjoint(read_stub(face.__file__))


@EACH_PACKAGE
def test_a_package_loads_no_module_before_a_name_is_used(package):
    program = f"import sys, {package}; print(*(m for m in sys.modules if 'counterseal' in m))"
    above = {package.rpartition(".")[0]} - {""}
    assert set(run(program)[0].split()) == {"counterseal", "counterseal._stub", package} | above


@EACH_FACE
def test_a_star_imports_each_name(package):
    program = f"from {package} import *; print(*sorted(set(dir()) - {{'__annotations__'}}))"
    names = {name for name in run(program)[0].split() if not name.startswith("__")}
    face = import_module(package)
    assert names == set(face.__all__) == set(read_stub(face.__file__))


@EACH_PACKAGE
def test_no_other_name_is_there(package):
    with pytest.raises(AttributeError, match=rf"^module '{package}' has no attribute 'anything'$"):
        _ = import_module(package).anything


@pytest.mark.parametrize(
    "line", ["import json as json", "from .guid import Guid", "x = 1", "from .a import b, c"]
)
def test_a_line_that_is_no_name_is_refused(tmp_path, line):
    (tmp_path / "__init__.pyi").write_text(f"# Names.\n\n{line}\n")
    with pytest.raises(ValueError, match="unpack"):
        read_stub(str(tmp_path / "__init__.py"))


def test_a_package_without_its_stub_says_what_it_lacks(tmp_path):
    with pytest.raises(ImportError, match=r"__init__\.pyi lists the public names"):
        read_stub(str(tmp_path / "__init__.py"))


def test_constants_come_first_and_functions_last(tmp_path):
    lines = [f"from .a import {name} as {name}\n" for name in ("b", "B", "BB", "Aa", "a")]
    (tmp_path / "__init__.pyi").write_text("".join(lines))
    names, _, _ = public_names(__name__, str(tmp_path / "__init__.pyc"))
    assert names == ["B", "BB", "Aa", "a", "b"]


def test_a_record_can_be_pickled():
    company = Company(guid=Guid("0"), name="Example", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert pickle.loads(pickle.dumps(company)) == company  # noqa: S301 (it is our own)


@pytest.mark.parametrize("package", ["counterseal.models", "counterseal.actions"])
def test_each_annotation_of_a_class_can_be_resolved(package):
    face = import_module(package)
    public = [getattr(face, name) for name in face.__all__]
    for kind in public:
        if isinstance(kind, type) and attrs.has(kind):
            assert get_type_hints(kind).keys() >= attrs.fields_dict(kind).keys()


def test_each_annotation_of_a_port_can_be_resolved():
    hints = [
        get_type_hints(method)
        for name in ports.__all__
        for method in vars(getattr(ports, name)).values()
        if inspect.isfunction(method) and method.__code__.co_filename == ports.__file__
    ]
    assert models.RegisteredPasskey in [hint.get("return") for hint in hints]
