"""
The public names of a package, each of which loads its module when it is first used.

The stub beside the package's `__init__.py` lists the names, and nothing else does: type checkers
and editors read it, and so does the package itself when it is imported. A line is one name, and the
module of the package that has it:

    from .wire.question import read_question as read_question

With another name behind `as`, a type checker would take it for a private one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module


def read_stub(file: str) -> dict[str, str]:
    """
    Return the module that has each public name, relative to the package.

    Args:
        file: Where the package's `__init__.py` is; the stub is beside it.

    Raises:
        ImportError: There is no stub that can be read as a file.
        ValueError: A line of the stub is neither one name nor a comment.
    """
    path = f"{file.rpartition('.')[0]}.pyi"
    try:
        # An import waits for it, and `pathlib` takes longer to load than all of this.
        with open(path, encoding="utf-8") as stub:  # noqa: PTH123
            lines = [line.split() for line in stub if not line.startswith(("#", "\n"))]
    except OSError as error:
        message = f"{path} lists the public names: a program without it, or in a zip, needs it"
        raise ImportError(message, path=path) from error
    return {name: module for _, module, _, _, _, name in lines}


def public_names(
    package: str, file: str
) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """
    Return `__all__`, `__getattr__` and `__dir__` (PEP 562) of a package.

    Args:
        package: Its `__name__`.
        file: Its `__file__`.
    """
    sources = read_stub(file)
    names = vars(sys.modules[package])

    def load_name(name: str) -> object:
        if name not in sources:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        value = names[name] = getattr(import_module(sources[name], package), name)
        return value

    def list_names() -> list[str]:
        return sorted({*names, *sources})

    # Constants, classes, functions: the order in which pages list them.
    return sorted(sources, key=lambda name: (not name.isupper(), name)), load_name, list_names
