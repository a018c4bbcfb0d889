"""An approved action as an origin uses it: its requests and the replies, written and read again."""

from datetime import timedelta

import attrs
import pytest

from counterseal.approvals.documents import (
    ActionName,
    ActionProgress,
    KnownAction,
    UseOutcome,
    UseReport,
    UseRequest,
    progress_of,
)
from counterseal.errors import InvalidField
from counterseal.models import ActionState, ActionTerms, ChallengeState, UseState
from counterseal.wire.members import read_record, write_record
from counterseal_testing import START
from counterseal_testing.contracts.record_factory import RecordFactory

FACTORY = RecordFactory()
ACCOUNT = FACTORY.account()
TERMS = ActionTerms(
    type="tool-call", document="{}", digest="A" * 43, valid_until=START + timedelta(minutes=10)
)
ACTION = FACTORY.action(ACCOUNT, terms=TERMS)
USE = FACTORY.use(
    ACCOUNT,
    state=UseState.EXECUTED,
    receipt="a.b.c",
    detail="message 12",
    reported_at=START + timedelta(seconds=1),
)
USE_DOCUMENT = {
    "state": "EXECUTED",
    "argumentsPresented": True,
    "receipt": "a.b.c",
    "detail": "message 12",
    "at": "2030-01-01T00:00:00.000Z",
    "reportedAt": "2030-01-01T00:00:01.000Z",
}


def reply_of(use=USE):
    return KnownAction.of(ACTION.challenge, TERMS, ActionProgress.USED, use)


def test_an_action_is_replied_with_its_use():
    assert write_record(reply_of()) == {
        "requestGuid": ACTION.challenge,
        "state": "USED",
        "type": "tool-call",
        "digest": "A" * 43,
        "validUntil": "2030-01-01T00:10:00.000Z",
        "use": USE_DOCUMENT,
    }


def test_an_action_that_was_not_used_is_replied_without_a_use():
    assert write_record(reply_of(use=None))["use"] is None


@pytest.mark.parametrize("reported", [True, False])
@pytest.mark.parametrize("presented", [True, False])
def test_a_reply_is_read_as_it_was_written(presented, reported):
    changes = {} if reported else {"detail": None, "reported_at": None, "state": UseState.UNKNOWN}
    action = reply_of(attrs.evolve(USE, presented=presented, **changes))
    assert read_record(KnownAction, write_record(action)) == action


@pytest.mark.parametrize("absent", [{}, {"use": None}])
def test_a_reply_may_have_no_use(absent):
    document = write_record(reply_of())
    del document["use"]
    assert read_record(KnownAction, document | absent).use is None


@pytest.mark.parametrize(("name", "field"), [("detail", "detail"), ("reportedAt", "reported_at")])
def test_a_use_may_leave_out_what_was_not_reported(name, field):
    document = write_record(reply_of())
    del document["use"][name]
    use = read_record(KnownAction, document).use
    assert use == attrs.evolve(reply_of().use, **{field: None})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"use": "USED"}, "use"),
        ({"use": [USE_DOCUMENT]}, "use"),
        *(
            ({"use": USE_DOCUMENT | {name: value}}, name)
            for name, value in (
                ("state", "USED"),
                ("argumentsPresented", "true"),
                ("receipt", None),
                ("detail", 7),
                ("at", "yesterday"),
                ("reportedAt", 7),
            )
        ),
    ],
)
def test_a_reply_with_an_unfit_use_is_refused_by_name(change, field):
    document = write_record(reply_of())
    with pytest.raises(InvalidField) as refused:
        read_record(KnownAction, document | change)
    assert refused.value.field == field


def test_requests_are_read_as_they_were_written():
    guid = ACTION.challenge
    for request, document in (
        (ActionName(request=guid), {"requestGuid": guid}),
        (
            UseRequest(request=guid, arguments={"to": "zoe@example.com"}),
            {"requestGuid": guid, "arguments": {"to": "zoe@example.com"}},
        ),
        (
            UseReport(request=guid, outcome=UseOutcome.FAILED, detail="full"),
            {"requestGuid": guid, "outcome": "failed", "detail": "full"},
        ),
        (
            UseReport(request=guid, outcome=UseOutcome.EXECUTED),
            {"requestGuid": guid, "outcome": "executed"},
        ),
    ):
        assert write_record(request) == document
        assert read_record(type(request), document) == request


@pytest.mark.parametrize("arguments", [None, [], "{}", 7])
def test_arguments_that_are_no_object_are_refused_by_name(arguments):
    for document in ({"arguments": arguments}, {}):
        with pytest.raises(InvalidField) as refused:
            read_record(UseRequest, {"requestGuid": ACTION.challenge} | document)
        assert refused.value.field == "arguments"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(UseOutcome.EXECUTED, UseState.EXECUTED), (UseOutcome.FAILED, UseState.FAILED)],
)
def test_a_report_names_the_state_of_the_use(outcome, state):
    assert UseReport(request=ACTION.challenge, outcome=outcome).state is state


OF_CHALLENGES = {
    ChallengeState.PENDING: ActionProgress.PENDING,
    ChallengeState.SEEN: ActionProgress.PENDING,
    ChallengeState.ANSWERED: ActionProgress.DECLINED,
    ChallengeState.DISOWNED: ActionProgress.DISOWNED,
    ChallengeState.CANCELLED: ActionProgress.CANCELLED,
    ChallengeState.EXPIRED: ActionProgress.EXPIRED,
    ChallengeState.FAILED: ActionProgress.FAILED,
}


@pytest.mark.parametrize("state", ChallengeState)
def test_the_progress_of_what_was_not_approved_is_that_of_its_challenge(state):
    challenge = FACTORY.challenge(ACCOUNT, state=state)
    assert progress_of(challenge, None) is OF_CHALLENGES[state]


@pytest.mark.parametrize("state", ActionState)
def test_the_progress_of_what_was_approved_is_its_own(state):
    challenge = FACTORY.challenge(ACCOUNT, state=ChallengeState.ANSWERED)
    action = attrs.evolve(ACTION, state=state)
    assert progress_of(challenge, action) is ActionProgress[state.name]
