"""The fakes pass the whole kit."""

from datetime import timedelta

import pytest

from counterseal.models import AddressKind, Delivery, PushAddress, PushOutcome, PushResult
from counterseal_testing import FakeIdentityProvider, OutboxNotifier, ScriptedEntropy, contracts
from counterseal_testing.sender import ScriptedSender


class TestScriptedEntropy(contracts.EntropyContract):
    @pytest.fixture
    def new_entropy(self):
        return ScriptedEntropy


class TestFakeIdentityProvider(contracts.IdentityProviderContract):
    knows_users = True
    can_withdraw = True
    can_log_out = True
    can_revoke = True

    @pytest.fixture
    def new_identity_provider(self):
        return self.admitting

    @pytest.fixture
    def broken_identity_provider(self):
        def new():
            provider = self.admitting()
            provider.down = True
            return provider

        return new

    def admitting(self):
        provider = FakeIdentityProvider(ScriptedEntropy())
        provider.admit("zoe")
        return provider

    def log_in(self, provider, url):
        return provider.log_in(url, "zoe")

    def withdraw(self, provider):
        provider.withdraw("zoe")

    def log_out(self, provider):
        return provider.log_out("zoe")


class TestOutboxNotifier(contracts.NotifierContract):
    shows_what_it_sends = True
    has_dead_addresses = True
    has_malformed_addresses = True
    has_busy_addresses = True

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

    def malformed_address(self, notifier):
        malformed = self.address(notifier, 97)
        notifier.malformed.add(malformed)
        return malformed

    def dead_address(self, notifier):
        dead = PushAddress(kind=self.kind, value="dead")
        notifier.dead.add(dead)
        return dead

    def busy_address(self, notifier):
        busy = PushAddress(kind=self.kind, value="busy")
        notifier.outcomes[busy] = PushOutcome(result=PushResult.LATER, after=timedelta(hours=1))
        return busy


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
