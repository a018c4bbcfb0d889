"""
The folders of the core: each noun and each capability has one, with modules by what they do.

A module such as `counterseal.challenges.decisions.issuing` is of the kind that its second name
says.
"""

from importlib import import_module
from pathlib import Path

import counterseal

SOURCE = Path(counterseal.__file__).parent
NOUNS = ("accounts", "bindings", "challenges", "credentials", "identity", "outbox", "tenancy")
CAPABILITIES = ("approvals", "audit", "ceremonies", "ciba", "events", "operators")
FOLDERS = NOUNS + CAPABILITIES
KINDS = ("usecases", "decisions", "chart", "rules", "documents", "records")
"""From the top: a module of a folder imports from those below it there."""


def module_at(path):
    """Return the name of the module at *path*, below `counterseal`."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def kind_of(module):
    """Return what kind *module* is of, named below `counterseal`; nothing if it is in no folder."""
    folder, _, rest = module.partition(".")
    return rest.partition(".")[0] if folder in FOLDERS else ""


def paths_of(kind):
    """Return the files of all modules of *kind*, packages left out."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((SOURCE / folder).rglob("*.py"))
        if path.name != "__init__.py" and kind_of(module_at(path)) == kind
    ]


def is_decision(name):
    """Whether *name*, below `counterseal`, is of a decision, or of what all decisions share."""
    return kind_of(name) == "decisions" or name.partition(".")[0] == "_plan"


def deciding_modules():
    """Return the modules of decisions, and what they share."""
    return [*modules_of("decisions"), import_module("counterseal._plan")]


def modules_of(kind):
    """Return all modules of *kind*."""
    return [import_module(f"counterseal.{module_at(path)}") for path in paths_of(kind)]
