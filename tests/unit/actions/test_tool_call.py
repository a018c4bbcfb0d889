"""A tool's call: each argument is displayed, exactly, and the rows can be read back."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal.actions import STANDARD_ACTIONS, argument_rows, visible_text
from counterseal.errors import ActionTypeUnknown, InvalidField
from counterseal.models import Action

NOW = datetime(2026, 11, 29, 17, 0, 0, 250_000, tzinfo=UTC)

TRICKY = st.sampled_from(
    ["a", "b", "a.b", "a[0]", '["a"]', "$", "$.a", "", " ", "  ", "a ", "Tool", "Agent", "0"]
) | st.sampled_from(
    ["1", "null", "true", "{}", "[]", '"', "\\", "\n", "<U+202E>", "\u202e", "\u200b", "<U+", "ä"]
)
NAMES = TRICKY | st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | NAMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


def read_back(text):
    """Undo the notation of characters that a screen would not show."""
    return re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), text)


STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


def steps(path):
    """Return the names and indexes of a JSONPath; RFC 9535 read anew, for the rows alone."""
    assert path[0] == "$"
    position, names = 1, []
    while position < len(path):
        match = STEP.match(path, position)
        assert match, path
        name, index, quoted = match.groups()
        names.append(name if name is not None else int(index) if index else json.loads(quoted))
        position = match.end()
    return names


def rebuilt(rows):
    """Return the arguments that *rows* display."""
    top = {}
    for row in rows:
        path = ["$", *steps(read_back(row.key))]
        node = top
        for step, following in zip(path, [*path[1:], None], strict=True):
            last = following is None
            value = json.loads(read_back(row.value)) if last else [] if following == 0 else {}
            if isinstance(node, list):
                assert step == len(node) or step == len(node) - 1
                if step == len(node):
                    node.append(value)
            else:
                value = node.setdefault(step, value)
            node = node[step]
    return top["$"]


def tool_call(arguments, **members):
    members = {"type": "tool-call", "resource": "t", "valid_until": NOW, **members}
    return Action(arguments=arguments, **members)


def rendered(arguments, **members):
    return STANDARD_ACTIONS.render(tool_call(arguments, **members))


@given(ARGUMENTS)
@example({"a.b": 1, "a": {"b": 1}})
@example({"a[0]": 1, "a": [1]})
@example({"a": "1", "b": 1})
@example({"a": "null", "b": None, "c": "", "d": {}, "e": []})
@example({"": {"": ""}})
@example({"0": [[], {}], '["0"]': 1})
@example({"\u202e": "\u202e", "<U+202E>": "<U+202E>"})
def test_the_arguments_can_be_rebuilt_from_the_rows(arguments):
    assert rebuilt(argument_rows(arguments)) == arguments


@given(st.text(st.characters(exclude_categories=[])) | NAMES)
def test_a_visible_text_can_be_read_back_and_has_no_hidden_space(text):
    line = visible_text(text)
    assert read_back(line) == text
    assert line == " ".join(line.split())


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ({}, [("$", "{}")]),
        ({"to": "ann", "n": 1}, [("$.n", "1"), ("$.to", '"ann"')]),
        ({"a": {"b": [True, None]}}, [("$.a.b[0]", "true"), ("$.a.b[1]", "null")]),
        ({"a.b": "1"}, [('$["a.b"]', '"1"')]),
        ({"1": [], "": {}}, [('$[""]', "{}"), ('$["1"]', "[]")]),
        ({"ä": "ä\n\u202e  x"}, [('$["ä"]', '"ä\\n<U+202E> <U+0020>x"')]),
        # RFC 8785 sorts by UTF-16: U+1F600 before U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2}, [('$["\U0001f600"]', "2"), ('$["\ufb33"]', "1")]),
    ],
)
def test_the_rows_of_arguments(arguments, rows):
    assert [(row.key, row.value) for row in argument_rows(arguments)] == rows


def test_a_call_is_displayed_with_its_tool_and_with_who_wants_it():
    content = rendered(
        {"to": "ann"}, resource="send_mail", agent="Mail  agent", run="r7", purpose="Because"
    ).content
    assert content.title == "Run a tool"
    assert [(pair.key, pair.value) for pair in content.pairs] == [
        ("Tool", "send_mail"),
        ("$.to", '"ann"'),
        ("Agent", "Mail <U+0020>agent"),
        ("Run", "r7"),
        ("Purpose", "Because"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]


def test_the_labels_are_in_the_language_of_the_action():
    content = rendered({}, language="de", agent="a", run="r", purpose="p").content
    assert content.title == "Ein Werkzeug ausführen"
    keys = ["Werkzeug", "$", "Agent", "Lauf", "Zweck", "Gültig bis"]
    assert [pair.key for pair in content.pairs] == keys


def test_forty_rows_are_displayed_and_no_more():
    assert len(rendered({"a": list(range(40))}).content.pairs) == 42
    with pytest.raises(InvalidField) as caught:
        rendered({"a": list(range(41))})
    assert caught.value.field == "action.arguments"
    assert caught.value.problem == "41 rows to check, more than 40"


def test_four_thousand_characters_are_displayed_and_no_more():
    # `$.a` and two quotation marks are five of them.
    assert rendered({"a": "x" * 3995}).content.pairs[1].value == f'"{"x" * 3995}"'
    with pytest.raises(InvalidField) as caught:
        rendered({"a": "x" * 3996})
    assert caught.value.field == "action.arguments"
    assert caught.value.problem == "4001 characters to check, more than 4000"
    with pytest.raises(InvalidField):
        rendered({"x" * 4000: 1})


def test_an_unknown_type_is_refused():
    with pytest.raises(ActionTypeUnknown):
        rendered({}, type="tool-calls")


def test_an_unknown_language_is_refused():
    with pytest.raises(InvalidField) as caught:
        rendered({}, language="fr")
    assert caught.value.field == "action.language"


def test_an_action_without_a_time_is_refused():
    with pytest.raises(InvalidField) as caught:
        rendered({}, valid_until=None)
    assert caught.value.field == "action.validUntil"
