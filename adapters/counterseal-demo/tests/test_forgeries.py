"""The demo's forgeries are real: what is not refused, the demo reports aloud."""

import json

import attrs
import pytest

from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.errors import WrongSignature
from counterseal_demo.approval_demo import forgeries
from counterseal_demo.approval_demo.forgeries import FORGERIES, Forgery

HONEST = Forgery(
    name="planted",
    description="Nothing is forged.",
    forge=lambda exchange: exchange.call(exchange.press(exchange.approving)),
    expected=WrongSignature,
)

RULES = {
    "changed amount": "display_matches",
    "swapped button": "signature_holds",
    "late": "in_time",
    "weak key for a strong button": "key_strong_enough",
    "wrong code": "code_matches",
}
"""Forgeries that only one rule of `answer` stands against."""


def leave_out(rule, monkeypatch):
    """Let the challenge's chart decide answers without one of their rules."""
    for (state, event), cell in CHALLENGE.cells.items():
        if event is ChallengeEvent.ANSWER:
            remaining = tuple(each for each in cell.validators if each.__name__ != rule)
            assert len(remaining) == len(cell.validators) - 1
            looser = attrs.evolve(cell, validators=remaining)
            monkeypatch.setitem(CHALLENGE.cells, (state, event), looser)


def faults(result):
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    return line.split("; ")


def test_there_are_ten_of_them():
    assert len({forgery.name for forgery in FORGERIES}) == 10


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["person", "program"])
def test_a_planted_one_that_is_accepted_fails_the_demo(run, monkeypatch, form):
    monkeypatch.setattr(forgeries, "FORGERIES", (*FORGERIES, HONEST))
    result = run("demo", *form)
    assert faults(result) == ["FORGERY ACCEPTED: planted"]
    if form:
        assert json.loads(result.stdout)["refusals"][-1] == {"attempt": "planted", "code": None}
    else:
        assert "planted - ACCEPTED" in result.stdout
        assert "10 of 11 forgeries were refused" in result.stdout


def test_one_that_is_refused_for_another_reason_fails_the_demo(run, monkeypatch):
    late = attrs.evolve(FORGERIES[3], expected=WrongSignature)
    monkeypatch.setattr(forgeries, "FORGERIES", (late,))
    assert faults(run("demo")) == ["late: refused as deadline_passed, and not as wrong_signature"]


@pytest.mark.parametrize(("name", "rule"), RULES.items())
def test_a_core_without_the_rule_accepts_the_forgery(run, monkeypatch, name, rule):
    leave_out(rule, monkeypatch)
    only = tuple(forgery for forgery in FORGERIES if forgery.name == name)
    monkeypatch.setattr(forgeries, "FORGERIES", only)
    assert faults(run("demo")) == [f"FORGERY ACCEPTED: {name}"]


def test_a_core_without_a_replay_guard_accepts_the_replay(run, monkeypatch):
    monkeypatch.setattr("counterseal.memory.MemoryReplayGuard.first_seen", lambda *_: True)
    assert faults(run("demo")) == ["FORGERY ACCEPTED: replay"]


def test_an_honest_answer_that_is_refused_fails_the_demo(run, monkeypatch):
    monkeypatch.setattr("counterseal.memory.MemoryReplayGuard.first_seen", lambda *_: False)
    result = run("demo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "refused: replayed: The same proof or request was accepted before.\n"


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        (
            {"title": "T 1", "keys": [{"key": "a", "value": "b"}, {"key": "c", "value": "19 EUR"}]},
            {"title": "T 1", "keys": [{"key": "a", "value": "b"}, {"key": "c", "value": "29 EUR"}]},
        ),
        (
            {"title": "T", "keys": [{"key": "a", "value": "b"}]},
            {"title": "T", "keys": [{"key": "a", "value": "b 1"}]},
        ),
        ({"title": "T", "keys": []}, {"title": "T 1", "keys": []}),
        ({"text": "at 9"}, {"text": "at 0"}),
        ({"html": "<html>"}, {"html": "<html> 1"}),
    ],
)
def test_what_is_changed_looks_like_an_amount(content, changed):
    assert forgeries._another(content) == changed
