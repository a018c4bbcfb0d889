"""Notifiers that break a clause each, caught by the checks of `NotifierContract`."""

import attrs
import pytest
from broken_adapters import BrokenAdapters
from fake_contracts import CanPush

from counterseal.challenges.documents.messages import push_data
from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.models import AddressKind, PushOutcome, PushResult
from counterseal_testing import OutboxNotifier


class Pushing(OutboxNotifier):
    def __init__(self):
        super().__init__(AddressKind.RELAY)
        self.payloads = []

    def push(self, addresses, message):
        self.payloads += [self.payload(message)] * len(addresses)
        return super().push(addresses, message)

    def payload(self, message):
        return {"title": message.title, "data": push_data(message)}


BROKEN = BrokenAdapters(CanPush(), Pushing)
breaks = BROKEN.breaks


@breaks("NOTIFIER-1")
class ForgetsItsKinds(Pushing):
    def kinds(self):
        return super().kinds() if not self.pushes else frozenset()


@breaks("NOTIFIER-1")
class PushesElsewhere(Pushing):
    def kinds(self):
        return frozenset({AddressKind.APNS})


@breaks("NOTIFIER-2")
class RefusesASecondPush(Pushing):
    def push(self, addresses, message):
        if any(push.message == message for push in self.pushes):
            raise ValueError("pushed already")
        return super().push(addresses, message)


@breaks("NOTIFIER-3")
class SendsContent(Pushing):
    def payload(self, message):
        return super().payload(message) | {"content": "Pay 10 EUR to Adam?"}


@breaks("NOTIFIER-4")
class TellsOfWhatItSentOnly(Pushing):
    def push(self, addresses, message):
        return super().push(addresses, message)[:1]


@breaks("NOTIFIER-4")
class MixesUpWhoIsWho(Pushing):
    def push(self, addresses, message):
        return super().push(addresses, message)[::-1]


@breaks("NOTIFIER-4")
class PushesToAnything(Pushing):
    def push(self, addresses, message):
        return super().push(
            tuple(attrs.evolve(address, kind=AddressKind.RELAY) for address in addresses), message
        )


@breaks("NOTIFIER-5")
class CallsTheLivingDead(Pushing):
    def push(self, addresses, message):
        super().push(addresses, message)
        return (PushOutcome(result=PushResult.GONE),) * len(addresses)


@breaks("NOTIFIER-5")
class LearnsNothing(Pushing):
    def push(self, addresses, message):
        super().push(addresses, message)
        return (PushOutcome(result=PushResult.DELIVERED),) * len(addresses)


@breaks("NOTIFIER-5")
class StopsAtTheDead(Pushing):
    def push(self, addresses, message):
        outcomes = super().push(addresses, message)
        gone_outcome = PushOutcome(result=PushResult.GONE)
        return (gone_outcome,) * len(addresses) if gone_outcome in outcomes else outcomes


@breaks("NOTIFIER-6")
class TriesAgainByItself(Pushing):
    def push(self, addresses, message):
        super().push(addresses, message)
        return super().push(addresses, message)


@breaks("NOTIFIER-6")
class ForgetsHowLongToWait(Pushing):
    def push(self, addresses, message):
        outcomes = super().push(addresses, message)
        return tuple(attrs.evolve(outcome, after=None) for outcome in outcomes)


@breaks("NOTIFIER-7")
class TakesSilenceForSuccess(Pushing):
    def push(self, addresses, message):
        try:
            return super().push(addresses, message)
        except NotifierUnavailable:
            return (PushOutcome(result=PushResult.DELIVERED),) * len(addresses)


@breaks("NOTIFIER-8")
class RefusesTheLiving(Pushing):
    def require_sendable(self, address):
        raise InvalidField("value", "malformed")


@breaks("NOTIFIER-8")
class AsksThePushService(Pushing):
    def require_sendable(self, address):
        if self.failing:
            raise NotifierUnavailable
        super().require_sendable(address)


@breaks("NOTIFIER-8")
class SendsToCheck(Pushing):
    def require_sendable(self, address):
        super().require_sendable(address)
        self.payloads.append({})


@breaks("NOTIFIER-9")
class AcceptsAnything(Pushing):
    def require_sendable(self, address):
        pass


@breaks("NOTIFIER-9")
class NamesNoField(Pushing):
    def require_sendable(self, address):
        if address in self.malformed:
            raise InvalidField("", "malformed")


@breaks("NOTIFIER-9")
class TellsTheAddress(Pushing):
    def require_sendable(self, address):
        if address in self.malformed:
            raise InvalidField("value", f"{address.value} is malformed")


@breaks("NOTIFIER-9")
class TriesItForEver(Pushing):
    def push(self, addresses, message):
        outcomes = super().push(addresses, message)
        later = PushOutcome(result=PushResult.LATER)
        malformed = (address in self.malformed for address in addresses)
        return tuple(
            later if bad else outcome for bad, outcome in zip(malformed, outcomes, strict=True)
        )


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_notifier_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_notifier_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_notifier_has_a_broken_one():
    BROKEN.require_every_clause("NOTIFIER", "ALL-1")
