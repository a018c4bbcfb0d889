"""A tool's call: each argument is displayed, exactly, and nothing is shortened."""

import pytest
from action_strategies import NAMES, NOW
from hypothesis import given
from hypothesis import strategies as st
from rendering_inverse import read_text

from counterseal.actions import STANDARD_ACTIONS, argument_rows, visible_text
from counterseal.errors import InvalidField
from counterseal.models import Action


def rendered(arguments, **members):
    members = {"type": "tool-call", "resource": "t", "valid_until": NOW, **members}
    return STANDARD_ACTIONS.render(Action(arguments=arguments, **members))


@given(st.text(st.characters(exclude_categories=[])) | NAMES)
def test_a_visible_text_can_be_read_back_and_has_no_hidden_space(text):
    line = visible_text(text)
    assert read_text(line) == text
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
        # RFC 8785 sorts by UTF-16: U+1F600 before U+FB50.
        ({"\ufb50": 1, "\U0001f600": 2}, [('$["\U0001f600"]', "2"), ('$["\ufb50"]', "1")]),
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
