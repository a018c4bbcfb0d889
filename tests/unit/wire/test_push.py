from datetime import timedelta

import pytest

from counterseal.models import Bell, News
from counterseal.models.guid import mint
from counterseal.wire.messages import push_data

SUBJECT, ACCOUNT = mint(1, bytes(15)), mint(1, b"\1" * 15)


@pytest.mark.parametrize(
    ("news", "data"),
    [
        (News.CHALLENGE, {"type": "request", "requestGuid": SUBJECT}),
        (News.DEVICE_BOUND, {"type": "deviceBound", "deviceGuid": SUBJECT}),
        (News.DEVICE_REVOKED, {"type": "deviceRevoked", "deviceGuid": SUBJECT}),
        (News.TEST, {"type": "test", "deviceGuid": SUBJECT}),
    ],
)
def test_names_the_subject_and_the_account_and_nothing_else(news, data):
    bell = Bell(
        guid=mint(1, b"\2" * 15),
        news=news,
        subject=SUBJECT,
        account=ACCOUNT,
        title="Bank",
        body="A question.",
        life=timedelta(minutes=1),
        timeout=timedelta(seconds=1),
    )

    assert push_data(bell) == data | {"privakeyId": ACCOUNT}
    assert bell.urgent is (news is News.CHALLENGE)
