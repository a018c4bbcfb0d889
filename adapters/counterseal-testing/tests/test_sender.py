from datetime import timedelta

import pytest

from counterseal.errors import SenderUnavailable
from counterseal.models import Delivery, DeliveryOutcome
from counterseal_testing import ScriptedSender

DELIVERY = Delivery(
    url="https://shop.example/done",
    headers=(("webhook-id", "the id"),),
    body=b"{}",
    timeout=timedelta(seconds=1),
)


def test_accepts_everything_without_a_script():
    sender = ScriptedSender()

    assert sender.send(DELIVERY).status == 204
    assert [attempt.message for attempt in sender.attempts] == ["the id"]


def test_answers_by_its_script():
    later = DeliveryOutcome(status=429, retry_after=timedelta(minutes=1))
    sender = ScriptedSender(500)
    sender.script(later)

    assert [sender.send(DELIVERY) for _ in range(3)] == [
        DeliveryOutcome(status=500),
        later,
        DeliveryOutcome(status=204),
    ]


def test_raises_by_its_script():
    sender = ScriptedSender(SenderUnavailable())

    with pytest.raises(SenderUnavailable):
        sender.send(DELIVERY)
    assert sender.attempts[0].outcome is None


def test_ends_as_the_script_says():
    sender = ScriptedSender()
    sender.otherwise = 503

    assert sender.send(DELIVERY).status == 503
