"""The way of a call through the core: what is entered, and how often it goes back and forth."""

import inspect
import sys
from itertools import groupby

import attrs
from folders import kind_of

LAYERS = ("usecases", "decisions", "chart", "rules")
DRIVING = ("_transaction", "machines")
"""A module drives a call, or decides about it, if it is of one of these kinds, or named here."""

TYPES = ("bindings.rules.evidence", "_plan", "outbox.decisions.outbox")
"""
In these layers, and yet apart: they define the types that modules hand to each other, or, as the
outbox, build records of what a decision has decided.
"""

CONSTRUCTORS = {"__init__", "__attrs_init__", "__attrs_post_init__", "<module>"}
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
WAITING = inspect.CO_GENERATOR | inspect.CO_COROUTINE


@attrs.frozen
class Call:
    """
    One entry into a function of the core, and the module of the core that called it.

    Attributes:
        generator: Whether the function is a generator.
        resumed: Whether a coroutine or a generator goes on that has waited.
    """

    module: str
    function: str
    line: int
    calling_module: str
    generator: bool
    resumed: bool

    @property
    def begins(self):
        """Whether a function begins; what makes an object is none."""
        name = self.function.rpartition(".")[2]
        return not self.resumed and name not in CONSTRUCTORS | COMPREHENSIONS


@attrs.frozen
class Way:
    """
    What was counted of one call.

    Attributes:
        modules: The driving modules that are entered.
        stays: Maximal runs in one driving module, in the order in which its functions begin.
        returns: Entries into a driving module that was left before.
    """

    modules: int
    stays: int

    @property
    def returns(self):
        return self.stays - self.modules


def module_of(frame):
    name = frame.f_globals.get("__name__", "")
    return name.removeprefix("counterseal.") if name.startswith("counterseal.") else ""


def caller_of(frame):
    """Return the nearest module of the core below *frame*; adapters of a test are passed over."""
    while (frame := frame.f_back) is not None:
        if module := module_of(frame):
            return module
    return ""


def trace(function):
    """Return the calls of *function* into the core, in order."""
    calls, begun = [], set()
    # A frame that lives has its address for itself.
    frames = []

    def profile(frame, event, argument):
        if event != "call" or not (module := module_of(frame)):
            return
        code = frame.f_code
        resumed = id(frame) in begun
        if code.co_flags & WAITING and not resumed:
            begun.add(id(frame))
            frames.append(frame)
        is_generator = bool(code.co_flags & inspect.CO_GENERATOR)
        position = module, code.co_qualname, code.co_firstlineno, caller_of(frame)
        calls.append(Call(*position, is_generator, resumed))

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def within(module, names):
    return any(module == name or module.startswith(f"{name}.") for name in names)


def drives(module):
    """Tell whether *module* drives a call, or decides about it."""
    return (kind_of(module) in LAYERS or module in DRIVING) and not within(module, TYPES)


def measure(calls):
    """Return the way of *calls*."""
    order = (call.module for call in calls if call.begins and drives(call.module))
    stays = [module for module, _ in groupby(order)]
    return Way(modules=len({*stays}), stays=len(stays))
