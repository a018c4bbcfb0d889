"""The traced adapters fulfil the contracts of their ports, in a trace and without one."""

import pytest
from opentelemetry.trace import use_span

from counterseal.memory import MemoryAudit, MemoryStore
from counterseal_otel import TracedSender, TracedStore
from counterseal_testing import ScriptedSender, contracts


@pytest.fixture(autouse=True)
def _in_a_trace(backend):
    with use_span(backend.instruments.tracer.start_span("a test"), end_on_exit=True):
        yield


class TestTracedStore(contracts.StoreContract):
    can_forget = True
    finds_parts = True

    @pytest.fixture
    def new_store(self, backend):
        return lambda: TracedStore(
            MemoryStore(MemoryAudit()), backend.instruments, database="memory"
        )

    def recorded(self, store):
        return store._store.recorded()

    def forget(self, store, before):
        store._store.forget(before)


class TestTracedSender(contracts.CallbackSenderContract):
    shows_attempts = True
    can_script = True

    @pytest.fixture
    def new_sender(self, backend):
        return lambda: TracedSender(ScriptedSender(), backend.instruments)

    def attempts(self, sender):
        return [attempt.delivery for attempt in sender._sender.attempts]

    def script(self, sender, status, location=None):
        sender._sender.script(status)
