"""The display document: everything shown, in one canonical form; and what an origin is told."""

import enum
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.challenges.documents.display import demand_display, display_document, display_text
from counterseal.challenges.documents.messages import processed_document
from counterseal.errors import MalformedToken
from counterseal.models import (
    Account,
    AppSpace,
    Button,
    CancelReason,
    Challenge,
    ChallengeState,
    HtmlContent,
    Origin,
    Outcome,
    Pair,
    PairsContent,
    Question,
    TextContent,
    guid,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, 250_999, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=2)
COMPANY, SPACE, ORIGIN, ACCOUNT, CHALLENGE, DEVICE = (
    guid.mint(7, bytes([n]) * 15) for n in range(6)
)
APP_SPACE = AppSpace(guid=SPACE, company=COMPANY, name="Banking", created_at=NOW)
PARTY = Origin(guid=ORIGIN, app_space=SPACE, name="Zoës Bank", created_at=NOW)
USER = Account(
    guid=ACCOUNT, app_space=SPACE, account_id="user-42", user_info="private", created_at=NOW
)
QUESTION = Question(
    account_id="user-42",
    content=PairsContent(
        title="Transfer", pairs=(Pair(key="Amount", value="10,00 EUR"), Pair(key="Note", value=""))
    ),
    buttons=(
        Button(title="Pay", strong=True, style='{"color": "green"}', approving=True),
        Button(title="Do not", strong=False, style=""),
        Button(title="Later", strong=False),
    ),
    additional_info={"b": 1, "a": [True, None, 1.5, "ü"], "€": {}},
    transaction_id="pay-2041",
    callback="https://shop.example.com/cb",
    notification_title="A question",
    notification_body="Come and see",
)


def document(question=QUESTION, **changes):
    members = {
        "challenge": CHALLENGE,
        "app_space": APP_SPACE,
        "origin": PARTY,
        "account": USER,
        "code_asked": True,
        "issued_at": NOW,
        "deadline": DEADLINE,
    }
    return display_document(question, **{**members, **changes})


class TestTheDisplayDocument:
    def test_holds_everything_that_is_shown(self):
        assert document() == {
            "version": 1,
            "challenge": CHALLENGE,
            "appSpace": {"guid": SPACE, "name": "Banking"},
            "origin": {"guid": ORIGIN, "name": "Zoës Bank"},
            "account": {"guid": ACCOUNT, "id": "user-42"},
            "content": {
                "title": "Transfer",
                "keys": [{"key": "Amount", "value": "10,00 EUR"}, {"key": "Note", "value": ""}],
            },
            "buttons": [
                {"title": "Pay", "strong": True, "approves": True, "style": '{"color": "green"}'},
                {"title": "Do not", "strong": False, "approves": False, "style": ""},
                {"title": "Later", "strong": False, "approves": False},
            ],
            "additionalInfo": {"b": 1, "a": [True, None, 1.5, "ü"], "€": {}},
            "transactionId": "pay-2041",
            "code": True,
            "issuedAt": "2026-11-24T12:00:00.250Z",
            "expiresAt": "2026-11-24T12:02:00.250Z",
        }

    @pytest.mark.parametrize(
        ("content", "member"),
        [
            (TextContent(text="Log in?"), {"text": "Log in?"}),
            (HtmlContent(html="<html>x"), {"html": "<html>x"}),
            (PairsContent(title="T", pairs=()), {"title": "T", "keys": []}),
        ],
    )
    def test_names_the_kind_of_its_content(self, content, member):
        assert document(attrs.evolve(QUESTION, content=content))["content"] == member

    def test_has_no_member_for_what_was_not_sent(self):
        bare = attrs.evolve(QUESTION, additional_info=None, transaction_id=None)
        assert document().keys() - document(bare).keys() == {"additionalInfo", "transactionId"}

    def test_keeps_what_was_sent_empty(self):
        empty = attrs.evolve(QUESTION, additional_info="", transaction_id="")
        assert (document(empty)["additionalInfo"], document(empty)["transactionId"]) == ("", "")

    def test_does_not_hold_what_is_not_shown(self):
        text = display_text(document())
        for hidden in ("private", "https://shop.example.com/cb", "A question", "Come and see"):
            assert hidden not in text

    @pytest.mark.parametrize(
        "changes",
        [
            {"challenge": DEVICE},
            {"app_space": attrs.evolve(APP_SPACE, guid=DEVICE)},
            {"app_space": attrs.evolve(APP_SPACE, name="Banking ")},
            {"origin": attrs.evolve(PARTY, guid=DEVICE)},
            {"origin": attrs.evolve(PARTY, name="Zoes Bank")},
            {"account": attrs.evolve(USER, guid=DEVICE)},
            {"account": attrs.evolve(USER, account_id="user-43")},
            {"code_asked": False},
            {"issued_at": NOW - timedelta(milliseconds=1)},
            {"deadline": DEADLINE + timedelta(milliseconds=1)},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_differs_with_each_thing_that_is_shown(self, changes):
        assert display_text(document(**changes)) != display_text(document())

    def test_is_canonical_by_rfc_8785(self):
        assert display_text(document()) == rfc8785.dumps(document()).decode()

    @pytest.mark.parametrize("info", [{"\U0001f600": 1, "\ufb33": 2}, {"a": 1e-7}, {"a": [1.0]}])
    def test_is_canonical_by_rfc_8785_for_names_and_numbers_of_any_kind(self, info):
        """Their order and their form are not those of Python's own writer."""
        other = document(attrs.evolve(QUESTION, additional_info=info))
        assert display_text(other) == rfc8785.dumps(other).decode()

    def test_is_the_same_text_whatever_the_order_of_the_members(self):
        reversed_members = dict(reversed(document().items()))
        assert display_text(reversed_members) == display_text(document())

    def test_is_read_again_as_itself(self):
        assert display_text(json.loads(display_text(document()))) == display_text(document())

    @pytest.mark.parametrize(
        ("info", "field"),
        [
            ({"a": "\ud800"}, "challenge.additionalInfo.a"),
            ({"a": "\uffff"}, "challenge.additionalInfo.a"),
            ({"a": 2**53}, "challenge.additionalInfo.a"),
            ({"a": [float("nan")]}, "challenge.additionalInfo.a[0]"),
            ({"a": object()}, "challenge.additionalInfo.a"),
        ],
    )
    def test_that_i_json_cannot_hold_is_refused_by_name(self, info, field, refusing):
        with refusing("invalid_field", field):
            display_text(document(attrs.evolve(QUESTION, additional_info=info)))

    def test_that_cannot_be_written_is_refused_by_name_even_if_it_was_to_be_checked(self, refusing):
        with refusing("invalid_field", "challenge.content.text"):
            display_text(document(attrs.evolve(QUESTION, content=TextContent(text="\ud800"))))

    TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), max_size=4)

    @given(st.lists(st.tuples(TEXTS, TEXTS), max_size=3), st.lists(st.tuples(TEXTS, TEXTS)))
    def test_of_two_contents_differ(self, one, other):
        texts = [
            display_text(
                document(
                    attrs.evolve(
                        QUESTION,
                        content=PairsContent(
                            title="T",
                            pairs=tuple(Pair(key=key, value=value) for key, value in pairs),
                        ),
                    )
                )
            )
            for pairs in (one, other)
        ]
        assert (texts[0] == texts[1]) is (one == other)


def spoiled(path, value):
    """The document with another value in one place; `GONE` takes the place away."""
    changed = json.loads(display_text(document()))
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


class Removed(enum.Enum):
    """A member that is taken out; its text is the same in every process."""

    GONE = "gone"


GONE = Removed.GONE


class TestADisplayDocumentFromOutside:
    @pytest.mark.parametrize(
        "content",
        [
            QUESTION.content,
            TextContent(text=""),
            HtmlContent(html="x"),
            PairsContent(title="", pairs=()),
        ],
    )
    @pytest.mark.parametrize("info", [None, "", "text", {}, {"a": [1]}])
    def test_of_every_form_that_we_write_is_taken(self, content, info):
        question = attrs.evolve(QUESTION, content=content, additional_info=info)
        demand_display(json.loads(display_text(document(question))))
        bare = attrs.evolve(question, transaction_id=None)
        demand_display(json.loads(display_text(document(bare))))

    @pytest.mark.parametrize(
        "path",
        [
            *[(name,) for name in document() if name not in ("additionalInfo", "transactionId")],
            *[(party, "guid") for party in ("appSpace", "origin", "account")],
            ("appSpace", "name"),
            ("origin", "name"),
            ("account", "id"),
            ("content", "title"),
            ("content", "keys"),
            ("content", "keys", 1, "key"),
            ("content", "keys", 0, "value"),
            ("buttons", 0, "title"),
            ("buttons", 1, "strong"),
            ("buttons", 2, "approves"),
        ],
        ids=str,
    )
    def test_without_a_member_is_refused(self, path):
        with pytest.raises(MalformedToken):
            demand_display(spoiled(path, GONE))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("version",), True),
            (("version",), "1"),
            (("version",), 1.5),
            (("challenge",), None),
            (("appSpace",), SPACE),
            (("appSpace", "brand"), "x"),
            (("origin", "name"), 1),
            (("account", "user"), "x"),
            (("content",), "text"),
            (("content",), {}),
            (("content",), {"text": "x", "html": "y"}),
            (("content",), {"text": 1}),
            (("content",), {"html": None}),
            (("content",), {"markdown": "x"}),
            (("content",), {"TEXT": "x"}),
            (("content", "text"), "fine print"),
            (("content", "keys"), {}),
            (("content", "keys", 0), "line"),
            (("content", "keys", 0), ["a", "b"]),
            (("content", "keys", 1, "value"), None),
            (("content", "keys", 1, "hidden"), True),
            (("buttons",), {}),
            (("buttons", 0), "Pay"),
            (("buttons", 0), None),
            (("buttons", 0, "strong"), 1),
            (("buttons", 0, "approves"), "true"),
            (("buttons", 0, "style"), None),
            (("buttons", 0, "style"), {}),
            (("buttons", 0, "code"), True),
            (("additionalInfo",), None),
            (("additionalInfo",), 1),
            (("additionalInfo",), ["a"]),
            (("transactionId",), None),
            (("transactionId",), 2041),
            (("code",), 1),
            (("code",), None),
            (("issuedAt",), 0),
            (("expiresAt",), None),
            (("footer",), "small print"),
            (("challenge",), "one"),
            *[((party, "guid"), f"{SPACE}x"[1:]) for party in ("appSpace", "origin", "account")],
            (("issuedAt",), "2026-11-24T12:00:00Z"),
            (("expiresAt",), "2026-02-30T12:00:00.000Z"),
            (("buttons",), []),
            (("buttons",), document()["buttons"][:1]),
        ],
        ids=str,
    )
    def test_with_a_member_of_another_form_or_one_too_many_is_refused(self, path, value):
        with pytest.raises(MalformedToken):
            demand_display(spoiled(path, value))

    @pytest.mark.parametrize("document", [None, [], "text", 1, True, {}])
    def test_that_is_none_is_refused(self, document):
        with pytest.raises(MalformedToken):
            demand_display(document)


def action_document(path=(), value=None):
    """The document of an action, with another value in one place; `GONE` removes the place."""
    changed = json.loads(display_text(document(attrs.evolve(QUESTION, additional_info=None))))
    changed["action"] = {
        "type": "document",
        "digest": keys.digest(b"action"),
        "validUntil": "2026-11-24T12:12:00.250Z",
        "language": "en",
        "attachments": [
            {
                "name": "contract.pdf",
                "size": 48_213,
                "type": "application/pdf",
                "sha256": keys.digest(b"contract"),
                "url": "https://files.example.com/contract.pdf",
            }
        ],
    }
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[path[-1]]
    elif path:
        holder[path[-1]] = value
    return changed


ATTACHMENT = ("action", "attachments", 0)
ATTACHED = action_document()["action"]["attachments"]


class TestAnActionFromOutside:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ((), None),
            (("action", "attachments"), GONE),
            (("action", "attachments"), ATTACHED * 20),
            (("action", "type"), "com.example:refund-2"),
            (("action", "type"), "a" * 64),
            (("action", "language"), "de-CH-1996"),
            ((*ATTACHMENT, "size"), 0),
            ((*ATTACHMENT, "type"), "application/vnd.ms-excel.sheet+x"),
            (("buttons", 1, "strong"), True),
            (("buttons", 1, "approves"), False),
            (("context",), {"place": "Hamburg"}),
            (("transactionId",), GONE),
        ],
        ids=str,
    )
    def test_of_every_form_that_we_write_is_accepted(self, path, value):
        demand_display(action_document(path, value))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("action",), None),
            (("action",), {}),
            *[(("action", name), GONE) for name in ("type", "digest", "validUntil", "language")],
            (("action", "arguments"), {}),
            *[
                (("action", "type"), each)
                for each in ("", "Pay", "-a", "a-", "a--b", "a" * 65, "a\n")
            ],
            (("action", "type"), 1),
            (("action", "digest"), ""),
            (("action", "digest"), keys.digest(b"action")[:-1]),
            (("action", "digest"), "=" * 43),
            (("action", "digest"), "A" * 42 + "B"),
            (("action", "digest"), "A" * 43 + "\n"),
            (("action", "validUntil"), "2026-11-24T12:12:00Z"),
            (("action", "validUntil"), 1_795_521_600),
            *[
                (("action", "language"), each)
                for each in ("", "e", "en_GB", "en-", "en-" + "a-" * 17)
            ],
            (("action", "attachments"), []),
            (("action", "attachments"), {}),
            (("action", "attachments"), ATTACHED * 21),
            (ATTACHMENT, "contract.pdf"),
            *[((*ATTACHMENT, name), GONE) for name in ATTACHED[0]],
            ((*ATTACHMENT, "title"), "Contract"),
            ((*ATTACHMENT, "name"), ""),
            ((*ATTACHMENT, "size"), -1),
            ((*ATTACHMENT, "size"), True),
            ((*ATTACHMENT, "size"), "48213"),
            *[((*ATTACHMENT, "type"), each) for each in ("", "pdf", "Text/plain", "a/b; c=d")],
            ((*ATTACHMENT, "type"), "a/" + "b" * 126),
            ((*ATTACHMENT, "sha256"), "A" * 42),
            ((*ATTACHMENT, "url"), "http://files.example.com/contract.pdf"),
            ((*ATTACHMENT, "url"), "https://files.example.com/a contract.pdf"),
            ((*ATTACHMENT, "url"), "https://files.example.com/" + "a" * 2048),
            ((*ATTACHMENT, "url"), "https://"),
            (("content",), {"text": "Sign?"}),
            (("content",), {"html": "<html>"}),
            (("additionalInfo",), ""),
            (("additionalInfo",), {}),
            (("buttons", 0, "strong"), False),
            (("buttons", 2, "approves"), True),
        ],
        ids=str,
    )
    def test_of_another_form_or_beside_what_it_excludes_is_refused(self, path, value):
        with pytest.raises(MalformedToken):
            demand_display(action_document(path, value))


DISPLAY = display_text(document())
PENDING = Challenge(
    guid=CHALLENGE,
    state=ChallengeState.PENDING,
    app_space=SPACE,
    origin=ORIGIN,
    account=ACCOUNT,
    display=DISPLAY,
    display_hash=keys.digest(DISPLAY.encode()),
    buttons=QUESTION.buttons,
    transaction_id="pay-2041",
    callback="https://shop.example.com/cb",
    notification_title="A question",
    show_notification=False,
    show_code=True,
    code_asked=True,
    sealed_code=b"sealed-canary",
    wrong_codes=1,
    issued_at=NOW,
    deadline=DEADLINE,
    keep_until=DEADLINE + timedelta(days=30),
)
ANSWERED = attrs.evolve(
    PENDING,
    state=ChallengeState.ANSWERED,
    outcome=Outcome(
        at=NOW + timedelta(seconds=5),
        device=DEVICE,
        kid="kid",
        thumbprint="print",
        button=0,
        token="an.swer.jws",
        receipt="re.ceipt.jws",
    ),
)


class TestTheProcessedRequest:
    def test_that_is_pending(self):
        assert processed_document(PENDING, now=NOW) == {
            "guid": CHALLENGE,
            "privakeyId": ACCOUNT,
            "accountId": "user-42",
            "appSpaceGuid": SPACE,
            "requestOriginGuid": ORIGIN,
            "transactionId": "pay-2041",
            "content": {
                "title": "Transfer",
                "keys": [{"key": "Amount", "value": "10,00 EUR"}, {"key": "Note", "value": ""}],
            },
            "buttons": [
                {
                    "title": "Pay",
                    "strongAuth": True,
                    "style": '{"color": "green"}',
                    "approving": True,
                },
                {"title": "Do not", "strongAuth": False, "style": "", "approving": False},
                {"title": "Later", "strongAuth": False, "style": None, "approving": False},
            ],
            "additionalInfo": {"b": 1, "a": [True, None, 1.5, "ü"], "€": {}},
            "showCode": True,
            "showNotification": False,
            "callback": "https://shop.example.com/cb",
            "state": "PENDING",
            "status": "PENDING",
            "issuedAt": "2026-11-24T12:00:00.250Z",
            "expiresAt": "2026-11-24T12:02:00.250Z",
            "buttonSelected": None,
            "approved": False,
            "answeredAt": None,
            "device": None,
            "answer": None,
            "receipt": None,
        }

    def test_that_is_answered(self):
        before, after = (
            processed_document(challenge, now=NOW) for challenge in (PENDING, ANSWERED)
        )
        assert {name: after[name] for name in after if after[name] != before[name]} == {
            "state": "ANSWERED",
            "status": "ANSWERED",
            "buttonSelected": 0,
            "approved": True,
            "answeredAt": "2026-11-24T12:00:05.250Z",
            "device": DEVICE,
            "answer": "an.swer.jws",
            "receipt": "re.ceipt.jws",
        }

    def test_that_is_rejected(self):
        outcome = attrs.evolve(ANSWERED.outcome, button=1)
        processed = processed_document(attrs.evolve(ANSWERED, outcome=outcome), now=NOW)
        assert (processed["buttonSelected"], processed["approved"]) == (1, False)

    def test_that_is_disowned_was_answered_with_no_button(self):
        challenge = attrs.evolve(
            ANSWERED,
            state=ChallengeState.DISOWNED,
            outcome=attrs.evolve(ANSWERED.outcome, button=None),
        )
        processed = processed_document(challenge, now=NOW)
        assert processed["state"] == "DISOWNED"
        assert (processed["buttonSelected"], processed["approved"]) == (None, False)
        assert processed["answeredAt"] == "2026-11-24T12:00:05.250Z"

    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            (ChallengeState.CANCELLED, CancelReason.ORIGIN),
            (ChallengeState.CANCELLED, CancelReason.SUPERSEDED),
            (ChallengeState.EXPIRED, None),
            (ChallengeState.FAILED, None),
        ],
    )
    def test_that_ended_unanswered_was_not_answered(self, state, reason):
        challenge = attrs.evolve(PENDING, state=state, outcome=Outcome(at=NOW, reason=reason))
        processed = processed_document(challenge, now=NOW)
        assert processed["state"] == state.value
        assert processed["approved"] is False
        for member in ("buttonSelected", "answeredAt", "device", "answer", "receipt"):
            assert processed[member] is None

    @pytest.mark.parametrize(
        ("now", "state"),
        [
            (DEADLINE - timedelta.resolution, "PENDING"),
            (DEADLINE, "EXPIRED"),
            (DEADLINE + timedelta.resolution, "EXPIRED"),
        ],
    )
    def test_is_expired_from_the_deadline_on(self, now, state):
        processed = processed_document(PENDING, now=now)
        assert processed["state"] == processed["status"] == state
        assert processed_document(ANSWERED, now=now)["state"] == "ANSWERED"

    @pytest.mark.parametrize(
        ("content", "member"),
        [
            (TextContent(text="Log in?"), "Log in?"),
            (HtmlContent(html="<html>x"), "<html>x"),
            (PairsContent(title="T", pairs=()), {"title": "T", "keys": []}),
        ],
    )
    def test_tells_the_content_in_the_form_it_was_sent_in(self, content, member):
        display = display_text(document(attrs.evolve(QUESTION, content=content)))
        processed = processed_document(attrs.evolve(PENDING, display=display), now=NOW)
        assert processed["content"] == member

    def test_tells_nothing_where_nothing_was_sent(self):
        bare = attrs.evolve(QUESTION, additional_info=None, transaction_id=None)
        challenge = attrs.evolve(
            PENDING, display=display_text(document(bare)), transaction_id=None, callback=None
        )
        processed = processed_document(challenge, now=NOW)
        for member in ("additionalInfo", "transactionId", "callback"):
            assert processed[member] is None

    def test_holds_no_code_and_can_be_written_as_json(self):
        text = json.dumps(processed_document(ANSWERED, now=NOW))
        assert "sealed-canary" not in text
        assert "code" not in json.loads(text)
