"""
Around everything that decides: no sockets, files, processes and threads.

It stands around the transaction's one place that runs decisions, in every test of the core. What
was decided there is collected over all processes of a run.
"""

import ast
import inspect
import sys
import threading
from contextlib import contextmanager
from importlib import import_module

import pytest
from folders import FOLDERS, deciding_modules, is_decision, paths_of
from trees import tree_of

from counterseal import _transaction, actions, keys, models
from counterseal._stub import read_stub
from counterseal.wire.lookalikes import skeletons
from counterseal.wire.members import format_time, parse_time
from counterseal_testing import START

REFUSED = ("open", "os.", "socket.", "sqlite3.", "subprocess.", "urllib.")

# At their first call, Python reads the module that parses times, and the core its skeletons; at its
# first use, a name of a stub loads its module.
parse_time(format_time(START))
skeletons("Example")
FOLDERS_OF_NAMES = [import_module(f"counterseal.{folder}") for folder in FOLDERS]
for package in (actions, keys, models, *FOLDERS_OF_NAMES):
    if hasattr(package, "__getattr__"):
        for public_name in read_stub(package.__file__):
            getattr(package, public_name)

DECIDE, LOAD = _transaction.Transactions._decide, _transaction.load
isolated_thread = threading.local()
decision_names: set[str] = set()
"""The functions that this process has decided by, as `module.function`."""


class Effect(Exception):
    """A decision had one."""


def refuse(event, arguments):
    if not event.startswith(REFUSED) or not getattr(isolated_thread, "on", False):
        return
    # A warning, or an error, quotes the line of the program that it is about.
    if event == "open" and arguments[1] in {None, "r", "rb"} and str(arguments[0]).endswith(".py"):
        return
    raise Effect(event)


# For good, as there is no way to take a hook away; it does nothing outside of `isolated`.
sys.addaudithook(refuse)


@contextmanager
def isolated(*, on=True):
    """Refuse sockets, files, processes and threads to what this thread does inside."""
    before = getattr(isolated_thread, "on", False)
    isolated_thread.on = on
    try:
        yield
    finally:
        isolated_thread.on = before


def name_of(function):
    module = function.__module__.removeprefix("counterseal.")
    return f"{module}.{getattr(function, '__qualname__', '')}"


@contextmanager
def isolated_decisions():
    """Run every decision isolated, and note by which function it decides."""
    start = threading.Thread.start

    def decide_isolated(self, first, function, arguments, *others):
        swept = function is _transaction._decide_unless_lost
        decision_names.add(name_of(arguments[0] if swept else function))
        with isolated():
            return DECIDE(self, first, function, arguments, *others)

    def load_outside(*arguments):
        with isolated(on=False):
            return LOAD(*arguments)

    def start_outside(thread):
        refuse("os.thread", ())
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transaction.Transactions, "_decide", decide_isolated)
        patch.setattr(_transaction, "load", load_outside)
        patch.setattr(threading.Thread, "start", start_outside)
        yield


def deciding_functions():
    """Return the functions that decide, and that a use case names."""
    names = set()
    for module in deciding_modules():
        names |= {
            name_of(function)
            for name, function in vars(module).items()
            if inspect.isfunction(function)
            and function.__module__ == module.__name__
            and "Decision" in str(function.__annotations__.get("return"))
        }
    return names & named_by_use_cases()


def named_by_use_cases():
    """Return what use cases name of decisions, as `module.function`."""
    names = set()
    for path in paths_of("usecases"):
        tree = tree_of(path.read_text("utf-8"))
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    target = f"{node.module}.{alias.name}".removeprefix("counterseal.")
                    if is_decision(target):
                        modules[alias.asname or alias.name] = target
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names.add(f"{modules.get(node.value.id)}.{node.attr}")
            elif isinstance(node, ast.Name):
                names.add(modules.get(node.id, ""))
    return names
