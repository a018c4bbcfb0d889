"""Actions: what fits, whose refusals name the member as JSON has it, and that nothing changes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from counterseal.errors import InvalidField
from counterseal.models import Action

GOOD = {"type": "tool-call", "resource": "send_mail", "arguments": {}}


def action(**members):
    return Action(**{**GOOD, **members})


@pytest.mark.parametrize("name", ["a", "tool-call", "urn:counterseal:x", "v1.payment2", "a" * 64])
def test_a_type_is_lower_case_words(name):
    assert action(type=name).type == name


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a_b", "a--b", "-a", "a-", "a b", "a\n", "é", "a" * 65, None, 7]
)
def test_another_type_is_refused(name):
    with pytest.raises(InvalidField) as caught:
        action(type=name)
    assert caught.value.field == "action.type"


@pytest.mark.parametrize("tag", ["en", "de", "gsw", "pt-BR", "zh-Hant-TW", "en" + "-x2345678" * 3])
def test_a_language_is_a_tag(tag):
    assert action(language=tag).language == tag


@pytest.mark.parametrize(
    "tag", ["", "e", "EN", "german", "en_GB", "en-", "en" + "-x2345678" * 4, 7]
)
def test_another_language_is_refused(tag):
    with pytest.raises(InvalidField) as caught:
        action(language=tag)
    assert caught.value.field == "action.language"


@pytest.mark.parametrize("name", ["resource", "agent", "run", "purpose"])
def test_a_text_has_a_length(name):
    limit = 1024 if name == "purpose" else 256
    assert getattr(action(**{name: "ß" * (limit // 2)}), name) == "ß" * (limit // 2)
    for bad in ("", 7, "ß" * (limit // 2) + "x", "\ud800", "\ufdd0"):
        with pytest.raises(InvalidField) as caught:
            action(**{name: bad})
        assert caught.value.field == f"action.{name}"


def test_a_resource_is_needed_and_the_other_texts_are_not():
    with pytest.raises(InvalidField):
        action(resource=None)
    assert action(agent=None, run=None, purpose=None).purpose is None


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 29),  # noqa: DTZ001 (that is the fault)
        datetime(2026, 11, 29, tzinfo=timezone(timedelta(hours=1))),
        "2026-11-29T00:00:00.000Z",
    ],
)
def test_a_time_is_in_utc(moment):
    with pytest.raises(InvalidField) as caught:
        action(valid_until=moment)
    assert caught.value.field == "action.validUntil"
    now = datetime(2026, 11, 29, tzinfo=UTC)
    assert action(valid_until=now).valid_until == now


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (None, "action.arguments"),
        ([], "action.arguments"),
        ("{}", "action.arguments"),
        ({"a": {"b": [1, float("inf")]}}, "action.arguments.a.b[1]"),
        ({"a": float("nan")}, "action.arguments.a"),
        ({"a": 2**53}, "action.arguments.a"),
        ({"a": -(2**53)}, "action.arguments.a"),
        ({"a": "\udfff"}, "action.arguments.a"),
        ({"a": {"\ud800": 1}}, "action.arguments.a"),
        ({"a": "\uffff"}, "action.arguments.a"),
        ({"a": {1: 2}}, "action.arguments.a"),
        ({"a": b""}, "action.arguments.a"),
        ({"a": {1}}, "action.arguments.a"),
    ],
)
def test_arguments_are_i_json_with_whole_numbers(arguments, field):
    with pytest.raises(InvalidField) as caught:
        action(arguments=arguments)
    assert caught.value.field == field


def test_arguments_that_are_nested_without_end_are_refused():
    endless = {}
    endless["a"] = endless
    with pytest.raises(InvalidField) as caught:
        action(arguments=endless)
    assert caught.value.problem == "nested too deeply"


def test_a_whole_number_is_an_integer_however_it_was_written():
    arguments = action(arguments={"a": 60.0, "b": -0.0, "c": [2.0**53 - 1], "d": True}).arguments
    assert arguments == {"a": 60, "b": 0, "c": [2**53 - 1], "d": True}
    assert [type(value) for value in (*arguments.values(), arguments["c"][0])] == [
        int,
        int,
        list,
        bool,
        int,
    ]


def test_who_changes_the_arguments_later_changes_no_action():
    mine = {"to": ["ann"], "more": {"a": ()}}
    stored = action(arguments=mine)
    mine["to"].append("eve")
    mine["more"]["a"] = 1
    assert stored.arguments == {"to": ["ann"], "more": {"a": []}}


def test_a_representation_has_no_content():
    assert "secret" not in repr(action(arguments={"a": "secret"}, purpose="secret"))
