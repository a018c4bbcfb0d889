"""The check of a package whose names are in a stub; see `counterseal._stub`."""

import pkgutil
from importlib import import_module
from pathlib import Path

from counterseal._stub import read_stub


def examine_face(package):
    """Fail unless the stub of *package* lists each name once, and as its module has it."""
    face = import_module(package)
    sources = read_stub(face.__file__)

    lines = Path(face.__file__).with_suffix(".pyi").read_text("utf-8").splitlines()
    assert len(sources) == sum(line.startswith("from ") for line in lines)
    assert sorted(face.__all__) == sorted(sources)
    for name, module in sources.items():
        assert getattr(face, name) is getattr(import_module(module, package), name)
    # Whichever was imported last would hide the other.
    modules = {module.name for module in pkgutil.iter_modules(face.__path__)}
    assert modules.isdisjoint(sources)
