"""The approval check: what holds is returned, and every single thing that differs is refused."""

from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterseal as cs
from counterseal.challenges.documents.messages import read_processed
from counterseal.errors import InvalidField
from counterseal.ijson import compact
from counterseal.models import Button, ChallengeState, PairsContent, RefusalReason, Role
from counterseal.models import Pair as Line
from counterseal.models.guid import mint
from counterseal_client import (
    Approval,
    Declined,
    EvidenceRefused,
    NotApproved,
    PendingRequest,
    Trust,
    Unanswered,
    Unfit,
    is_approved,
    require_approved,
)
from counterseal_testing import FakeService

OTHER = mint(9, bytes(15))
EVERYTHING = {
    "content": PairsContent(title="Pay", pairs=(Line(key="to", value="Zoë"),)),
    "buttons": (
        Button(title="Yes", strong=True, approving=True, style="green"),
        Button(title="Also yes", strong=False, approving=True),
        Button(title="No", strong=False),
    ),
    "transaction_id": "order-7",
    "additional_info": {"amount": 10, "exact": True},
    "callback": "https://shop.example/done",
    "show_code": True,
}


@pytest.fixture(scope="module")
def approved(make_story):
    return make_story(**EVERYTHING)


@pytest.fixture(scope="module")
def another(approved, make_story):
    """The same question of the same person, approved once more."""
    return make_story(world=approved.world, **EVERYTHING)


class TestAnApproval:
    def test_says_who_approved_what_with_which_key(self, approved):
        approval = require_approved(approved.reply, approved.pending_request, approved.trust)

        assert isinstance(approval, Approval)
        assert (approval.account_id, approval.button, approval.title, approval.strong) == (
            "zoe",
            0,
            "Yes",
            True,
        )
        assert approval.request == approved.document["guid"]
        assert approval.transaction_id == "order-7"
        assert approval.device == approved.document["device"]
        assert cs.verify_receipt(approval.receipt).key.thumbprint == approval.thumbprint

    def test_is_returned_by_is_approved_too(self, approved):
        assert is_approved(approved.reply, approved.pending_request, approved.trust)

    def test_may_be_by_a_weak_button(self, make_story):
        story = make_story(1, **EVERYTHING)
        approval = require_approved(story.reply, story.pending_request, story.trust)

        assert (approval.button, approval.strong) == (1, False)

    @pytest.mark.parametrize("content", ["<html>no HTML</html>", "", "x" * 10_000])
    def test_holds_for_any_text(self, make_story, content):
        if not content:
            with pytest.raises(InvalidField):
                make_story(content=content)
            return
        story = make_story(content=content)
        assert require_approved(story.reply, story.pending_request, story.trust)

    def test_outlives_its_deadline(self, make_story):
        def late(world, phone, issued):
            phone.answer(phone.fetch(issued.challenge.guid))
            world.clock.advance(timedelta(days=2))

        story = make_story(do=late)
        assert require_approved(story.reply, story.pending_request, story.trust)

    def test_is_proven_by_a_thumbprint_too(self, approved):
        (key,) = approved.trust.keys
        trust = Trust(thumbprint=key.thumbprint)
        assert require_approved(approved.reply, approved.pending_request, trust)

    def test_holds_for_a_pending_request_that_was_stored(self, approved):
        loaded = PendingRequest.load(approved.pending_request.dump())
        assert loaded == approved.pending_request
        assert require_approved(approved.reply, loaded, approved.trust)
        assert approved.pending_request.code not in approved.pending_request.dump()


class TestNoApproval:
    def test_another_button(self, make_story):
        story = make_story(1)
        with pytest.raises(Declined) as caught:
            require_approved(story.reply, story.pending_request, story.trust)
        assert not caught.value.disowned
        assert is_approved(story.reply, story.pending_request, story.trust) is None

    def test_this_was_not_me(self, make_story):
        story = make_story(
            do=lambda _, phone, issued: phone.disown(phone.fetch(issued.challenge.guid))
        )
        with pytest.raises(Declined) as caught:
            require_approved(story.reply, story.pending_request, story.trust)
        assert caught.value.disowned
        assert caught.value.reason is None

    @pytest.mark.parametrize("reason", RefusalReason)
    def test_a_refusal_says_the_reason_that_was_signed(self, make_story, reason):
        def disown(_, phone, issued):
            phone.disown(phone.fetch(issued.challenge.guid), reason=reason)

        def decline(_, phone, issued):
            phone.answer(phone.fetch(issued.challenge.guid), 1, reason=reason)

        for do in (disown, decline):
            story = make_story(do=do)
            with pytest.raises(Declined) as caught:
                require_approved(story.reply, story.pending_request, story.trust)
            assert caught.value.reason is reason
            for other in {None, *RefusalReason} - {reason}:
                reply = attrs.evolve(story.reply, reason=other)
                with pytest.raises(EvidenceRefused) as refused:
                    require_approved(reply, story.pending_request, story.trust)
                assert refused.value.what == "reason"

    @pytest.mark.parametrize("state", ["PENDING", "SEEN", "EXPIRED", "CANCELLED", "FAILED"])
    def test_no_answer(self, make_story, state):
        def do(world, phone, issued):
            guid = issued.challenge.guid
            if state == "SEEN":
                phone.fetch(guid)
            if state == "EXPIRED":
                world.clock.advance(timedelta(hours=1))
            if state == "CANCELLED":
                world.challenges.cancel(world.origin, guid)
            if state == "FAILED":
                for _ in range(3):
                    with pytest.raises(cs.Refused):
                        phone.answer(phone.fetch(guid), code="no code")

        story = make_story(do=do, show_code=True)
        with pytest.raises(Unanswered) as caught:
            require_approved(story.reply, story.pending_request, story.trust)
        assert caught.value.state is ChallengeState(state)
        assert is_approved(story.reply, story.pending_request, story.trust) is None

    def test_another_services_key(self, approved):
        stranger = FakeService(seed=5).ports.signer.jwks()
        with pytest.raises(EvidenceRefused, match="issuer_untrusted"):
            is_approved(approved.reply, approved.pending_request, Trust(keys=stranger))
        with pytest.raises(EvidenceRefused, match="issuer_untrusted"):
            is_approved(
                approved.reply, approved.pending_request, Trust(thumbprint=stranger[0].thumbprint)
            )

    def test_the_same_question_at_another_time(self, approved, another):
        assert require_approved(another.reply, another.pending_request, another.trust)
        with pytest.raises(EvidenceRefused, match="guid"):
            require_approved(another.reply, approved.pending_request, approved.trust)
        for names in (["receipt"], ["receipt", "answer"], ["receipt", "answer", "answeredAt"]):
            mixed = approved.document | {name: another.document[name] for name in names}
            with pytest.raises(EvidenceRefused):
                require_approved(read_processed(mixed), approved.pending_request, approved.trust)

    def test_a_code_that_is_not_the_one_that_was_shown(self, approved):
        pending_request = attrs.evolve(approved.pending_request, code="000000")
        with pytest.raises(EvidenceRefused, match="code"):
            require_approved(approved.reply, pending_request, approved.trust)

    def test_no_code_where_one_was_asked_for(self, make_story):
        story = make_story()
        pending_request = attrs.evolve(story.pending_request, code_asked=True)
        with pytest.raises(EvidenceRefused, match="code"):
            require_approved(story.reply, pending_request, story.trust)


def others(name, value):
    """Return values of the same member that are not *value*."""
    if isinstance(value, bool):
        return st.sampled_from([not value, int(value), str(value).lower(), None])
    if name in {"state", "status"}:
        states = [each.value for each in ChallengeState if each.value != value]
        return st.sampled_from([*states, "APPROVED", "", None])
    if isinstance(value, int):
        return st.sampled_from([value + 1, value + 2, -1, float(value) + 0.5, str(value), "", None])
    if isinstance(value, str):
        position = st.integers(0, max(0, len(value) - 1))
        return st.one_of(
            st.sampled_from([None, "", value + "x", value[:-1], OTHER, [value]]),
            position.map(
                lambda at: (
                    f"{value[:at]}{'x' if value[at : at + 1] != 'x' else 'y'}{value[at + 1 :]}"
                )
            ),
            position.map(lambda at: value[:at] + value[at + 1 :]),
        ).filter(lambda changed: changed != value)
    return st.sampled_from([None, "x", {}, [], 0]).filter(lambda changed: changed != value)


def positions(document, path=()):
    """Return every path to a member or element in a JSON document."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from positions(value, (*path, key))


def replace_at(document, path, value):
    head, *rest = path
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[head] = replace_at(copy[head], rest, value) if rest else value
    return copy


def at(document, path):
    for key in path:
        document = document[key]
    return document


@given(st.data())
def test_every_member_counts(approved, data):
    path = data.draw(st.sampled_from(sorted(positions(approved.document), key=str)))
    value = data.draw(others(path[0], at(approved.document, path)))
    document = replace_at(approved.document, path, value)

    with pytest.raises((InvalidField, NotApproved, EvidenceRefused)):
        require_approved(read_processed(document), approved.pending_request, approved.trust)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guid", OTHER),
        ("privakeyId", OTHER),
        ("accountId", "adam"),
        ("appSpaceGuid", OTHER),
        ("requestOriginGuid", OTHER),
        ("transactionId", "order-8"),
        ("content", {"title": "Pay", "keys": [{"key": "to", "value": "Adam"}]}),
        ("buttons", []),
        ("additionalInfo", {"amount": 99, "exact": True}),
        ("showCode", False),
        ("showNotification", False),
        ("callback", "https://shop.example/other"),
        ("issuedAt", "2030-01-01T00:00:00.001Z"),
        ("expiresAt", "2031-01-01T00:00:00.000Z"),
        ("buttonSelected", 1),
        ("buttonSelected", 2),
        ("buttonSelected", 3),
        ("approved", False),
        ("answeredAt", "2030-01-01T00:00:00.001Z"),
        ("device", OTHER),
        ("answer", "a.b.c"),
        ("receipt", None),
        ("state", "DISOWNED"),
    ],
)
def test_a_well_formed_lie_is_named(approved, name, value):
    lie = {"state": value, "status": value} if name == "state" else {name: value}
    reply = read_processed(approved.document | lie)
    with pytest.raises(EvidenceRefused) as caught:
        require_approved(reply, approved.pending_request, approved.trust)
    assert caught.value.what == name


@given(st.data())
def test_every_member_of_the_question_counts(approved, data):
    question = cs.read_json(approved.pending_request.body)
    # The push's own words are neither shown nor signed; the life shows in the deadline.
    path = data.draw(st.sampled_from(sorted(positions(question), key=str)))
    value = data.draw(others(path[0], at(question, path)))
    try:
        pending_request = attrs.evolve(
            approved.pending_request, body=cs_text(replace_at(question, path, value))
        )
    except InvalidField:
        return
    if pending_request.question == approved.pending_request.question:
        return  # as `null` for what is absent

    with pytest.raises(EvidenceRefused):
        require_approved(approved.reply, pending_request, approved.trust)


def cs_text(document):
    return compact(document).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"guid": OTHER},
        {"account": OTHER},
        {"app_space": OTHER},
        {"origin": OTHER},
        {"code_asked": False},
        {"issued_at": timedelta(milliseconds=1)},
        {"issued_at": timedelta(milliseconds=-1)},
        {"expires_at": timedelta(milliseconds=1)},
        {"expires_at": timedelta(milliseconds=-1)},
    ],
    ids=str,
)
def test_every_member_of_a_pending_request_counts(approved, change):
    ((name, value),) = change.items()
    if isinstance(value, timedelta):
        value = getattr(approved.pending_request, name) + value
    pending_request = attrs.evolve(approved.pending_request, **{name: value})

    with pytest.raises(EvidenceRefused):
        require_approved(approved.reply, pending_request, approved.trust)


def test_true_is_not_one(make_story):
    story = make_story(additional_info={"n": 1})
    pending_request = attrs.evolve(
        story.pending_request, body=story.pending_request.body.replace('{"n":1}', '{"n":true}')
    )
    with pytest.raises(EvidenceRefused, match="additionalInfo"):
        require_approved(story.reply, pending_request, story.trust)


class Careless:
    """Takes every receipt, and says what the test wants of it."""

    def __init__(self, receipt, **change):
        self.receipt = attrs.evolve(receipt, **change)

    def verify(self, _):
        return self.receipt


@pytest.fixture(scope="module")
def receipt(approved):
    return approved.trust.verify(approved.reply.receipt)


class TestNothingRestsOnTheReceiptsOwnCheckAlone:
    def refused(self, story, receipt, reply=(), **change):
        reply = attrs.evolve(story.reply, **dict(reply))
        with pytest.raises(EvidenceRefused) as caught:
            require_approved(reply, story.pending_request, Careless(receipt, **change))
        return caught.value.what

    def test_with_no_change_it_holds(self, approved, receipt):
        assert require_approved(approved.reply, approved.pending_request, Careless(receipt))

    @pytest.mark.parametrize("name", ["challenge", "account", "app_space"])
    def test_an_answer_to_something_else(self, approved, receipt, name):
        answer = attrs.evolve(receipt.answer, **{name: OTHER})
        assert self.refused(approved, receipt, answer=answer) == "answer"

    @pytest.mark.parametrize("name", ["device", "button", "title", "code"])
    def test_another_answer(self, approved, receipt, name):
        value = {"device": OTHER, "button": 1, "title": "No", "code": None}[name]
        answer = attrs.evolve(receipt.answer, **{name: value})
        assert self.refused(approved, receipt, answer=answer)

    def test_too_early_or_too_late(self, approved, receipt):
        pending_request = approved.pending_request
        for at in (
            pending_request.issued_at - timedelta(milliseconds=1),
            pending_request.expires_at,
        ):
            reply = {"answered_at": at}
            assert self.refused(approved, receipt, reply, at=at) == "deadline"

    def test_a_button_that_is_said_not_to_approve(self, approved, receipt):
        reply = {"approved": False}
        assert self.refused(approved, receipt, reply, approved=False) == "approved"

    def test_a_disown_that_is_replied_as_an_answer(self, approved, receipt):
        assert self.refused(approved, receipt, state=ChallengeState.DISOWNED) == "state"

    def test_no_code_where_the_origin_no_longer_knows_which(self, approved, receipt):
        pending_request = PendingRequest.load(approved.pending_request.dump())
        answer = attrs.evolve(receipt.answer, code=None)
        with pytest.raises(EvidenceRefused, match="code"):
            require_approved(approved.reply, pending_request, Careless(receipt, answer=answer))

    def test_a_button_that_is_none(self, approved, receipt):
        answer = attrs.evolve(receipt.answer, button=3)
        reply = {"button_selected": 3}
        assert self.refused(approved, receipt, reply, answer=answer) == "buttonSelected"

    def test_a_weak_key(self, approved, receipt):
        assert self.refused(approved, receipt, role=Role.DEVICE) == "strong key"

    @pytest.mark.parametrize("name", ["challenge", "code", "issuedAt", "expiresAt"])
    def test_another_document_that_was_shown(self, approved, receipt, name):
        for value in ("x", None, OTHER):
            display = receipt.display | {name: value}
            assert self.refused(approved, receipt, display=display) == f"display: {name}"

    @given(st.data())
    def test_any_other_document_that_was_shown(self, approved, receipt, data):
        free = {"version", ("appSpace", "name"), ("origin", "name")}
        path = data.draw(
            st.sampled_from(
                [
                    path
                    for path in positions(receipt.display)
                    if not {path[0], path} & free and path not in {("appSpace",), ("origin",)}
                ]
            )
        )
        value = data.draw(others(path[0], at(receipt.display, path)))
        display = replace_at(receipt.display, path, value)
        assert self.refused(approved, receipt, display=display).startswith("display: ")


@given(st.text(max_size=40) | st.binary(max_size=40).map(bytes.hex))
def test_no_text_is_a_receipt(approved, text):
    reply = attrs.evolve(approved.reply, receipt=text)
    with pytest.raises(EvidenceRefused):
        require_approved(reply, approved.pending_request, approved.trust)


def test_the_document_may_grow(approved):
    document = approved.document | {"new": 1, "status": "ANSWERED"}
    assert require_approved(read_processed(document), approved.pending_request, approved.trust)


class TestTrust:
    def test_is_read_from_a_document_a_text_or_a_file(self, approved, tmp_path):
        document = cs.jwks_document(approved.trust.keys)
        text = cs_text(document)
        path = Path(tmp_path) / "jwks.json"
        path.write_text(text)
        for given_keys in (document, text, text.encode(), path):
            assert Trust.jwks(given_keys) == approved.trust

    @pytest.mark.parametrize("document", [{}, {"keys": []}, "no JSON", Path("nowhere"), None, 7])
    def test_is_nothing_else(self, document):
        with pytest.raises(Unfit):
            Trust.jwks(document)

    @pytest.mark.parametrize("settings", [{}, {"thumbprint": ""}, {"thumbprint": "x"}])
    def test_is_never_empty(self, settings):
        with pytest.raises(Unfit):
            Trust(**settings)


def test_no_representation_shows_the_question(approved):
    for record in (approved.reply, approved.pending_request):
        assert "order-7" not in repr(record)
        assert "Zoë" not in repr(record)
        assert approved.pending_request.code not in repr(record)
