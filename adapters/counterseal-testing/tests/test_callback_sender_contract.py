"""Senders that break a clause each, caught by the checks of `CallbackSenderContract`."""

import threading

import attrs
import pytest
from broken_adapters import NEVER, BrokenAdapters

from counterseal.errors import CallbackUncallable
from counterseal.models import DeliveryOutcome
from counterseal_testing import ScriptedSender, contracts


class CanScript(contracts.CallbackSenderContract):
    shows_attempts = True
    can_script = True
    can_hang = True
    can_answer_slowly = True
    forbidden = ("http://127.0.0.1:8000/", "https://inside.example/")

    def attempts(self, sender):
        return [attempt.delivery for attempt in sender.attempts]

    def script(self, sender, status, location=None):
        sender.script(status)
        sender.location = location

    def hang(self, sender):
        sender.hanging = True

    def answer_slowly(self, sender):
        sender.dripping = True


class Sending(ScriptedSender):
    location = None
    hanging = False
    dripping = False

    def require_callable(self, url):
        if not self.allowed(url):
            raise CallbackUncallable("not allowed")

    def send(self, delivery):
        if not self.allowed(delivery.url):
            return DeliveryOutcome(status=None, final=True)
        if self.hanging:
            return self.hung(delivery)
        if self.dripping:
            return self.dripped(delivery)
        return super().send(delivery)

    def allowed(self, url):
        return url.startswith("https://shop.example/")

    def hung(self, delivery):
        return DeliveryOutcome(status=None)

    def dripped(self, delivery):
        return DeliveryOutcome(status=None)


BROKEN = BrokenAdapters(CanScript(), Sending)
breaks = BROKEN.breaks


@breaks("SENDER-1")
class SendsTwice(Sending):
    def send(self, delivery):
        super().send(delivery)
        return super().send(delivery)


@breaks("SENDER-1")
class FollowsRedirects(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        if outcome.status and outcome.status // 100 == 3:
            return super().send(attrs.evolve(delivery, url=self.location))
        return outcome


@breaks("SENDER-1")
class TriesAgainItself(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        return super().send(delivery) if outcome.status == 503 else outcome


@breaks("SENDER-2")
class WaitsForEver(Sending):
    def hung(self, delivery):
        threading.Event().wait(NEVER.total_seconds())
        return DeliveryOutcome(status=None)


@breaks("SENDER-2")
class BoundsEachReadOnly(Sending):
    def dripped(self, delivery):
        threading.Event().wait(NEVER.total_seconds())
        return DeliveryOutcome(status=None)


@breaks("SENDER-3")
class ReachesTheInside(Sending):
    def allowed(self, url):
        return True


@breaks("SENDER-5")
class RefusesNothing(Sending):
    def require_callable(self, url):
        pass


@breaks("SENDER-5")
class RefusesWhatItSends(Sending):
    def require_callable(self, url):
        raise CallbackUncallable("not today")


@breaks("SENDER-5")
class RefusesWithoutReason(Sending):
    def require_callable(self, url):
        if not self.allowed(url):
            raise CallbackUncallable("")


@breaks("SENDER-5")
class NeverGivesUp(Sending):
    def send(self, delivery):
        return attrs.evolve(super().send(delivery), final=False)


@breaks("SENDER-4")
class NormalizesTheBody(Sending):
    def send(self, delivery):
        return super().send(attrs.evolve(delivery, body=delivery.body.strip().replace(b" ", b"")))


@breaks("SENDER-4")
class SaysOnlyWhetherItWorked(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        return outcome if outcome.status == 200 else DeliveryOutcome(status=None)


@breaks("SENDER-6")
class SaysThatNothingLeft(Sending):
    def hung(self, delivery):
        return DeliveryOutcome(status=None, may_have_arrived=False)


@breaks("SENDER-6")
class SaysThatRefusalsWereNotSent(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        return attrs.evolve(outcome, may_have_arrived=outcome.status in {None, 200})


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_sender_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_sender_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_sender_has_a_broken_one():
    BROKEN.require_every_clause("SENDER", "ALL-1")
