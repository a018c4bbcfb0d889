"""The language in which an action is displayed: who chooses it, and what a repeat gets."""

import json
from datetime import timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal import STANDARD_ACTIONS, ActionTypes, ijson, keys
from counterseal.bindings.documents.enrolment import Update, update_document
from counterseal.bindings.records import SEEN_STEP
from counterseal.challenges.documents.question import question_document, read_question
from counterseal.errors import InvalidField, KeyReused
from counterseal.models import OPERATOR, Action
from counterseal.models.action import is_language
from counterseal_testing import FakeService

MINUTE = timedelta(minutes=1)
ACTION = Action(type="tool-call", resource="send_email", arguments={"copies": 2})
KEY = "order-17"
DISPLAYED = {
    "en": "en",
    "en-GB": "en",
    "de": "de",
    "de-AT": "de",
    "de-Latn-CH-1996": "de",
    "pt-BR": "en",
    "zh-Hant-TW": "en",
}
"""What is displayed to somebody who reads the language of a tag; nobody has texts in pt and zh."""


def speak(service, phone, language):
    service.devices.update(phone.call("/device", body_of(language)))


def body_of(language):
    return json.dumps(update_document(Update(language=language))).encode()


def ask(service, *, origin_language=None, **more):
    return service.ask("alice", attrs.evolve(ACTION, language=origin_language), **more).challenge


def language_of(challenge):
    document = ijson.parse(challenge.display)
    language = document["action"]["language"]
    # The title and the buttons are in the language that the document says.
    displayed = attrs.evolve(ACTION, language=language)
    titles = [button.title for button in STANDARD_ACTIONS.buttons(displayed)]
    assert [button["title"] for button in document["buttons"]] == titles
    assert [button.title for button in challenge.buttons] == titles
    return language


def test_without_a_language_an_action_is_displayed_in_english(service):
    service.bind("alice")
    assert language_of(ask(service)) == "en"


@pytest.mark.parametrize(("tag", "displayed"), DISPLAYED.items())
def test_an_action_is_displayed_in_the_language_of_the_device(service, tag, displayed):
    service.bind("alice", language=tag)
    assert language_of(ask(service)) == displayed


def test_what_the_origin_names_counts_more_than_the_device(service):
    service.bind("alice", language="de")
    assert language_of(ask(service, origin_language="en")) == "en"


def test_the_language_of_an_origin_is_not_replaced_by_a_similar_one(service):
    service.bind("alice", language="de")
    with pytest.raises(InvalidField, match=r"action\.language"):
        ask(service, origin_language="de-AT")


def test_a_bound_device_changes_its_language(service):
    phone = service.bind("alice", language="de")
    speak(service, phone, "en-GB")
    assert language_of(ask(service)) == "en"
    assert service.stored(phone.guid).language == "en-GB"


def test_the_only_device_that_is_asked_counts_more_than_the_one_seen_last(service):
    german = service.bind("alice", language="de")
    service.clock.advance(MINUTE)
    service.bind("alice", language="en")
    assert language_of(ask(service)) == "en"
    assert language_of(ask(service, device=german.guid)) == "de"


def test_a_device_that_names_no_language_is_asked_in_the_persons(service):
    silent = service.bind("alice")
    service.bind("alice", language="de")
    assert language_of(ask(service, device=silent.guid)) == "de"


def test_a_suspended_device_has_no_say(service):
    service.bind("alice", language="en")
    service.clock.advance(MINUTE)
    german = service.bind("alice", language="de")
    service.devices.suspend(german.guid, by=OPERATOR)
    assert language_of(ask(service)) == "en"
    service.devices.resume(german.guid, by=OPERATOR)
    assert language_of(ask(service)) == "de"


def test_who_was_seen_last_does_not_change_when_staff_acts_on_another_device(service):
    german = service.bind("alice", language="de")
    service.clock.advance(MINUTE)
    service.bind("alice", language="en")
    service.devices.suspend(german.guid, by=OPERATOR)
    service.devices.resume(german.guid, by=OPERATOR)
    assert language_of(ask(service)) == "en"


def test_who_chooses_a_language_is_seen_at_once(service):
    german = service.bind("alice", language="de")
    service.clock.advance(MINUTE)
    service.bind("alice", language="en")
    service.clock.advance(MINUTE)
    speak(service, german, "de-AT")
    assert language_of(ask(service)) == "de"


def test_a_text_is_asked_as_the_origin_wrote_it(service):
    service.bind("alice", language="de")
    challenge = service.ask("alice", "Pay?").challenge
    assert [button.title for button in challenge.buttons] == ["Approve", "Reject"]


@pytest.mark.parametrize(
    "tag", ["DE", "de_AT", "de-", "d", "de-AT ", "de\n", "x" * 36, "de-\u00e4"]
)
def test_what_is_no_language_tag_is_refused(service, tag):
    with pytest.raises(InvalidField, match="language"):
        service.bind("alice", language=tag)
    phone = service.bind("alice")
    with pytest.raises(InvalidField, match="language"):
        speak(service, phone, tag)
    assert service.stored(phone.guid).language == ""


def test_a_language_tag_has_35_characters_at_most():
    assert is_language("de-" + "a" * 8 + "-" + "b" * 8 + "-" + "c" * 8 + "-" + "d" * 5)
    assert not is_language("de-" + "a" * 8 + "-" + "b" * 8 + "-" + "c" * 8 + "-" + "d" * 6)


# The roster


def test_the_roster_has_the_language_and_when_the_device_was_seen(service):
    phone = service.bind("alice", language="de-AT")
    (device,) = service.account().devices
    stored = service.stored(phone.guid)
    assert (device.language, device.last_seen_at) == ("de-AT", stored.last_seen_at)


def test_the_roster_has_no_more_than_before_of_a_device_without_a_language(service):
    service.bind("alice")
    (device,) = service.account().devices
    assert (device.language, device.last_seen_at) == ("", None)


def test_the_account_is_stored_only_where_several_devices_have_a_language(service):
    german, silent = service.bind("alice", language="de"), service.bind("alice")
    for phone in (german, silent):
        service.clock.advance(SEEN_STEP)
        before = service.account()
        phone.pending()
        assert service.account() == before
    english = service.bind("alice", language="en")
    for phone in (german, english):
        service.clock.advance(SEEN_STEP)
        before = service.account()
        phone.pending()
        assert service.account().version == before.version + 1


def test_an_erased_device_has_no_language(service):
    phone = service.bind("alice", language="de")
    service.accounts.erase(service.account().guid, by=OPERATOR)
    assert service.stored(phone.guid).language == ""


class Oracle:
    """What the service has to know of the devices, written down without its records."""

    def __init__(self):
        self.languages, self.seen_at, self.states = {}, {}, {}

    def see(self, guid, now):
        if now - self.seen_at[guid] >= timedelta(hours=1):
            self.seen_at[guid] = now

    def expect(self, chosen, origin_language):
        if origin_language is not None:
            return origin_language
        able = [each for each in self.languages if self.states[each] == "ACTIVE"]
        able = [each for each in able if self.languages[each]]
        if chosen in able:
            return DISPLAYED[self.languages[chosen]]
        if not able:
            return "en"
        return DISPLAYED[self.languages[max(able, key=self.seen_at.__getitem__)]]


LANGUAGES = st.sampled_from(["", *DISPLAYED])
STEPS = st.tuples(
    st.sampled_from(["bind", "speak", "call", "call", "suspend", "resume", "revoke"]),
    st.integers(0, 3),
    LANGUAGES,
    st.integers(1, 90),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=14), st.integers(0, 3), st.sampled_from([None, None, "en", "de"]))
def test_the_language_is_the_origins_the_chosen_devices_the_last_ones_or_english(
    steps, chosen, origin_language
):
    service, oracle = FakeService(), Oracle()
    phones = []
    for language in ("de", "en-GB"):
        phone = service.bind("alice", language=language)
        phones.append(phone)
        oracle.languages[phone.guid], oracle.states[phone.guid] = language, "ACTIVE"
        oracle.seen_at[phone.guid] = service.clock.now()
        service.clock.advance(MINUTE)
    for step, index, language, minutes in steps:
        service.clock.advance(minutes * MINUTE)
        now = service.clock.now()
        if step == "bind" and len(phones) < 4:
            phone = service.bind("alice", language=language)
            phones.append(phone)
            oracle.languages[phone.guid], oracle.states[phone.guid] = language, "ACTIVE"
            oracle.seen_at[phone.guid] = now
            continue
        phone = phones[index % len(phones)]
        state = oracle.states[phone.guid]
        if step == "speak" and language and state == "ACTIVE":
            speak(service, phone, language)
            oracle.languages[phone.guid], oracle.seen_at[phone.guid] = language, now
        elif step == "call" and state == "ACTIVE":
            phone.pending()
            oracle.see(phone.guid, now)
        elif step == "suspend" and state == "ACTIVE":
            service.devices.suspend(phone.guid, by=OPERATOR)
            oracle.states[phone.guid] = "SUSPENDED"
        elif step == "resume" and state == "SUSPENDED":
            service.devices.resume(phone.guid, by=OPERATOR)
            oracle.states[phone.guid] = "ACTIVE"
        elif step == "revoke" and phone is not phones[0] and state != "REVOKED":
            service.devices.revoke(phone.guid, by=OPERATOR)
            oracle.states[phone.guid] = "REVOKED"
    if oracle.states[phones[0].guid] == "SUSPENDED":
        service.devices.resume(phones[0].guid, by=OPERATOR)
        oracle.states[phones[0].guid] = "ACTIVE"
    guid = phones[chosen % len(phones)].guid
    device = guid if chosen and oracle.states[guid] == "ACTIVE" else None

    challenge = ask(service, origin_language=origin_language, device=device)

    assert language_of(challenge) == oracle.expect(device, origin_language)


# Repeats


def test_s24_a_repeat_gets_the_first_document_whatever_device_was_seen_since(service):
    german = service.bind("alice", language="de")
    first = ask(service, idempotency_key=KEY)
    service.clock.advance(MINUTE)
    service.bind("alice", language="en")
    speak(service, german, "en")

    again = service.ask("alice", ACTION, idempotency_key=KEY)

    assert again.repeated
    assert again.challenge == first
    assert language_of(again.challenge) == "de"
    assert language_of(ask(service, idempotency_key="another")) == "en"


def test_s24_another_language_that_the_origin_names_is_another_question(service):
    service.bind("alice", language="de")
    first = ask(service, idempotency_key=KEY)
    with pytest.raises(KeyReused):
        ask(service, origin_language="de", idempotency_key=KEY)
    # Earlier clients name English wherever the origin names no language.
    assert ask(service, origin_language="en", idempotency_key=KEY) == first


def test_s24_an_action_without_a_language_is_compared_as_by_earlier_releases():
    question = {
        "accountId": "alice",
        "action": {"type": "tool-call", "resource": "send_email", "arguments": {"copies": 2}},
    }
    in_english = {**question, "action": {**question["action"], "language": "en"}}
    digests = {
        keys.digest(ijson.canonical(question_document(read_question(each))))
        for each in (question, in_english)
    }
    assert digests == {"a6JintsU6b1vciSohjBrNSu97syMvBB1_YmbUsEIJGc"}


def test_s24_a_refused_action_leaves_the_key_as_it_is(service):
    service.bind("alice", language="de")
    with pytest.raises(InvalidField):
        service.ask("alice", attrs.evolve(ACTION, language="nl"), idempotency_key=KEY)
    assert language_of(ask(service, idempotency_key=KEY)) == "de"


# Types


def test_a_type_without_texts_in_the_language_of_the_device_is_displayed_in_english():
    (english_only, *_) = (
        attrs.evolve(each, texts={"en": each.texts["en"]}) for each in STANDARD_ACTIONS
    )
    types = ActionTypes(english_only)
    assert types.find_language(english_only.name, "de-AT") == "en"
    assert "de" in types.languages


@given(st.sampled_from(sorted(STANDARD_ACTIONS.languages)), st.sampled_from(["", "-CH", "-x-y"]))
def test_each_language_of_the_service_is_found_by_its_tags(language, more):
    for each in STANDARD_ACTIONS:
        assert STANDARD_ACTIONS.find_language(each.name, language + more) == language


def test_an_unknown_type_has_no_language_of_its_own():
    assert STANDARD_ACTIONS.find_language("unknown", "de") == "en"
