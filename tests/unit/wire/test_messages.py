"""The challenge as origins read it: what is written is read again, and the rest is refused."""

import json
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.challenges.documents.display import display_document, display_text
from counterseal.challenges.documents.messages import (
    ProcessedRequest,
    processed_document,
    read_processed,
)
from counterseal.errors import InvalidField
from counterseal.models import (
    UNFINISHED,
    Account,
    AppSpace,
    Challenge,
    ChallengeState,
    HtmlContent,
    Origin,
    Outcome,
    RefusalReason,
    TextContent,
)
from counterseal_testing import strategies

GUIDS = strategies.guids()
REASONS = st.none() | st.sampled_from(RefusalReason)
TOKENS = st.none() | strategies.texts()
ENDINGS = {
    ChallengeState.ANSWERED: {
        "button": st.integers(0, 1),
        "token": strategies.texts(),
        "refusal_reason": REASONS,
    },
    ChallengeState.DISOWNED: {"token": strategies.texts(), "refusal_reason": REASONS},
}


@st.composite
def challenges(draw):
    """Make a challenge in any state, and the request that an origin has to read."""
    question = draw(strategies.questions())
    guid, account, app_space, origin, device = (draw(GUIDS) for _ in range(5))
    issued_at = draw(strategies.moments())
    deadline = issued_at + timedelta(seconds=draw(st.integers(1, 600)))
    state = draw(st.sampled_from(ChallengeState))
    outcome = None
    if state not in UNFINISHED:
        members = {name: draw(values) for name, values in ENDINGS.get(state, {}).items()}
        device = device if members else None
        receipt = draw(TOKENS)
        outcome = Outcome(at=issued_at, device=device, receipt=receipt, **members)
    display = display_document(
        question,
        challenge=guid,
        app_space=AppSpace(guid=app_space, company=origin, name="Banking", created_at=issued_at),
        origin=Origin(guid=origin, app_space=app_space, name="Bank", created_at=issued_at),
        account=Account(
            guid=account,
            app_space=app_space,
            account_id=question.account_id,
            created_at=issued_at,
        ),
        code_asked=False,
        issued_at=issued_at,
        deadline=deadline,
    )
    challenge = Challenge(
        guid=guid,
        state=state,
        app_space=app_space,
        origin=origin,
        account=account,
        display=display_text(display),
        display_hash="",
        buttons=question.buttons,
        transaction_id=question.transaction_id,
        callback=question.callback,
        show_code=question.show_code,
        show_notification=question.show_notification,
        issued_at=issued_at,
        deadline=deadline,
        keep_until=deadline,
        outcome=outcome,
    )
    match question.content:
        case TextContent(text=content) | HtmlContent(html=content):
            pass
        case pairs:
            content = {
                "title": pairs.title,
                "keys": [{"key": pair.key, "value": pair.value} for pair in pairs.pairs],
            }
    answered = outcome is not None and outcome.token is not None
    request = ProcessedRequest(
        guid=guid,
        account=account,
        account_id=question.account_id,
        app_space=app_space,
        origin=origin,
        transaction_id=question.transaction_id,
        content=content,
        buttons=question.buttons,
        additional_info=question.additional_info,
        show_code=question.show_code,
        show_notification=question.show_notification,
        callback=question.callback,
        state=state,
        issued_at=issued_at,
        expires_at=deadline,
        button_selected=outcome and outcome.button,
        approved=challenge.approved,
        answered_at=outcome.at if answered else None,
        device=outcome and outcome.device,
        answer=outcome and outcome.token,
        receipt=outcome and outcome.receipt,
        reason=outcome and outcome.refusal_reason,
    )
    return challenge, request


def through_json(document):
    return json.loads(ijson.compact(document))


@given(challenges(), TOKENS)
def test_what_is_written_is_read_again(pair, code):
    challenge, request = pair
    document = processed_document(challenge, now=challenge.issued_at, code=code)
    assert read_processed(through_json(document)) == attrs.evolve(request, code=code)


@given(challenges())
def test_an_origin_reads_that_the_deadline_has_passed(pair):
    challenge, request = pair
    document = processed_document(challenge, now=challenge.deadline)
    late = ChallengeState.EXPIRED if request.state in UNFINISHED else request.state
    assert read_processed(document).state is late
    assert read_processed(document).finished


@given(challenges(), st.data())
def test_a_member_of_another_type_is_refused_by_its_name(pair, data):
    document = processed_document(pair[0], now=pair[0].issued_at, code="123456")
    free = {"content", "additionalInfo", "status"}
    name = data.draw(st.sampled_from(sorted(document.keys() - free)))
    with pytest.raises(InvalidField) as caught:
        read_processed(document | {name: 1.5})
    assert caught.value.field == name


OPTIONAL = {
    *("transactionId", "content", "additionalInfo", "callback", "buttonSelected"),
    *("answeredAt", "device", "answer", "receipt", "reason"),
}


@given(challenges())
def test_a_missing_member_is_refused_by_its_name(pair):
    document = processed_document(pair[0], now=pair[0].issued_at)
    for name in document.keys() - OPTIONAL - {"state", "status"}:
        with pytest.raises(InvalidField) as caught:
            read_processed({each: document[each] for each in document if each != name})
        assert caught.value.field == name


@given(challenges(), strategies.i_json())
def test_an_unknown_member_is_ignored(pair, value):
    document = processed_document(pair[0], now=pair[0].issued_at)
    assert read_processed(document | {"later": value}) == read_processed(document)


@given(challenges())
def test_state_and_status_say_the_same_or_one_is_missing(pair):
    challenge, request = pair
    document = processed_document(challenge, now=challenge.issued_at)
    for name in ("state", "status"):
        alone = {each: document[each] for each in document if each != name}
        assert read_processed(alone).state is request.state
    other = "PENDING" if request.state is not ChallengeState.PENDING else "SEEN"
    for members in ({"status": other}, {"state": other}):
        with pytest.raises(InvalidField, match=r"^state: "):
            read_processed(document | members)
    del document["state"], document["status"]
    with pytest.raises(InvalidField, match=r"^state: "):
        read_processed(document)


@pytest.mark.parametrize("document", [None, [], "text", 1, True])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(InvalidField, match="body"):
        read_processed(document)


@given(challenges())
def test_a_representation_has_nothing_that_a_person_reads(pair):
    _, request = pair
    secret = attrs.evolve(
        request,
        code="canary-code",
        content="canary-content",
        additional_info="canary-info",
        receipt="canary-receipt",
    )
    assert "canary" not in repr(secret)
