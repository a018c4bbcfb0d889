"""Each reference adapter stands for its port; this file is type-checked and never run."""

from __future__ import annotations

from counterseal.memory import (
    CollectingSender,
    MemoryAudit,
    MemoryCounters,
    MemoryIdempotency,
    MemoryReplayGuard,
    MemorySealer,
    MemorySigner,
    MemoryStore,
    MemoryWake,
    NoIdentityProvider,
    SilentNotifier,
    SystemClock,
    SystemEntropy,
)
from counterseal.ports import (
    Audit,
    CallbackSender,
    Clock,
    Counters,
    Entropy,
    Idempotency,
    IdentityProvider,
    Notifier,
    ReplayGuard,
    Sealer,
    Signer,
    Store,
    Wake,
)


def every_port(
    *,
    audit: MemoryAudit,
    counters: MemoryCounters,
    idempotency: MemoryIdempotency,
    replay: MemoryReplayGuard,
    sealer: MemorySealer,
    signer: MemorySigner,
    store: MemoryStore,
) -> tuple[
    Audit,
    CallbackSender,
    Clock,
    Counters,
    Entropy,
    Idempotency,
    IdentityProvider,
    Notifier,
    ReplayGuard,
    Sealer,
    Signer,
    Store,
    Wake,
]:
    return (
        audit,
        CollectingSender(),
        SystemClock(),
        counters,
        SystemEntropy(),
        idempotency,
        NoIdentityProvider(),
        SilentNotifier(),
        replay,
        sealer,
        signer,
        store,
        MemoryWake(),
    )
