"""The reference adapters pass the whole kit."""

import pytest

from counterseal import memory
from counterseal.models import Algorithm
from counterseal_testing import contracts


class TestMemoryStore(contracts.StoreContract):
    can_forget = True
    finds_parts = True

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
