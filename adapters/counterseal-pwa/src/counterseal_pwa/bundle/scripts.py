"""Scripts: which module is in which file, and the text of each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .modules import EXPORT, JSON_VALUE, REEXPORT, Module, Sources, find_later, resolve

FIRST = "app.js"
"""The file with what each start needs: the module of this name, and what it imports."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "requests.js": (
        *("session.js", "watches.js", "worker_registration.js"),
        *("home_view.js", "request_view.js", "bound_view.js", "device/answers.js"),
    )
}
"""Files that are loaded for some views, and the modules with which these begin."""

OTHERS = "accounts.js"
"""The file with what every other view needs."""

WORKER = "worker.js"
"""The service worker: one classic script, which every browser with service workers runs."""

SHARED = ("dom.js", "drawing.js")
"""Modules that pages of other packages import: each is a file with exports of its own."""

_HEADER = """\
/**
 * Counterseal's device in the browser: modules of its sources, one after the other.
 *
 * Each module is a function, so that names of one are none of another. Below the line that names
 * it stands its text as it is written, but for what it imports and exports.
 */
"""


def write_scripts(sources: Sources, groups: Mapping[str, Sequence[str]] = GROUPS) -> dict[str, str]:
    """
    Return the scripts that browsers load, by their names.

    Args:
        sources: The modules.
        groups: By the names of files, the modules with which some views begin.

    Raises:
        ValueError: Modules import what is not there, or each other.
    """
    files = {FIRST: sources.order([FIRST])}
    placed = {*files[FIRST]}
    for name, entries in groups.items():
        files[name] = sources.order(entries, without=placed, later=True)
        placed |= {*files[name]}
    entries = tuple(other.path for module in placed for other in sources.later(module))
    files[OTHERS] = sources.order(sorted({*entries}), without=placed, later=True)
    layout = _Layout(sources, files)
    scripts = {name: layout.write(name) for name, modules in files.items() if modules}
    worker = _Layout(sources, {WORKER: sources.order([WORKER])})
    scripts[WORKER] = f'"use strict";\n\n{worker.write(WORKER, is_alone=True)}'
    for name in SHARED:
        modules = sources.order([name])
        text = _Layout(sources, {name: modules}).write(name, is_alone=True)
        names = ", ".join(sources.exports(name, name))
        scripts[name] = f"{text}\nexport const {{ {names} }} = {modules[-1].scope};\n"
    return scripts


class _Layout:
    """
    Files, and the modules in each, in the order in which they run.

    Args:
        sources: The modules.
        files: Each imports from those before it, and from no other.
    """

    def __init__(self, sources: Sources, files: Mapping[str, Sequence[Module]]) -> None:
        self._sources, self._files = sources, files
        self._order = [*files]
        self._homes = {module: name for name, modules in files.items() for module in modules}

    def write(self, name: str, *, is_alone: bool = False) -> str:
        """
        Return the text of a file.

        Args:
            name: The file.
            is_alone: Whether it imports and exports nothing.
        """
        modules = self._files[name]
        scopes: dict[str, set[str]] = {}
        for other in () if is_alone else self._foreign(name):
            scopes.setdefault(self._homes[other], set()).add(other.scope)
        parts = [_HEADER]
        parts += [
            f'\nimport {{ {", ".join(sorted(scopes[file]))} }} from "./{file}";\n'
            for file in sorted(scopes, key=self._order.index)
        ]
        parts += [self._write_module(module, name, is_alone=is_alone) for module in modules]
        if not is_alone:
            names = "".join(f"  {module.scope},\n" for module in modules)
            parts.append(f"\nexport {{\n{names}}};\n")
        return "".join(parts)

    def _foreign(self, name: str) -> Iterator[Module]:
        """Yield the modules of other files that those of the file *name* use as they are loaded."""
        for module in self._files[name]:
            later = [other for other in self._sources.later(module) if self._is_loaded(other, name)]
            for other in (*self._sources.needs(module), *later):
                if self._homes[other] != name:
                    yield other

    def _is_loaded(self, module: Module, name: str) -> bool:
        """Return whether the file of a module is loaded wherever the file *name* is."""
        return self._order.index(self._homes[module]) <= self._order.index(name)

    def _write_module(self, module: Module, name: str, *, is_alone: bool) -> str:
        head = f"\n// ---- {module.path}\n"
        if module.path.endswith(".json"):
            return f"{head}const {module.scope} = {{ {JSON_VALUE}: {module.text.strip()} }};\n"
        replaced = [
            (
                statement.start,
                statement.end,
                _constants(self._sources.definitions(module, statement)),
            )
            for statement in module.imports
        ]
        for pattern in (EXPORT, REEXPORT):
            replaced += [(*match.span(), "") for match in pattern.finditer(module.text)]
        for match in () if is_alone else find_later(module.text):
            other = self._sources.module(resolve(module.path, match[1]), module.path)
            replaced.append((*match.span(), self._write_later(other, name)))
        text, end = "", 0
        for start, stop, words in sorted(replaced):
            text += module.text[end:start] + words
            end = stop
        text += module.text[end:]
        members = [
            here if other == module else f"{here}: {other.scope}.{there}"
            for here, (other, there) in self._sources.exports(module.path, module.path).items()
        ]
        result = f"return {{ {', '.join(members)} }};\n" if members else ""
        return f"{head}const {module.scope} = (() => {{\n{text.rstrip()}\n\n{result}}})();\n"

    def _write_later(self, other: Module, name: str) -> str:
        if self._is_loaded(other, name):
            return f"Promise.resolve({other.scope})"
        file, scope = self._homes[other], other.scope
        return f'import("./{file}").then(({{ {scope} }}) => {scope})'


def _constants(names: Iterable[tuple[Module, str, str]]) -> str:
    """Return imported names as constants; modules that are an index are in no file."""
    scopes: dict[str, list[str]] = {}
    for other, there, here in names:
        scopes.setdefault(other.scope, []).append(here if here == there else f"{there}: {here}")
    return "\n".join(
        f"const {{ {', '.join(words)} }} = {scope};" for scope, words in scopes.items()
    )
