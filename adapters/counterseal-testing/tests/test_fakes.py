"""The fakes pass the whole kit."""

import pytest
from fake_contracts import CanLogIn, CanPush

from counterseal.models import AddressKind, Delivery
from counterseal_testing import FakeIdentityProvider, OutboxNotifier, ScriptedEntropy, contracts
from counterseal_testing.sender import ScriptedSender


class TestScriptedEntropy(contracts.EntropyContract):
    @pytest.fixture
    def new_entropy(self):
        return ScriptedEntropy


class TestFakeIdentityProvider(CanLogIn):
    @pytest.fixture
    def new_identity_provider(self):
        return lambda: FakeIdentityProvider(ScriptedEntropy())

    @pytest.fixture
    def broken_identity_provider(self):
        def new():
            provider = FakeIdentityProvider(ScriptedEntropy())
            provider.down = True
            return provider

        return new


class TestOutboxNotifier(CanPush):
    @pytest.fixture
    def new_notifier(self):
        return lambda: OutboxNotifier(AddressKind.RELAY, AddressKind.WEBPUSH)

    @pytest.fixture
    def broken_notifier(self):
        def new():
            outbox = OutboxNotifier()
            outbox.failing = True
            return outbox

        return new

    def payloads(self, notifier):
        return [
            {
                "guid": push.message.guid,
                "subject": push.message.subject,
                "account": push.message.account,
                "title": push.message.title,
                "body": push.message.body,
                "to": [address.value for address in push.addresses],
            }
            for push in notifier.pushes
        ]


class TestScriptedSender(contracts.CallbackSenderContract):
    shows_attempts = True
    can_script = True

    @pytest.fixture
    def new_sender(self):
        return ScriptedSender

    def attempts(self, sender) -> list[Delivery]:
        return [attempt.delivery for attempt in sender.attempts]

    def script(self, sender, status, location=None):
        sender.script(status)
