"""The reference adapters, and the fakes, pass the whole kit."""

from datetime import timedelta

import pytest

from counterseal import memory
from counterseal.models import (
    AddressKind,
    Algorithm,
    Delivery,
    PushAddress,
    PushOutcome,
    PushResult,
)
from counterseal.testing import FakeIdentityProvider, OutboxNotifier, ScriptedEntropy, contracts
from counterseal.testing.sender import ScriptedSender

pytest_plugins = ["pytester"]


class TestMemoryStore(contracts.StoreContract):
    can_forget = True

    @pytest.fixture
    def new_store(self):
        return lambda: memory.MemoryStore(memory.MemoryAudit())

    def forget(self, store, before):
        store.forget(before)


class TestMemoryAudit(contracts.AuditContract):
    @pytest.fixture
    def new_audit(self):
        return memory.MemoryAudit


class TestMemoryReplayGuard(contracts.ReplayGuardContract):
    @pytest.fixture
    def new_replay_guard(self):
        return memory.MemoryReplayGuard


class TestMemoryCounters(contracts.CountersContract):
    @pytest.fixture
    def new_counters(self):
        return memory.MemoryCounters


class TestMemoryIdempotency(contracts.IdempotencyContract):
    @pytest.fixture
    def new_idempotency(self):
        return memory.MemoryIdempotency


class TestMemoryWake(contracts.WakeContract):
    @pytest.fixture
    def new_wake(self):
        return memory.MemoryWake


class TestSystemClock(contracts.ClockContract):
    @pytest.fixture
    def new_clock(self):
        return memory.SystemClock


class TestSystemEntropy(contracts.EntropyContract):
    @pytest.fixture
    def new_entropy(self):
        return memory.SystemEntropy


class TestMemorySigner(contracts.SignerContract):
    can_rotate = True

    @pytest.fixture(params=[Algorithm.ES256, Algorithm.EDDSA], ids=lambda kind: kind.value)
    def new_signer(self, request):
        return lambda: memory.MemorySigner(request.param, memory.SystemEntropy())

    def rotate(self, signer):
        signer.rotate()


class TestMemorySealer(contracts.SealerContract):
    @pytest.fixture
    def new_sealer(self):
        return lambda: memory.MemorySealer(bytes(32), memory.SystemEntropy())


class TestCollectingSender(contracts.CallbackSenderContract):
    shows_attempts = True

    @pytest.fixture
    def new_sender(self):
        return memory.CollectingSender

    def attempts(self, sender):
        return sender.deliveries


class TestNoIdentityProvider(contracts.IdentityProviderContract):
    @pytest.fixture
    def new_identity_provider(self):
        return memory.NoIdentityProvider

    @pytest.fixture
    def broken_identity_provider(self):
        return memory.NoIdentityProvider


# The fakes stand for ports whose reference adapter does nothing


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


# Every test says what an author forgot


def test_a_forgotten_fixture_fails_every_test(pytester):
    pytester.makepyfile("""
        from counterseal.testing.contracts import ReplayGuardContract

        class TestNothing(ReplayGuardContract):
            pass
    """)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    outcomes = result.parseoutcomes()
    assert outcomes["errors"] >= 5
    assert set(outcomes) <= {"errors", "skipped"}
    result.stdout.fnmatch_lines(["*NotImplementedError: give the fixture `new_replay_guard`*"])


def test_a_skip_prints_its_clause(pytester):
    pytester.makepyfile("""
        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal.testing import StoreContract

        class TestMine(StoreContract):
            @pytest.fixture
            def new_store(self):
                return lambda: MemoryStore(MemoryAudit())
    """)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs", "-k", "19 or 20 or 22")

    result.assert_outcomes(skipped=5, passed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*STORE-19 is not shown*leaves all of its commit, or nothing*"])


def test_a_connection_left_open_by_a_crash_warns_in_no_other_test(pytester):
    pytester.makepyfile("""
        import gc
        import warnings

        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal.testing import StoreContract

        class Connection:
            def __init__(self):
                self.itself = self

            def __del__(self):
                warnings.warn("left open", ResourceWarning)

        class Store(MemoryStore):
            def commit(self, *args):
                Connection()
                super().commit(*args)

        class TestMine(StoreContract):
            survives_a_crash = True

            @pytest.fixture
            def new_store(self):
                gc.disable()
                return lambda: Store(MemoryAudit())

            def reopened(self, store):
                return store

        def test_elsewhere():
            gc.enable()
            gc.collect()
    """)

    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-W", "error", "-k", "at_every_line or elsewhere"
    )

    result.assert_outcomes(passed=2, deselected=result.parseoutcomes()["deselected"])
