from datetime import timedelta

import pytest

from counterseal.challenges.documents.messages import push_data
from counterseal.models import Occasion, PushMessage
from counterseal.models.guid import mint

SUBJECT, ACCOUNT = mint(1, bytes(15)), mint(1, b"\1" * 15)


def message_of(occasion, seed):
    return PushMessage(
        guid=mint(1, seed * 15),
        occasion=occasion,
        subject=SUBJECT,
        account=ACCOUNT,
        title="Bank",
        body="A question.",
        life=timedelta(minutes=1),
        timeout=timedelta(seconds=1),
    )


@pytest.mark.parametrize(
    ("occasion", "data"),
    [
        (Occasion.CHALLENGE, {"type": "request", "requestGuid": SUBJECT}),
        (Occasion.CHALLENGE_REMINDER, {"type": "request", "requestGuid": SUBJECT}),
        (Occasion.CHALLENGE_ENDED, {"type": "requestEnded", "requestGuid": SUBJECT}),
        (Occasion.DEVICE_BOUND, {"type": "deviceBound", "deviceGuid": SUBJECT}),
        (Occasion.DEVICE_REVOKED, {"type": "deviceRevoked", "deviceGuid": SUBJECT}),
        (Occasion.TEST, {"type": "test", "deviceGuid": SUBJECT}),
    ],
)
def test_names_the_subject_and_the_account_and_nothing_else(occasion, data):
    message = message_of(occasion, b"\2")
    assert push_data(message) == data | {"privakeyId": ACCOUNT}
    assert message.urgent is (occasion in {Occasion.CHALLENGE, Occasion.CHALLENGE_REMINDER})


@pytest.mark.parametrize("occasion", Occasion)
def test_messages_about_one_request_replace_each_other_and_others_do_not(occasion):
    first, second = message_of(occasion, b"\2"), message_of(Occasion.CHALLENGE_ENDED, b"\3")
    about_request = occasion in {
        Occasion.CHALLENGE,
        Occasion.CHALLENGE_REMINDER,
        Occasion.CHALLENGE_ENDED,
    }
    assert (first.collapse_key == second.collapse_key) is about_request
    assert SUBJECT not in {first.collapse_key, second.collapse_key}
    assert message_of(occasion, b"\2").collapse_key == first.collapse_key
