from datetime import timedelta

import pytest

from counterseal.models import Occasion, PushMessage
from counterseal.models.guid import mint
from counterseal.wire.messages import push_data

SUBJECT, ACCOUNT = mint(1, bytes(15)), mint(1, b"\1" * 15)


@pytest.mark.parametrize(
    ("occasion", "data"),
    [
        (Occasion.CHALLENGE, {"type": "request", "requestGuid": SUBJECT}),
        (Occasion.DEVICE_BOUND, {"type": "deviceBound", "deviceGuid": SUBJECT}),
        (Occasion.DEVICE_REVOKED, {"type": "deviceRevoked", "deviceGuid": SUBJECT}),
        (Occasion.TEST, {"type": "test", "deviceGuid": SUBJECT}),
    ],
)
def test_names_the_subject_and_the_account_and_nothing_else(occasion, data):
    message = PushMessage(
        guid=mint(1, b"\2" * 15),
        occasion=occasion,
        subject=SUBJECT,
        account=ACCOUNT,
        title="Bank",
        body="A question.",
        life=timedelta(minutes=1),
        timeout=timedelta(seconds=1),
    )

    assert push_data(message) == data | {"privakeyId": ACCOUNT}
    assert message.urgent is (occasion is Occasion.CHALLENGE)
