"""At a chosen line of an adapter, another caller comes, once."""

import threading
from datetime import timedelta

import pytest

from counterseal_testing.contracts import lines
from counterseal_testing.contracts.lines import interleaved


class Adapter:
    def __init__(self):
        self.calls = []
        self.lock = threading.Lock()

    def commit(self, name):
        self.calls.append(f"{name} begins")
        self.calls.append(f"{name} ends")
        return name

    def commit_alone(self, name):
        with self.lock:
            return self.commit(name)

    def fail(self):
        raise LookupError


def calls_at(line, verb):
    """Return the order of two calls, and how they ended."""
    adapter = Adapter()
    call = getattr(adapter, verb)
    end = interleaved(lambda: call("a"), lambda: call("b"), adapter=adapter, line=line)
    return adapter.calls, end


@pytest.mark.parametrize(
    ("line", "order"), [(1, "b b a a"), (2, "a b b a"), (3, "a a b b"), (4, "a a")]
)
def test_a_call_comes_at_a_line(line, order):
    calls, end = calls_at(line, "commit")

    assert " ".join(call[0] for call in calls) == order
    assert (end.first, end.second) == ("a", "b" if "b" in order else None)
    assert end.line.startswith("test_lines.py:") is ("b" in order)


def test_a_call_that_has_to_wait_comes_afterwards():
    calls, end = calls_at(3, "commit_alone")

    assert calls == ["a begins", "a ends", "b begins", "b ends"]
    assert end.line


def test_what_the_other_call_raises_is_raised():
    adapter = Adapter()

    with pytest.raises(LookupError):
        interleaved(lambda: adapter.commit("a"), adapter.fail, adapter=adapter, line=0)


def test_a_call_that_does_not_come_back_is_named(monkeypatch):
    monkeypatch.setattr(lines, "PATIENCE", timedelta(0))
    adapter, end = Adapter(), threading.Event()

    with pytest.raises(AssertionError, match=r"test_lines.py:\d+ did not come back"):
        interleaved(lambda: adapter.commit("a"), end.wait, adapter=adapter, line=0)
    end.set()
