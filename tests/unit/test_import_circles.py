"""No module imports itself through others, at whatever place an import stands."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from trees import tree_of

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    path.parent
    for pattern in ("src/*/__init__.py", "adapters/*/src/*/__init__.py")
    for path in ROOT.glob(pattern)
)
PROGRAMS = [
    ROOT / ".github/release",
    *(ROOT / "tests" / name for name in ("bench", "bench/peer", "interop")),
]


def modules_of(folder: Path) -> dict[str, Path]:
    """Return the modules of a package, by the names by which others import them."""
    is_package = (folder / "__init__.py").exists()
    modules = {}
    for path in folder.rglob("*.py") if is_package else folder.glob("*.py"):
        parts = path.relative_to(folder.parent if is_package else folder).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def named_by(node: ast.AST, name: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names that an import of the module *name* may mean, the longest first."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = name.split(".")
            parts = parts[: len(parts) - node.level + is_package]
            base = ".".join([*parts, *filter(None, [node.module])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_of(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return which modules each one imports: also in functions, and for type checkers alone."""
    imports: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        is_package = path.name == "__init__.py"
        for node in ast.walk(tree_of(path.read_text("utf-8"))):
            for meant in named_by(node, name, is_package=is_package):
                module = meant
                while module and module not in modules:
                    module = module.rpartition(".")[0]
                if module and module != name:
                    imports[name].add(module)
    return imports


def circles(imports: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components of more than one module (Tarjan, 1972)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for imported in imports[name]:
            if imported not in numbers:
                visit(imported)
                lowest[name] = min(lowest[name], lowest[imported])
            elif imported in stack:
                lowest[name] = min(lowest[name], numbers[imported])
        if lowest[name] == numbers[name]:
            start = stack.index(name)
            component = set(stack[start:])
            del stack[start:]
            if len(component) > 1:
                components.append(component)

    for name in imports:
        if name not in numbers:
            visit(name)
    return components


@pytest.mark.parametrize("folder", [*PACKAGES, *PROGRAMS], ids=lambda path: path.name)
def test_a_package_has_no_circle(folder):
    modules = modules_of(folder)

    assert modules
    assert circles(imports_of(modules)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from planted.first import a",
        "from planted import first",
        "import planted.first",
        "from .first import a",
        "from . import first",
        "def late():\n    from planted.first import a",
        "if TYPE_CHECKING:\n    from planted.first import a",
    ],
)
def test_a_planted_circle_is_found(tmp_path, text):
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "first.py").write_text("from planted.second import b\n")
    (folder / "second.py").write_text("from planted.third import c\n")
    (folder / "third.py").write_text(f"{text}\n")
    (folder / "fourth.py").write_text("from planted.first import a\n")

    (circle,) = circles(imports_of(modules_of(folder)))

    assert circle == {"planted.first", "planted.second", "planted.third"}
