"""A challenge as an origin sends it: every form of every member, and each refusal by its name."""

import json
import math
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal import ijson
from counterseal._input_limits import challenge_life, question_fits
from counterseal.challenges.documents.question import (
    QUESTION_MEMBERS,
    content_document,
    question_document,
    read_duration,
    read_question,
    read_user_info,
    request_document,
)
from counterseal.errors import InvalidField
from counterseal.models import (
    DEFAULT_BUTTONS,
    Action,
    Button,
    HtmlContent,
    Pair,
    PairsContent,
    Question,
    RequestContext,
    TextContent,
    guid,
)
from counterseal.models.clients import CURRENT, CX
from counterseal.policy import STANDARD
from counterseal_testing import strategies

CHALLENGES = Path(__file__).parents[2] / "vectors" / "challenges"
BODY = {"accountId": "user-42", "content": "Log in?"}
DEVICE = guid.mint(7, bytes(15))
YES, NO = {"title": "Yes", "strongAuth": True}, {"title": "No", "strongAuth": False}


def read(**members):
    return read_question({**BODY, **members})


def fits(question):
    """Take a question all the way to where it would be asked."""
    question_fits(question, STANDARD)
    return challenge_life(question, STANDARD)


class TestTheCallsOfOldClients:
    """Bodies as programs send them that were written for the CX service."""

    def load(self, name):
        body = ijson.parse((CHALLENGES / f"{name}.json").read_bytes())
        question = read_question(body, account_id="alice")
        fits(question)
        return question

    def test_the_files_are_all_read(self):
        stems = {path.stem for path in CHALLENGES.glob("*.json")}
        assert stems == {"html", "login", "payment", "plain-text", "two-headings", "validation"}

    def test_plain_text(self):
        assert self.load("plain-text") == Question(
            account_id="alice",
            content=TextContent(text="Did you just send yourself a notification?"),
            duration=timedelta(minutes=10),
        )

    def test_html(self):
        assert self.load("html") == Question(
            account_id="alice",
            content=HtmlContent(html="<html><body><p>Are you trying to log in?</p></body></html>"),
            duration=timedelta(minutes=2),
            additional_info="{'viewType': 'html', 'format': 'standard'}",
        )

    def test_a_login(self):
        pair = Pair(key="Logging in?", value="Tap below to approve the login.")
        assert self.load("login") == Question(
            account_id="user-7",
            content=PairsContent(title="Login to Milo", pairs=(pair,)),
            buttons=(
                Button(title="Approve", strong=True, style='{"color": "green"}', approving=True),
                Button(title="Reject", strong=False, style='{"color": "red"}'),
            ),
            duration=timedelta(minutes=2),
            additional_info="{'viewType': 'html', 'format': 'standard'}",
            callback="https://milo.example.com/auth/processRequest",
            show_notification=True,
        )

    def test_a_payment_with_three_buttons(self):
        question = self.load("payment")
        assert [(button.title, button.strong, button.approving) for button in question.buttons] == [
            ("Pay", True, True),
            ("Do not pay", False, False),
            ("Not me", False, False),
        ]
        assert question.content.pairs[1].value == "Zoë Example, account ending 4711"
        assert question.duration == timedelta(seconds=90)
        assert question.transaction_id == "pay-2041"

    def test_two_headings(self):
        question = self.load("two-headings")
        assert question.content.pairs[1].value == "Another, with Zoë & <b>markup</b>"
        assert question.additional_info == {"template": True}
        assert [button.strong for button in question.buttons] == [False, True]

    def test_a_validation(self):
        question = self.load("validation")
        assert (question.show_code, question.show_notification) == (True, True)
        assert question.additional_info == {"template": "true"}
        assert question.transaction_id == '{"uid":"u-1","accountId":"user-42"}'
        assert question.notification_title == question.notification_body == "Validation Requested"
        assert question.callback == "https://auth.example.com/api/group-1/mfa/callback"


class TestAccountId:
    def test_is_demanded(self, refusing):
        with refusing("invalid_field", "accountId"):
            read_question({"content": "x"})

    def test_comes_from_elsewhere_only_if_the_body_has_none(self):
        assert read_question({"content": "x"}, account_id="alice").account_id == "alice"
        assert read_question(BODY, account_id="alice").account_id == "user-42"

    @pytest.mark.parametrize("value", ["", None, 42, ["user-42"], True])
    @pytest.mark.parametrize("other", [None, "alice"])
    def test_that_is_no_text_or_empty_is_refused_even_with_another_at_hand(
        self, value, other, refusing
    ):
        with refusing("invalid_field", "accountId"):
            read_question({**BODY, "accountId": value}, account_id=other)

    @pytest.mark.parametrize(
        ("profile", "allowed"), [(CURRENT, "a text"), (CX, "a text or a whole number")]
    )
    def test_that_is_refused_says_what_is_allowed(self, profile, allowed):
        with pytest.raises(InvalidField, match=f"^accountId: missing, empty or not {allowed}$"):
            read_question({**BODY, "accountId": ""}, profile=profile)


class TestWhatCxClientsSend:
    """A number as an id, and a line without a value: mistakes everywhere else."""

    def read(self, **members):
        return read_question({**BODY, **members}, profile=CX)

    @pytest.mark.parametrize("number", [7, 0, -12, 2**53 - 1])
    def test_a_whole_number_as_an_id_is_read_as_its_text(self, number):
        assert self.read(accountId=number).account_id == str(number)
        body = ijson.parse(f'{{"accountId": {number}, "content": "x"}}'.encode())
        assert read_question(body, profile=CX).account_id == str(number)

    @pytest.mark.parametrize("text", ["1.0", "1e3", "1E0", "-0.0", "0.5", "true", "null", "[7]"])
    def test_no_other_number_as_an_id_is(self, text, refusing):
        body = ijson.parse(f'{{"accountId": {text}, "content": "x"}}'.encode())
        with refusing("invalid_field", "accountId"):
            read_question(body, profile=CX)

    @pytest.mark.parametrize("number", [2**53, -(2**53), pytest.param(10**5000, id="huge")])
    def test_no_number_as_an_id_is_that_programs_round(self, number, refusing):
        with refusing("invalid_field", "accountId"):
            self.read(accountId=number)

    @given(st.integers(-(2**53) + 1, 2**53 - 1))
    def test_a_number_and_its_text_are_one_account(self, number):
        assert self.read(accountId=number) == self.read(accountId=str(number))

    @pytest.mark.parametrize("line", [{"key": "K"}, {"key": "K", "value": None}])
    def test_a_line_without_a_value_is_one_with_an_empty_value(self, line):
        content = self.read(content={"title": "T", "keys": [line]}).content
        assert content == PairsContent(title="T", pairs=(Pair(key="K", value=""),))

    @pytest.mark.parametrize("line", [{"value": "V"}, {"key": "K", "value": 10}])
    def test_a_line_without_a_key_or_with_another_value_is_refused(self, line, refusing):
        with refusing("invalid_field", "content.keys[0]." + ("value" if "key" in line else "key")):
            self.read(content={"title": "T", "keys": [line]})

    def test_their_files_are_read_as_for_everybody(self):
        for path in CHALLENGES.glob("*.json"):
            body = ijson.parse(path.read_bytes())
            ours = read_question(body, account_id="alice")
            assert read_question(body, account_id="alice", profile=CX) == ours


class TestUserInfo:
    @pytest.mark.parametrize("value", [None, "", "card 7"])
    @pytest.mark.parametrize("profile", [CURRENT, CX])
    def test_is_a_text(self, value, profile):
        assert read_user_info({"userInfo": value}, profile) == value
        assert read_user_info({}, profile) is None

    def test_of_cx_clients_may_be_an_object_and_is_its_text(self, refusing):
        body = {"userInfo": {"name": "Zoë", "tags": [1, None]}}
        assert read_user_info(body, CX) == '{"name":"Zoë","tags":[1,null]}'
        with refusing("invalid_field", "userInfo"):
            read_user_info(body, CURRENT)

    def test_of_cx_clients_that_i_json_cannot_hold_is_refused_by_name(self, refusing):
        with refusing("invalid_field", "userInfo"):
            read_user_info({"userInfo": {"name": "\ud800"}}, CX)

    @pytest.mark.parametrize(
        ("profile", "problem"), [(CURRENT, "not a text"), (CX, "not a text or an object")]
    )
    def test_that_is_refused_says_what_is_allowed(self, profile, problem):
        with pytest.raises(InvalidField, match=f"^userInfo: {problem}$"):
            read_user_info({"userInfo": 1}, profile)

    @pytest.mark.parametrize("value", [1, True, ["a"]])
    @pytest.mark.parametrize("profile", [CURRENT, CX])
    def test_is_nothing_else(self, value, profile, refusing):
        with refusing("invalid_field", "userInfo"):
            read_user_info({"userInfo": value}, profile)


class TestContent:
    @pytest.mark.parametrize(
        ("document", "content"),
        [
            ("Log in?", TextContent(text="Log in?")),
            ("<b>Log in?</b>", TextContent(text="<b>Log in?</b>")),
            ("see <html>", TextContent(text="see <html>")),
            ("<htmlx>", TextContent(text="<htmlx>")),
            ("<!doctype xml>", TextContent(text="<!doctype xml>")),
            ("<html>x", HtmlContent(html="<html>x")),
            (" \n<HTML lang='en'>x", HtmlContent(html=" \n<HTML lang='en'>x")),
            ("<!DOCTYPE html>x", HtmlContent(html="<!DOCTYPE html>x")),
            ({"text": "<html>x"}, TextContent(text="<html>x")),
            ({"html": "x"}, HtmlContent(html="x")),
            ({"title": "T"}, PairsContent(title="T", pairs=())),
            ({"title": "T", "keys": []}, PairsContent(title="T", pairs=())),
            (
                {"title": "T", "keys": [{"key": "K", "value": ""}, {"key": "K", "value": "V"}]},
                PairsContent(title="T", pairs=(Pair(key="K", value=""), Pair(key="K", value="V"))),
            ),
        ],
    )
    def test_in_every_form_is_read(self, document, content):
        assert read(content=document).content == content

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            (None, "content"),
            (1, "content"),
            (True, "content"),
            (["a list"], "content"),
            ({}, "content.title"),
            ({"text": ""}, "content.text"),
            ({"text": None}, "content.text"),
            ({"html": 1}, "content.html"),
            ({"html": ""}, "content.html"),
            ({"text": "x", "html": "y"}, "content.html"),
            ({"html": "y", "text": "x"}, "content.html"),
            ({"text": "x", "title": "y"}, "content.title"),
            ({"title": "y", "html": "x"}, "content.title"),
            ({"text": "x", "keys": []}, "content.keys"),
            ({"text": "x", "footer": "y"}, "content.footer"),
            ({"title": ""}, "content.title"),
            ({"title": 1}, "content.title"),
            ({"keys": []}, "content.title"),
            ({"title": "T", "keys": None}, "content.keys"),
            ({"title": "T", "keys": {}}, "content.keys"),
            ({"title": "T", "keys": "KV"}, "content.keys"),
            ({"title": "T", "keys": ["K"]}, "content.keys[0]"),
            ({"title": "T", "keys": [{"key": "K", "value": "V"}, []]}, "content.keys[1]"),
            ({"title": "T", "keys": [{"value": "V"}]}, "content.keys[0].key"),
            ({"title": "T", "keys": [{"key": "", "value": "V"}]}, "content.keys[0].key"),
            ({"title": "T", "keys": [{"key": "K"}]}, "content.keys[0].value"),
            ({"title": "T", "keys": [{"key": "K", "value": None}]}, "content.keys[0].value"),
            ({"title": "T", "keys": [{"key": "K", "value": 10}]}, "content.keys[0].value"),
            ({"title": "T", "keys": [{"key": "K", "value": "V", "x": 1}]}, "content.keys[0].x"),
            ({"title": "T", "footer": "small print"}, "content.footer"),
        ],
    )
    def test_that_is_malformed_is_refused_by_name(self, document, field, refusing):
        with refusing("invalid_field", field):
            read(content=document)

    def test_of_two_kinds_says_which_member_is_too_many(self):
        with pytest.raises(InvalidField, match=r"^content.html: not allowed beside content.text$"):
            read(content={"text": "x", "html": "y"})

    def test_is_demanded(self, refusing):
        with refusing("invalid_field", "content"):
            read_question({"accountId": "user-42"})

    @pytest.mark.parametrize("name", ["\u202esmall print", "x" * 100])
    def test_with_an_odd_member_shows_it_safely(self, name):
        for content in ({"title": "T", name: 1}, {"title": "T", "keys": [{name: 1}]}):
            with pytest.raises(InvalidField) as caught:
                read(content=content)
            assert caught.value.field.isprintable()
            assert len(caught.value.field) < 100


class TestButtons:
    @pytest.mark.parametrize("members", [{}, {"buttons": None}])
    def test_are_approve_and_reject_if_none_are_given(self, members):
        assert read(**members).buttons == DEFAULT_BUTTONS
        assert [(b.title, b.strong, b.approving) for b in DEFAULT_BUTTONS] == [
            ("Approve", True, True),
            ("Reject", False, False),
        ]

    def test_may_be_texts_that_hold_objects(self):
        assert read(buttons=[json.dumps(YES), NO]).buttons == read(buttons=[YES, NO]).buttons
        spaced = f"\n {json.dumps(YES)}"
        assert read(buttons=[spaced, NO]).buttons == read(buttons=[YES, NO]).buttons

    @pytest.mark.parametrize(
        ("flag", "strong"), [(True, True), (False, False), ("true", True), ("false", False)]
    )
    def test_are_strong_or_weak_each_for_itself(self, flag, strong):
        buttons = read(buttons=[{"title": "Yes", "strongAuth": flag}, NO]).buttons
        assert [button.strong for button in buttons] == [strong, False]

    @pytest.mark.parametrize(
        ("flags", "approving"),
        [
            ((None, None, None), [True, False, False]),
            ((True, None, None), [True, False, False]),
            ((None, True, None), [False, True, False]),
            ((None, "true", True), [False, True, True]),
            ((False, None, True), [False, False, True]),
            ((False, False, False), [False, False, False]),
            ((None, None, "false"), [False, False, False]),
            ((True, True, True), [True, True, True]),
        ],
    )
    def test_approve_as_they_say_or_the_first_if_none_says(self, flags, approving):
        buttons = [YES if value is None else {**YES, "approving": value} for value in flags]
        assert [button.approving for button in read(buttons=buttons).buttons] == approving

    def test_keep_their_order_and_their_style(self):
        buttons = read(buttons=[{**NO, "style": ""}, {**YES, "style": '{"color": "red"}'}]).buttons
        assert [(b.title, b.style) for b in buttons] == [("No", ""), ("Yes", '{"color": "red"}')]
        assert [b.style for b in read(buttons=[YES, {**NO, "style": None}]).buttons] == [None, None]

    @pytest.mark.parametrize("name", ["id", "strongauth", "Title", "styles", "approve", "x" * 99])
    def test_have_no_other_members_even_as_texts(self, name, refusing):
        button = {**YES, name: 1}
        for form in (button, json.dumps(button)):
            with refusing("invalid_field", f"buttons[1].{ijson.printable(name)}"):
                read(buttons=[NO, form])

    @pytest.mark.parametrize(
        ("buttons", "field"),
        [
            ("Approve", "buttons"),
            ({"0": YES, "1": NO}, "buttons"),
            (1, "buttons"),
            ([YES, "Approve"], "buttons[1]"),
            ([YES, "[]"], "buttons[1]"),
            ([YES, '{"title"'], "buttons[1]"),
            ([YES, '{"title": "a", "title": "b", "strongAuth": true}'], "buttons[1]"),
            ([YES, '{"title": "\\ud800", "strongAuth": true}'], "buttons[1].title"),
            ([YES, None], "buttons[1]"),
            ([[YES], NO], "buttons[0]"),
            ([{"title": "Yes"}, NO], "buttons[0].strongAuth"),
            ([{"strongAuth": True}, NO], "buttons[0].title"),
            ([{**YES, "title": ""}, NO], "buttons[0].title"),
            ([{**YES, "title": 1}, NO], "buttons[0].title"),
            ([YES, {**NO, "strongAuth": "maybe"}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": "True"}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": 1}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": 0}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": None}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": ""}], "buttons[1].strongAuth"),
            ([YES, {**NO, "strongAuth": []}], "buttons[1].strongAuth"),
            ([YES, {**NO, "approving": "maybe"}], "buttons[1].approving"),
            ([YES, {**NO, "approving": 0}], "buttons[1].approving"),
            ([YES, {**NO, "style": {"color": "red"}}], "buttons[1].style"),
            ([YES, {**NO, "style": 1}], "buttons[1].style"),
        ],
    )
    def test_that_are_malformed_are_refused_by_name(self, buttons, field, refusing):
        with refusing("invalid_field", field):
            read(buttons=buttons)

    def test_of_mere_titles_say_what_a_button_is(self):
        for buttons in (["Yes", "No"], [" [1]", "No"]):
            with pytest.raises(InvalidField) as caught:
                read(buttons=buttons)
            assert caught.value.problem == "neither an object nor a text of JSON that is one"

    @pytest.mark.parametrize(
        ("buttons", "field"),
        [
            ([], "buttons"),
            ([YES], "buttons"),
            ([YES] * 9, "buttons"),
            ([{**YES, "title": " "}, NO], "buttons[0].title"),
            ([{**YES, "approving": False}, NO], "buttons"),
            ([{**YES, "approving": True}, {**NO, "approving": True}], "buttons"),
        ],
    )
    def test_that_make_no_question_are_refused_when_it_is_asked(self, buttons, field, refusing):
        question = read(buttons=buttons)
        with refusing("invalid_field", field):
            fits(question)


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("90s", 90),
            ("2m", 120),
            ("10m", 600),
            ("1s", 1),
            ("0s", 0),
            ("007s", 7),
            ("9999m", 599_940),
            ("1h", 3_600),
            ("2d", 172_800),
            ("999999999d", 86_399_999_913_600),
            ("10", 10),
            (60, 60),
            (0, 0),
            (60.0, 60),
            (1e3, 1_000),
            (999_999_999, 999_999_999),
        ],
    )
    def test_is_a_whole_number_with_a_unit_or_of_seconds(self, text, seconds):
        assert read_duration(text) == timedelta(seconds=seconds)
        assert read(duration=text).duration == timedelta(seconds=seconds)

    @pytest.mark.parametrize("members", [{}, {"duration": None}])
    def test_may_be_left_to_the_policy(self, members):
        question = read(**members)
        assert question.duration is None
        assert fits(question) == STANDARD.challenge_life

    @pytest.mark.parametrize(
        "value",
        [
            "-1m",
            "+1m",
            "1w",
            "ten",
            "",
            "m",
            "h",
            "1.5m",
            "1 m",
            " 1m",
            "1m ",
            "1m\n",
            "1M",
            "1ms",
            "1m30s",
            "1000000000s",
            10**9,
            pytest.param(10**5000, id="huge"),
            -1,
            "1e3",
            "1e3s",
            "٢m",
            "²s",
            60.5,
            "60.0",
            1e9,
            1e300,
            math.inf,
            math.nan,
            True,
            ["1m"],
            {"m": 1},
        ],
    )
    def test_in_any_other_form_is_refused(self, value, refusing):
        with refusing("invalid_field", "duration"):
            read_duration(value)
        with refusing("invalid_field", "duration"):
            read(duration=value)

    @pytest.mark.parametrize("text", ["0s", "0m", 0, "601s", 601, "11m", "1h", "999999999d"])
    def test_outside_the_policy_is_refused_when_it_is_asked(self, text, refusing):
        question = read(duration=text)
        with refusing("invalid_field", "duration"):
            fits(question)

    @pytest.mark.parametrize(
        ("text", "problem"), [("1d", "at most 600 seconds"), ("0", "at least 1 second")]
    )
    def test_that_is_refused_says_what_is_allowed(self, text, problem):
        with pytest.raises(InvalidField) as caught:
            fits(read(duration=text))
        assert caught.value.problem == problem

    @pytest.mark.parametrize(
        ("text", "seconds"), [("1s", 1), ("600s", 600), ("10m", 600), (1, 1), ("600", 600)]
    )
    def test_at_the_edges_is_taken(self, text, seconds):
        assert fits(read(duration=text)) == timedelta(seconds=seconds)


class TestTheRest:
    @pytest.mark.parametrize(
        ("member", "field"),
        [
            ("transactionId", "transaction_id"),
            ("callback", "callback"),
            ("notificationTitle", "notification_title"),
            ("notificationBody", "notification_body"),
        ],
    )
    def test_optional_texts(self, member, field, refusing):
        assert getattr(read(**{member: "x"}), field) == "x"
        assert getattr(read(**{member: None}), field) is None
        assert getattr(read(), field) is None
        for value in (1, True, ["x"], {"x": 1}):
            with refusing("invalid_field", member):
                read(**{member: value})

    @pytest.mark.parametrize(
        ("member", "field", "default"),
        [("showCode", "show_code", False), ("showNotification", "show_notification", True)],
    )
    def test_flags(self, member, field, default, refusing):
        assert getattr(read(), field) is default
        for value, flag in ((True, True), (False, False), ("true", True), ("false", False)):
            assert getattr(read(**{member: value}), field) is flag
        for value in ("maybe", "TRUE", "", 1, 0, None, [], {}):
            with refusing("invalid_field", member):
                read(**{member: value})

    @pytest.mark.parametrize("value", [None, "", "{'viewType': 'html'}", {}, {"a": [1, None]}])
    def test_additional_info_is_read_as_it_is(self, value):
        assert read(additionalInfo=value).additional_info == value

    @pytest.mark.parametrize("value", [1, True, ["a list"], 1.5])
    def test_additional_info_of_another_form_is_refused(self, value, refusing):
        with refusing("invalid_field", "additionalInfo"):
            read(additionalInfo=value)

    @pytest.mark.parametrize(
        "name", ["viewType", "guid", "showcode", "button", "\u202ex", "x" * 99]
    )
    def test_other_members_are_refused_by_name(self, name, refusing):
        with refusing("invalid_field", ijson.printable(name)):
            read(**{name: "x"})

    def test_its_members_are_those_of_a_whole_question(self):
        question = read(deviceGuid=DEVICE, context={"ipAddress": "192.0.2.7"})
        assert set(question_document(question)) == QUESTION_MEMBERS - {"action"}
        action = Action(type="tool-call", resource="send", arguments={})
        members = set(question_document(attrs.evolve(question, content=action)))
        assert members == QUESTION_MEMBERS - {"content"}

    @pytest.mark.parametrize("body", [None, [], [BODY], "x", 1])
    def test_a_challenge_is_a_json_object(self, body, refusing):
        with refusing("invalid_field", "challenge"):
            read_question(body)
        with refusing("invalid_field", "challenge"):
            read_question(body, account_id="alice")

    @pytest.mark.parametrize(
        ("member", "value", "field"),
        [
            ("accountId", "\ud800", "accountId"),
            ("content", "half a pair: \ud83d", "content"),
            ("content", {"title": "\ud800"}, "content.title"),
            (
                "content",
                {"title": "T", "keys": [{"key": "K", "value": "\udfff"}]},
                "content.keys[0].value",
            ),
            ("buttons", [YES, {**NO, "title": "\ud800"}], "buttons[1].title"),
            ("additionalInfo", {"a": ["\ud800"]}, "additionalInfo.a[0]"),
            ("transactionId", "\ud800", "transactionId"),
            ("notificationBody", "\ufffe", "notificationBody"),
        ],
    )
    def test_half_a_character_is_refused_by_name(self, member, value, field, refusing):
        question = read(**{member: value})
        with refusing("invalid_field", field):
            fits(question)

    def test_half_a_character_in_json_is_refused_before_that(self, refusing):
        with refusing("invalid_field"):
            ijson.parse('{"accountId": "a", "content": "\\ud83d"}')

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["title", "keys", "key", "value", "text", "strongAuth", "a"]), inner
            )
        ),
        max_leaves=6,
    )

    SOUND_BODIES = st.fixed_dictionaries(
        {
            "content": st.text("Pay?", min_size=1),
            "buttons": st.just([YES, NO]),
            "duration": st.integers(1, 60),
        }
    )
    OTHER = (
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ["accountId", "content", "buttons", "duration", "additionalInfo", "showCode"], JSON
            ),
        )
        | JSON
    )

    @enough_is_read
    @given(mostly_sound(SOUND_BODIES, OTHER))
    def test_a_body_of_any_shape_is_read_or_refused(self, body):
        question = read_or_refuse(partial(read_question, account_id="alice"), body, InvalidField)
        if question is not None:
            assert question.account_id == "alice"
            # As `content` an empty text is read, and refused later; as `content.text` it is not.
            if question.content != TextContent(text=""):
                assert read_question(request_document(question)) == question


QUESTION = read(buttons=[{**YES, "style": "s"}, NO])
OTHER = {
    "account_id": "user-43",
    "content": HtmlContent(html="Log in?"),
    "buttons": DEFAULT_BUTTONS,
    "duration": timedelta(seconds=90),
    "additional_info": "{}",
    "transaction_id": "",
    "callback": "https://example.com/",
    "notification_title": "x",
    "notification_body": "x",
    "show_code": True,
    "show_notification": False,
    "device": DEVICE,
    "context": RequestContext(place="Bern"),
}


class TestTheQuestionAsADocument:
    """What tells one question from another, where an idempotency key is used twice."""

    def test_holds_every_member(self):
        assert OTHER.keys() == {field.name for field in attrs.fields(Question)}

    def test_names_each_member_as_the_call_does(self):
        assert question_document(QUESTION).keys() == {
            "accountId",
            "content",
            "buttons",
            "duration",
            "additionalInfo",
            "transactionId",
            "callback",
            "notificationTitle",
            "notificationBody",
            "showCode",
            "showNotification",
        }

    @pytest.mark.parametrize("field", OTHER)
    def test_differs_with_each_member(self, field):
        other = attrs.evolve(QUESTION, **{field: OTHER[field]})
        documents = [ijson.canonical(question_document(q)) for q in (QUESTION, other)]
        assert documents[0] != documents[1]

    @pytest.mark.parametrize("field", [field.name for field in attrs.fields(Button)])
    def test_differs_with_each_member_of_a_button(self, field):
        first, second = QUESTION.buttons
        value = {"title": "Da", "strong": False, "style": None, "approving": False}[field]
        changed = attrs.evolve(first, **{field: value})
        other = attrs.evolve(QUESTION, buttons=(changed, second))
        documents = [ijson.canonical(question_document(q)) for q in (QUESTION, other)]
        assert documents[0] != documents[1]

    def test_tells_an_object_from_a_text_that_holds_it(self):
        documents = [
            ijson.canonical(question_document(read(additionalInfo=info)))
            for info in ({}, "{}", None, "")
        ]
        assert len(set(documents)) == len(documents)

    @pytest.mark.parametrize(
        "content",
        [
            TextContent(text="x"),
            HtmlContent(html="x"),
            PairsContent(title="x", pairs=()),
            PairsContent(title="x", pairs=(Pair(key="a", value="b"), Pair(key="c", value=""))),
        ],
    )
    def test_the_documents_content_is_read_as_the_same_content(self, content):
        assert read(content=content_document(content)).content == content


@given(strategies.questions())
def test_the_body_of_a_question_is_read_again(question):
    document = json.loads(ijson.compact(request_document(question)))
    assert read_question(document) == question
    assert None not in document.values()
    assert ("buttons" in document) is (question.buttons != DEFAULT_BUTTONS)


def test_the_body_of_a_question_has_what_is_said_only():
    question = read()
    assert request_document(question).keys() == {
        *("accountId", "content", "showNotification", "showCode"),
    }
    assert request_document(attrs.evolve(question, callback="https://example.com/")) == {
        **request_document(question),
        "callback": "https://example.com/",
    }
    buttons = (Button(title="A", strong=True, style=None, approving=True),)
    assert request_document(attrs.evolve(question, buttons=buttons))["buttons"] == [
        {"title": "A", "strongAuth": True, "approving": True}
    ]


@pytest.mark.parametrize("seconds", [0.5, 1.5, 90.001])
def test_a_part_of_a_second_is_refused(refusing, seconds):
    question = attrs.evolve(read(), duration=timedelta(seconds=seconds))
    with refusing("invalid_field", "duration"):
        request_document(question)
