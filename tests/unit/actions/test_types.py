"""The registry: what it renders and refuses, how a type is registered, and the texts of types."""

from datetime import UTC, datetime

import attrs
import pytest
from action_strategies import NOW, actions
from hypothesis import given

from counterseal import ijson
from counterseal.actions import (
    COMMON_TEXTS,
    STANDARD_ACTIONS,
    ActionType,
    ActionTypes,
    Leaf,
    Rendering,
    check_members,
    member_rows,
    text_of,
)
from counterseal.challenges.documents.action import action_digest, attachment_document
from counterseal.challenges.documents.display import demand_display
from counterseal.challenges.documents.question import content_document
from counterseal.errors import ActionTypeUnknown, InvalidField
from counterseal.models import DEFAULT_BUTTONS, Action, PairsContent, guid
from counterseal.wire.members import format_time

CLIENT = guid.mint(7, bytes(15))
LANGUAGES = ("en", "de", "fr", "es", "it")
MEMBERS = {"server": Leaf("server", text_of(20), required=True)}
RESTART = ActionType(
    name="restart",
    check=lambda action: check_members(action.arguments, MEMBERS),
    render=lambda action, texts: Rendering(
        content=PairsContent(
            title=texts["title"], pairs=member_rows(action.arguments, MEMBERS, texts)
        )
    ),
    texts={
        "en": {"title": "Restart", "server": "Server"},
        "nl": {"title": "Herstarten", "server": "Server"},
    },
)
NL = {"approve": "Ja", "decline": "Nee", "validUntil": "Geldig tot"}


def restart(**members):
    return Action(
        **{
            "type": "restart",
            "resource": "web",
            "arguments": {"server": "web-7"},
            "valid_until": NOW,
            **members,
        }
    )


def test_the_standard_types():
    names = ["payment", "tool-call", "login", "document"]
    assert [each.name for each in STANDARD_ACTIONS] == names


def test_an_own_type_is_data_and_a_function():
    types = ActionTypes(*STANDARD_ACTIONS, RESTART)
    content = types.render(restart()).content
    assert [(pair.key, pair.value) for pair in content.pairs] == [
        ("Server", "web-7"),
        ("Valid until", "2026-11-29 17:00:00 UTC"),
    ]
    with pytest.raises(InvalidField) as caught:
        types.render(restart(arguments={}))
    assert caught.value.field == "action.arguments.server"


def test_an_unknown_type_is_refused():
    for call in (STANDARD_ACTIONS.render, STANDARD_ACTIONS.buttons):
        with pytest.raises(ActionTypeUnknown):
            call(restart())


def test_a_language_needs_the_texts_of_the_type_and_the_common_ones():
    common = {**COMMON_TEXTS, "nl": NL, "da": NL}
    assert ActionTypes(RESTART, common=common).render(restart(language="nl")).content.pairs[1]
    for types, language in (
        (ActionTypes(RESTART), "nl"),
        (ActionTypes(RESTART, common=common), "da"),
        (ActionTypes(RESTART), "de"),
    ):
        for call in (types.render, types.buttons):
            with pytest.raises(InvalidField) as caught:
                call(restart(language=language))
            assert caught.value.field == "action.language"


def test_an_action_without_a_time_is_refused():
    with pytest.raises(InvalidField) as caught:
        ActionTypes(RESTART).render(restart(valid_until=None))
    assert caught.value.field == "action.validUntil"


@pytest.mark.parametrize(
    ("language", "label"),
    [
        (language, texts[name])
        for language, texts in COMMON_TEXTS.items()
        for name in ("agent", "run", "purpose", "validUntil")
    ],
)
def test_no_row_of_a_type_has_a_common_label(language, label):
    """A device would show it as a claim of the agent, which nobody has verified."""
    own = {"title": "Restart", "server": label}
    kind = attrs.evolve(RESTART, texts={language: own})
    renamed = {**COMMON_TEXTS[language], **NL, "agent": "Agent2", "run": "Run2", "purpose": "Why"}
    for types in (ActionTypes(kind), ActionTypes(kind, common={language: renamed})):
        with pytest.raises(InvalidField) as caught:
            types.render(restart(language=language))
        assert caught.value.field == "action.type"


def test_no_row_of_a_type_has_a_common_label_of_the_service_own_texts():
    kind = attrs.evolve(RESTART, texts={"nl": {"title": "Herstarten", "server": NL["validUntil"]}})
    with pytest.raises(InvalidField) as caught:
        ActionTypes(kind, common={"nl": NL}).render(restart(language="nl"))
    assert caught.value.field == "action.type"


def test_a_common_label_of_another_language_is_no_common_label():
    kind = attrs.evolve(RESTART, texts={"de": {"title": "Neu starten", "server": "Purpose"}})
    (row, _) = ActionTypes(kind).render(restart(language="de")).content.pairs
    assert row.key == "Purpose"


def test_what_is_displayed_of_the_time_is_the_second():
    moment = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    (_, row) = ActionTypes(RESTART).render(restart(valid_until=moment)).content.pairs
    assert row.value == "2026-12-31 23:59:59 UTC"


def test_two_types_of_one_name_are_refused():
    with pytest.raises(ValueError, match="one name"):
        ActionTypes(*STANDARD_ACTIONS, RESTART, RESTART)


@pytest.mark.parametrize(
    ("name", "language", "titles"),
    [
        ("tool-call", "en", ["Approve", "Reject"]),
        ("tool-call", "de", ["Genehmigen", "Ablehnen"]),
        ("payment", "en", ["Confirm payment", "Do not pay"]),
        ("payment", "de", ["Zahlung bestätigen", "Nicht zahlen"]),
        ("payment", "fr", ["Confirmer le paiement", "Ne pas payer"]),
        ("tool-call", "es", ["Aprobar", "Rechazar"]),
        ("login", "it", ["Accedi", "Non accedere"]),
        ("login", "en", ["Log in", "Do not log in"]),
    ],
)
def test_the_buttons_are_in_the_language_of_the_action(name, language, titles):
    buttons = STANDARD_ACTIONS.buttons(restart(type=name, language=language))
    assert [button.title for button in buttons] == titles
    assert [(button.strong, button.approving) for button in buttons] == [
        (True, True),
        (False, False),
    ]


def test_without_titles_of_its_own_the_buttons_are_the_default_ones():
    assert ActionTypes(RESTART).buttons(restart()) == DEFAULT_BUTTONS


@pytest.mark.parametrize("kind", list(STANDARD_ACTIONS), ids=lambda kind: kind.name)
class TestTexts:
    def test_every_language_has_the_same_texts(self, kind):
        assert kind.texts.keys() == COMMON_TEXTS.keys() == {*LANGUAGES}
        for texts in (kind.texts, COMMON_TEXTS):
            assert {frozenset(words) for words in texts.values()} == {frozenset(texts["en"])}

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_no_two_texts_are_the_same_and_none_looks_like_a_path(self, kind, language):
        texts = [*kind.texts[language].values(), *COMMON_TEXTS[language].values()]
        assert len(set(texts)) == len(texts)
        assert not any(text.startswith("$") for text in texts)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_titles_and_buttons_are_as_short_as_ts12_has_them(self, kind, language):
        # EUDI TS12, 3.3.3: 30 characters for both buttons, 50 for the title.
        texts = {**COMMON_TEXTS[language], **kind.texts[language]}
        assert len(texts["title"]) <= 50
        assert len(texts["approve"]) <= 30
        assert len(texts["decline"]) <= 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_type_has_a_title_of_its_own(language):
    titles = {kind.texts[language]["title"] for kind in STANDARD_ACTIONS}
    assert len(titles) == 4


@given(actions())
def test_every_device_accepts_a_rendering(action):
    rendering = STANDARD_ACTIONS.render(attrs.evolve(action, language="de"))
    member = {
        "type": action.type,
        "digest": action_digest(action, CLIENT),
        "validUntil": format_time(action.valid_until),
        "language": "de",
    }
    if rendering.attachments:
        member["attachments"] = [attachment_document(each) for each in rendering.attachments]
    name = {"guid": CLIENT, "name": "Bank"}
    document = {
        "version": 1,
        "challenge": CLIENT,
        "appSpace": name,
        "origin": name,
        "account": {"guid": CLIENT, "id": "ann"},
        "content": content_document(rendering.content),
        "buttons": [
            {"title": each.title, "strong": each.strong, "approves": each.approving}
            for each in STANDARD_ACTIONS.buttons(action)
        ],
        "code": False,
        "issuedAt": format_time(NOW),
        "expiresAt": format_time(NOW),
        "action": member,
    }
    demand_display(document)
    ijson.check(document, field="display")
