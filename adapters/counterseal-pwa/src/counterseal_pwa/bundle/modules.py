"""Modules: what each of the app's sources imports and exports, and the order in which they run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

JSON_VALUE = "value"
"""The one export of a JSON module."""

REEXPORT = re.compile(r'^export (?:\{([^}]*)\}|(\*)) from "([^"]+)";', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)

_STATEMENT = re.compile(r"^(?:import|export)\b", re.MULTILINE)
_IMPORT = re.compile(r'import \{([^}]*)\} from "([^"]+)";')
_JSON_IMPORT = re.compile(r'import (\w+) from "([^"]+\.json)" with \{ type: "json" \};')
_LATER = re.compile(r'\bimport\("([^"]+)"\)')
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True)
class Import:
    """
    A statement that imports.

    Attributes:
        start: Where it begins in the text.
        end: Where it ends.
        path: The module that it names.
        names: What it imports, as it is called there and here.
    """

    start: int
    end: int
    path: str
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reexport:
    """
    An export of what another module exports.

    Attributes:
        path: The other module.
        there: What it is called there; None for everything.
        here: What it is called here.
    """

    path: str
    there: str | None
    here: str


@dataclass(frozen=True)
class Module:
    """
    One of the app's sources.

    Attributes:
        path: Below the folder of the sources.
        text: As it is written.
        imports: What it imports at its start.
        reexports: What it exports of other modules.
        exports: The names that it exports of its own.
        later: The modules that it imports when it needs them.
        is_index: Whether it does nothing but export what others export.
    """

    path: str
    text: str
    imports: tuple[Import, ...] = ()
    reexports: tuple[Reexport, ...] = ()
    exports: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    is_index: bool = False

    @property
    def scope(self) -> str:
        """Return the name of what the module's function returns."""
        return "$" + re.sub(r"\W", "_", self.path.removesuffix(".js"))


def resolve(importer: str, address: str) -> str:
    """Return the path of the module at an address in the module *importer*."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), address))


def find_later(text: str) -> list[re.Match[str]]:
    """Return where a module imports others when it needs them; comments import types alike."""
    comments = [match.span() for match in _COMMENT.finditer(text)]
    return [
        match
        for match in _LATER.finditer(text)
        if not any(start <= match.start() < end for start, end in comments)
    ]


def read_module(path: str, text: str) -> Module:
    """
    Read what a module imports and exports.

    Raises:
        ValueError: *text* imports or exports in a form that is not known here.
    """
    if path.endswith(".json"):
        if "__proto__" in text:  # no member in JavaScript
            raise ValueError(f"{path}: has a member __proto__")
        return Module(path, text, exports=(JSON_VALUE,))
    imports, reexports, exports, remainder, end = [], [], [], "", 0
    for statement in _STATEMENT.finditer(text):
        start = statement.start()
        if match := _IMPORT.match(text, start):
            names = tuple(_read_names(match[1]))
            imports.append(Import(*match.span(), resolve(path, match[2]), names))
        elif match := _JSON_IMPORT.match(text, start):
            names = ((JSON_VALUE, match[1]),)
            imports.append(Import(*match.span(), resolve(path, match[2]), names))
        elif match := REEXPORT.match(text, start):
            other = resolve(path, match[3])
            listed = _read_names(match[1] or "")
            reexports += [Reexport(other, there, here) for there, here in listed]
            reexports += [Reexport(other, None, "")] * bool(match[2])
        elif match := EXPORT.match(text, start):
            exports.append(match[1])
        else:
            line = text.count("\n", 0, start) + 1
            raise ValueError(f"{path}, line {line}: an import or export of another form")
        remainder += text[end:start]
        end = match.end()
    remainder += text[end:]
    has_code = bool(exports) or bool(_COMMENT.sub("", remainder).strip())
    return Module(
        path=path,
        text=text,
        imports=tuple(imports),
        reexports=tuple(reexports),
        exports=tuple(exports),
        later=tuple(resolve(path, match[1]) for match in find_later(text)),
        is_index=bool(reexports) and not has_code,
    )


def _read_names(names: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a list such as `a, b as c`, as it is called there and here."""
    for name in filter(None, (part.strip() for part in names.split(","))):
        there, _, here = name.partition(" as ")
        yield there, here or there


class Sources:
    """
    The app's modules, by their paths.

    Args:
        texts: The text of each.

    Raises:
        ValueError: One of *texts* imports or exports in a form that is not known here.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._modules = {path: read_module(path, text) for path, text in texts.items()}
        # Each module asks for those of others.
        self.exports = cache(self._exports)

    def module(self, path: str, importer: str) -> Module:
        """
        Return the module at *path*.

        Raises:
            ValueError: There is none. The error names the *importer*.
        """
        if path not in self._modules:
            raise ValueError(f"{importer}: imports {path}, which is no module")
        return self._modules[path]

    def _exports(self, path: str, importer: str) -> Mapping[str, tuple[Module, str]]:
        """Return by its name what a module exports: who defines it, and what it is called there."""
        module = self.module(path, importer)
        exports = {name: (module, name) for name in module.exports}
        for reexport in module.reexports:
            if reexport.there is None:
                exports |= self.exports(reexport.path, path)
            else:
                exports[reexport.here] = self._definition(reexport.path, reexport.there, path)
        return exports

    def _definition(self, path: str, name: str, importer: str) -> tuple[Module, str]:
        exports = self.exports(path, importer)
        if name not in exports:
            raise ValueError(f"{importer}: imports {name}, which {path} does not export")
        return exports[name]

    def definitions(self, module: Module, statement: Import) -> list[tuple[Module, str, str]]:
        """Return who defines each name that is imported, what it is called there, and here."""
        return [
            (*self._definition(statement.path, there, module.path), here)
            for there, here in statement.names
        ]

    def needs(self, module: Module) -> list[Module]:
        """Return the modules that have to run before *module*, as it names them."""
        needed = [
            other
            for statement in module.imports
            for other, _, _ in self.definitions(module, statement)
        ]
        needed += [other for other, _ in self.exports(module.path, module.path).values()]
        return [other for other in dict.fromkeys(needed) if other != module]

    def later(self, module: Module) -> list[Module]:
        """
        Return the modules that *module* imports when it needs them.

        Raises:
            ValueError: One of them does nothing but export what others export.
        """
        modules = [self.module(path, module.path) for path in module.later]
        for other in modules:
            if other.is_index:
                raise ValueError(f"{module.path}: imports {other.path} later, which is an index")
        return modules

    def order(
        self, entries: Iterable[str], *, without: Collection[Module] = (), later: bool = False
    ) -> list[Module]:
        """
        Return *entries* and the modules that they need, in the order in which they run.

        Args:
            entries: The paths of modules.
            without: Modules that are left out, with what only they need.
            later: Whether modules count as needed that are imported when they are needed.

        Raises:
            ValueError: A module needs itself, by way of others.
        """
        ordered: dict[Module, None] = {}
        begun: list[Module] = []

        def visit(module: Module) -> None:
            if module in ordered or module in without:
                return
            if module in begun:
                paths = [other.path for other in (*begun, module)]
                raise ValueError(f"modules import each other: {' -> '.join(paths)}")
            begun.append(module)
            for other in self.needs(module):
                visit(other)
            ordered[begun.pop()] = None

        waiting = [self.module(path, path) for path in entries]
        while waiting:
            before = len(ordered)
            visit(waiting.pop(0))
            if later:
                waiting += [other for module in [*ordered][before:] for other in self.later(module)]
        return [*ordered]
