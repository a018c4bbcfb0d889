"""The list of what the audit log calls things has whatever the core records."""

import ast

import pytest
from folders import SOURCE
from test_everything_is_recorded import CHANGES
from trees import tree_of

from counterseal.bindings.chart import BindingEvent
from counterseal.models import ChallengeState
from counterseal.models.event_names import EVENT_NAMES, VERBS
from counterseal.outbox.chart import CallbackEvent

pytestmark = pytest.mark.one_python

FIELDS = frozenset({"action.arguments", "action.language", "action.type", "credential.id"}) | {
    "credential.response",
    "credential.type",
}
"""Members of documents, which refusals name, and which look like names of events."""


def written_names():
    """Return the texts of the core that are names of events, by their noun."""
    return {
        node.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(tree_of(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.islower()
        and node.value.isascii()
        and node.value.partition(".")[0] in VERBS
        and node.value.partition(".")[2].replace("_", "").isalpha()
    }


def recorded_nouns():
    """Return the nouns of what is handed to the log under the keyword `event`, or as context."""
    return {
        keyword.value.value.partition(".")[0]
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(tree_of(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"AuditContext", "AuditEvent"}
        for keyword in node.keywords
        if keyword.arg == "event" and isinstance(keyword.value, ast.Constant)
    }


def test_whatever_the_core_writes_is_in_the_list():
    assert written_names() - FIELDS <= EVENT_NAMES
    assert recorded_nouns() <= VERBS.keys()
    assert CHANGES <= EVENT_NAMES


def test_so_is_what_it_puts_together():
    """A state or an event of a chart is the verb of some names, and a worker's claim of two."""
    assert {f"binding.{event.value}" for event in BindingEvent} <= EVENT_NAMES
    assert {f"callback.{event.value}" for event in CallbackEvent} <= EVENT_NAMES
    ended_states = set(ChallengeState) - {ChallengeState.PENDING, ChallengeState.SEEN}
    assert {f"challenge.{state.value.lower()}" for state in ended_states} <= EVENT_NAMES


def test_nothing_else_is_in_it():
    """A name that nothing records would be a choice that never finds anything."""
    put_together = {
        *(f"binding.{event.value}" for event in BindingEvent),
        *(f"callback.{event.value}" for event in CallbackEvent),
        *(f"challenge.{state.value.lower()}" for state in ChallengeState),
        *(
            f"{noun}.{verb}"
            for noun in ("callback", "notification")
            for verb in ("claim", "attempt")
        ),
        *("challenge.push", "binding.push"),
    }
    assert written_names() | put_together >= EVENT_NAMES
