"""The contracts of ports, with what their fakes can do."""

from datetime import timedelta

from counterseal.models import PushOutcome, PushResult
from counterseal_testing import contracts


class CanLogIn(contracts.IdentityProviderContract):
    knows_users = True
    can_withdraw = True
    can_log_out = True
    can_revoke = True

    def log_in(self, provider, url):
        provider.admit("zoe")
        return provider.log_in(url, "zoe")

    def withdraw(self, provider):
        provider.withdraw("zoe")

    def log_out(self, provider):
        return provider.log_out("zoe")


class CanPush(contracts.NotifierContract):
    shows_what_it_sends = True
    has_dead_addresses = True
    has_malformed_addresses = True
    has_busy_addresses = True
    can_hang = True

    def payloads(self, notifier):
        return notifier.payloads

    def dead_address(self, notifier):
        dead = self.address(notifier, 99)
        notifier.dead.add(dead)
        return dead

    def malformed_address(self, notifier):
        malformed = self.address(notifier, 97)
        notifier.malformed.add(malformed)
        return malformed

    def busy_address(self, notifier):
        busy = self.address(notifier, 98)
        notifier.outcomes[busy] = PushOutcome(result=PushResult.LATER, after=timedelta(hours=1))
        return busy

    def hang(self, notifier):
        notifier.failing = True
