"""Whatever the core can record has words, and nothing else has: read from the core's source."""

import ast
from pathlib import Path

import pytest

import counterseal
from counterseal.bindings.chart import BindingEvent
from counterseal.models import ChallengeState
from counterseal.outbox.chart import CallbackEvent
from counterseal_portal.event_labels import EVENTS, event_label

SOURCE = Path(counterseal.__file__).parent
NOUNS = {name.partition(".")[0] for name in EVENTS}
FIELDS = {
    *("action.arguments", "action.language", "action.type"),
    *("credential.id", "credential.response", "credential.type"),
}
"""Members of documents, which refusals name, and which look like names of events."""
PUT_TOGETHER = {
    *(f"binding.{event.value}" for event in BindingEvent),
    *(f"callback.{event.value}" for event in CallbackEvent),
    *(f"challenge.{state.value.lower()}" for state in ChallengeState),
    *("callback.attempt", "notification.claim", "notification.attempt"),
    *("challenge.push", "binding.push"),
} - {"challenge.pending", "challenge.seen"}
"""What is not written as a whole: a verb of a chart, and what workers do with two records."""


@pytest.fixture(scope="module")
def trees():
    """The core, module by module, without its fakes."""
    return [
        ast.parse(path.read_text("utf-8"))
        for path in SOURCE.rglob("*.py")
        if "testing" not in path.parts
    ]


@pytest.fixture(scope="module")
def written_names(trees):
    """Texts of the core like `noun.verb` whose noun is that of an event."""
    texts = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    parts = [text.partition(".") for text in texts if text.isascii() and text.islower()]
    return {
        f"{noun}.{verb}"
        for noun, _, verb in parts
        if noun in NOUNS and verb.replace("_", "").isalpha()
    }


def test_everything_that_the_core_can_record_has_words(trees, written_names):
    assert written_names - FIELDS <= EVENTS.keys()
    assert EVENTS.keys() >= PUT_TOGETHER
    assert nouns_of_contexts(trees) <= NOUNS
    assert all(event_label(name) not in {name, ""} for name in EVENTS)


def nouns_of_contexts(trees):
    """Return the nouns of what is handed to the log by its name, for nouns that are new."""
    return {
        keyword.value.value.partition(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"AuditContext", "AuditEvent"}
        for keyword in node.keywords
        if keyword.arg == "event" and isinstance(keyword.value, ast.Constant)
    }


def test_nothing_else_has_words(written_names):
    """A name that nothing records is a choice of the search that never finds anything."""
    assert EVENTS.keys() <= written_names | PUT_TOGETHER
