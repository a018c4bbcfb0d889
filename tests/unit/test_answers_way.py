"""
The way of an answer through the core, as its page in the docs shows it, is the way that it takes.

A module is on the way if it belongs to the layers that drive a call or decide about it. All other
modules that the call enters are listed on the page as what it stands on; they call no module of
the way.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
from folders import kind_of
from ways import TYPES, drives, trace, within

from counterseal.errors import Conflict
from counterseal.memory import memory_ports

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "an-answers-way.md"
PICTURE = PAGE.with_suffix(".svg")

MODULES_LIMIT = 10


class ConflictingStore:
    """A store whose first commits conflict."""

    def __init__(self, store, conflicts):
        self._store = store
        self._conflicts = conflicts

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        if self._conflicts:
            self._conflicts -= 1
            raise Conflict
        self._store.commit(changes, audit, operation)


@pytest.fixture
def follow(service):
    """Trace one answer of a device whose strong key signs; *conflicts* of its commits conflict."""

    def run(conflicts=0):
        memory = memory_ports()
        adapters = {name: getattr(memory, name) for name in ("notifier", "entropy")}
        traced = service.but(store=ConflictingStore(service.store, conflicts), **adapters)
        phone = service.bind("alice")
        issued = service.ask("alice", "Pay?", show_code=True)
        body = service.signed(phone, issued.challenge, code=issued.code).encode()
        request = phone.call("/answers", body)
        calls = trace(lambda: traced.answers.answer(request))
        assert service.stored(issued.challenge.guid).approved
        return calls

    return run


def on_the_way(calls):
    """Return the modules of the way, in the order in which *calls* first enter them."""
    entered = dict.fromkeys(call.module for call in calls)
    return [name for name in entered if drives(name)]


def repeats(calls):
    """Count the entries into each function of the deciding modules."""
    functions = Counter(
        (call.module, call.function, call.line)
        for call in calls
        if kind_of(call.module) == "decisions"
        and not within(call.module, TYPES)
        and call.function != "__init__"
        and not call.generator
        and not call.resumed
    )
    return {(module, function): count for (module, function, _), count in functions.items()}


def rows(heading):
    """Return the names in code of each row of the page's table under *heading*, cell by cell."""
    _, _, text = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    lines = re.findall(r"^\|(.*)\|$", text.partition("\n## ")[0], re.MULTILINE)[2:]
    return [[re.findall(r"`([\w.]+)`", cell) for cell in line.split(" | ")] for line in lines]


def shown_modules():
    return [module for (module,), *_ in rows("Ten modules")]


def shown_apart():
    return [module for modules, *_ in rows("Modules that these modules use") for module in modules]


def boxes():
    """Return module and function of each box of the picture, from top to bottom."""
    texts = re.findall(r'class="(module|function)"[^>]*>([^<]+)</text>', PICTURE.read_text("utf-8"))
    modules = [text for kind, text in texts if kind == "module"]
    functions = [text for kind, text in texts if kind == "function"]
    return list(zip(modules, functions, strict=True))


def test_the_page_says_how_many_modules_the_call_enters(follow):
    (count,) = re.findall(r"the call enters (\d+) modules", PAGE.read_text(encoding="utf-8"))
    behind_ports = ("memory", "_memory_audit", "_local")
    modules = {call.module for call in follow() if not within(call.module, behind_ports)}
    assert len(modules) == int(count)


def test_an_answer_takes_the_way_that_the_page_shows(follow):
    assert on_the_way(follow()) == shown_modules()


def test_the_picture_shows_the_same_modules_and_functions_that_are_called(follow):
    called = {(call.module, call.function) for call in follow()}
    assert list(dict.fromkeys(module for module, _ in boxes())) == shown_modules()
    assert [box for box in boxes() if box not in called] == []


def test_the_functions_of_the_page_are_called_in_its_order(follow):
    called = iter([f"{call.module}.{call.function}" for call in follow()])
    functions = [function for _, names, _ in rows("Step by step") for function in names]
    assert len(functions) > MODULES_LIMIT
    assert [function for function in functions if function not in called] == []


def test_the_way_has_ten_modules_at_most(follow):
    assert 0 < len(on_the_way(follow())) <= MODULES_LIMIT


def test_every_other_module_is_shown_as_what_the_way_stands_on(follow):
    others = {call.module for call in follow()} - set(shown_modules())
    assert [module for module in sorted(others) if not within(module, shown_apart())] == []
    assert not {*shown_apart()} & {*shown_modules()}


def test_what_the_way_stands_on_calls_no_module_of_the_way(follow):
    upward = [
        f"{call.calling_module} -> {call.module}.{call.function}"
        for call in follow()
        if call.module in shown_modules() and within(call.calling_module, shown_apart())
    ]
    assert upward == []


def test_no_function_of_a_decision_is_entered_twice_without_a_conflict(follow):
    assert {name: count for name, count in repeats(follow()).items() if count > 1} == {}


def test_after_a_conflict_the_decision_is_made_again_and_what_happens_once_is_not(follow):
    calls = follow(conflicts=1)
    counts = repeats(calls)
    assert set(counts.values()) == {1, 2}
    assert {function for (_, function), count in counts.items() if count == 1} == {
        "open_request",
        "SubmittedAnswer.record_guid",
        "read_submitted_answer",
        "DeviceRequest.authenticate",
    }
    once = ("Answers.answer", "admit", "MemoryReplayGuard.first_seen")
    entries = Counter(call.function for call in calls)
    assert [entries[function] for function in once] == [1, 1, 1]
    # The origin that waits for the challenge, and the devices that wait for their account.
    assert entries["wake"] == 2
    assert on_the_way(calls) == shown_modules()
