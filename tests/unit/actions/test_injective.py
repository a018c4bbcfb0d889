"""Two different actions never look the same: every rendering can be read back."""

import re
from unicodedata import category, is_normalized, normalize

import pytest
from action_strategies import ARGUMENTS, NOW, OF_TYPE, TEXTS, actions
from hypothesis import example, given
from hypothesis import strategies as st
from rendering_inverse import inverse, tool_arguments

from counterseal.actions import COMMON_TEXTS, STANDARD_ACTIONS, argument_rows, visible_text
from counterseal.challenges.documents.action import action_document
from counterseal.models import Action, guid

CLIENT = guid.mint(7, bytes(15))


def tool_call(arguments, **members):
    members = {"type": "tool-call", "resource": "t", "valid_until": NOW, **members}
    return Action(arguments=arguments, **members)


@given(actions())
@example(tool_call({"Agent": 1, "Purpose": "x"}, agent="1"))
@example(tool_call({}, agent="a", purpose="Run"))
@example(tool_call({"Tool": "t"}, resource='"t"'))
def test_an_action_can_be_read_back_from_its_rendering(action):
    members = inverse(STANDARD_ACTIONS.render(action).content)
    # A row has the second, and the display's member `validUntil` the millisecond.
    assert members.pop("validUntil") == action.valid_until.strftime("%Y-%m-%d %H:%M:%S UTC")
    expected = action_document(action, CLIENT)
    for name in ("validUntil", "version", "client"):
        del expected[name]
    assert members == expected


@given(ARGUMENTS)
@example({"a.b": 1, "a": {"b": 1}})
@example({"a[0]": 1, "a": [1]})
@example({"a": "1", "b": 1})
@example({"a": "null", "b": None, "c": "", "d": {}, "e": []})
@example({"": {"": ""}})
@example({"0": [[], {}], '["0"]': 1})
@example({"\u202e": "\u202e", "<U+202E>": "<U+202E>"})
def test_arguments_can_be_rebuilt_from_their_rows(arguments):
    rows = [(row.key, row.value) for row in argument_rows(arguments)]
    assert tool_arguments(rows) == arguments


SPELLINGS = (
    "e",
    "\u0301",
    "\u0308",
    "\u0323",
    "\u0324",
    "\u00e9",
    "\u1100",
    "\u1161",
    "\u11a8",
    "\uac00",
)
INDIC_SPELLINGS = ("\u0958", "\u0915", "\u093c", "\u093f", "\u09c7", "\u09be")
OTHER_SPELLINGS = (*INDIC_SPELLINGS, "\u212b", "\u0628", "\u0651", "\u064e", "<", "U", "+")


@given(st.text(st.sampled_from(SPELLINGS + OTHER_SPELLINGS)))
@example("Zoe\u0308")
@example("e\u0301\u0324")
@example("\u1100\u1161\u11a8")
@example("\u0958\u093f")
@example("e\u0301\u0324\u093f")
def test_of_two_spellings_that_are_drawn_alike_one_is_written_out(text):
    (row,) = argument_rows({"name": text})
    assert tool_arguments([(row.key, row.value)]) == {"name": text}
    assert is_normalized("NFC", row.value)
    composed = normalize("NFC", text)
    (composed_row,) = argument_rows({"name": composed})
    assert (row == composed_row) is (text == composed)
    # A mark would stand on the bracket of what is written out before it.
    after_brackets = re.findall(">(.)", row.value)
    assert not [each for each in after_brackets if category(each).startswith("M")]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("\u0628\u0651\u064e", "\u0628\u0651<U+064E>"),
        ("\u05d1\u05bc\u05b8", "\u05d1\u05bc<U+05B8>"),
        ("\u0958\u093f", "<U+0958><U+093F>"),
        ("\ufb01\u2024\u2170\u00b5", "\ufb01\u2024\u2170\u00b5"),
    ],
    ids=["Arabic shadda", "Hebrew dagesh", "Hindi qa", "compatibility characters"],
)
def test_known_limits_of_visible_texts(text, row):
    """See the page about limitations."""
    assert visible_text(text) == row


def displayed(action):
    rendering = STANDARD_ACTIONS.render(action)
    return (action.type, action.language, action.valid_until, rendering)


@given(actions(), actions(), st.sampled_from(sorted(COMMON_TEXTS)))
def test_two_actions_have_two_renderings(one, other, language):
    if action_document(one, CLIENT) != action_document(other, CLIENT):
        assert displayed(one) != displayed(other)
    again = Action(
        type=one.type,
        resource=one.resource,
        arguments=one.arguments,
        valid_until=NOW,
        language=language,
    )
    stripped = Action(
        type=other.type,
        resource=other.resource,
        arguments=other.arguments,
        valid_until=NOW,
        language=language,
    )
    if action_document(again, CLIENT) != action_document(stripped, CLIENT):
        assert displayed(again) != displayed(stripped)


@given(st.data(), st.sampled_from(sorted(OF_TYPE)), TEXTS, st.sampled_from(sorted(COMMON_TEXTS)))
def test_one_changed_member_changes_the_rendering_in_each_language(data, name, resource, language):
    arguments = data.draw(OF_TYPE[name])
    changed = data.draw(OF_TYPE[name])
    one, other = (
        Action(type=name, resource=resource, arguments=each, valid_until=NOW, language=language)
        for each in (arguments, changed)
    )
    assert (displayed(one) == displayed(other)) is (one.arguments == other.arguments)
