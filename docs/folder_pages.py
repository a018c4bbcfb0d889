"""What the page of a folder of the core shows: its modules, by what they do."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import cog
from statemachine import StateMachine

import counterseal
from counterseal._stub import read_stub

KINDS = ("usecases", "rules", "chart", "documents")
"""Records are on the page of models, and decisions on none, but for what use cases return."""


def modules_of(folder: str, kind: str) -> list[str]:
    """Return the modules of one kind in a folder."""
    package = import_module(f"counterseal.{folder}")
    if kind not in {part.name for part in pkgutil.iter_modules(package.__path__)}:
        return []
    module = import_module(f"{package.__name__}.{kind}")
    parts = pkgutil.iter_modules(getattr(module, "__path__", ()))
    return [f"{module.__name__}.{part.name}" for part in parts] or [module.__name__]


def write_module(name: str) -> None:
    """Write the block of a module; a chart's class is a table, which another page shows."""
    cog.outl(f"\n```{{eval-rst}}\n.. automodule:: {name}")
    charts = [
        name
        for name, item in vars(import_module(name)).items()
        if isinstance(item, type) and issubclass(item, StateMachine) and item is not StateMachine
    ]
    if charts:
        cog.outl(f"   :exclude-members: {', '.join(charts)}")
    cog.outl("```")


def show(folder: str) -> None:
    """Write the blocks of a page."""
    for kind in KINDS:
        modules = modules_of(folder, kind)
        if modules:
            cog.outl(f"\n## {kind}")
        for name in modules:
            write_module(name)
        results = [
            f"counterseal{module}.{name}"
            for name, module in read_stub(counterseal.__file__).items()
            if kind == "usecases" and module.startswith(f".{folder}.decisions")
        ]
        if results:
            cog.outl("\n```{eval-rst}")
            cog.outl("\n\n".join(f".. autoclass:: {name}\n   :members:" for name in results))
            cog.outl("```")
    cog.outl()
