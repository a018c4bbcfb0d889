"""
The reference adapter of every driven port: in this process, with real locks.

Nothing survives the process.
Everything else is meant: the store is linearizable, the guards are exact,
the signer signs and the sealer seals.
"""

from __future__ import annotations

from counterseal.memory.guards import MemoryCounters, MemoryIdempotency, MemoryReplayGuard
from counterseal.memory.outside import CollectingSender, NoIdentityProvider, SilentNotifier
from counterseal.memory.secrets import MemorySealer, MemorySigner
from counterseal.memory.store import MemoryAudit, MemoryStore
from counterseal.memory.world import MemoryWake, SystemClock, SystemEntropy
from counterseal.models import Algorithm
from counterseal.ports import Clock, Entropy, Ports

__all__ = [
    "CollectingSender",
    "MemoryAudit",
    "MemoryCounters",
    "MemoryIdempotency",
    "MemoryReplayGuard",
    "MemorySealer",
    "MemorySigner",
    "MemoryStore",
    "MemoryWake",
    "NoIdentityProvider",
    "SilentNotifier",
    "SystemClock",
    "SystemEntropy",
    "memory_ports",
]


def memory_ports(
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    algorithm: Algorithm = Algorithm.ES256,
) -> Ports:
    """
    Put the reference adapters together.

    Args:
        clock: The system's if None.
        entropy: The system's if None.
        algorithm: What the service signs receipts with.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    audit = MemoryAudit()
    return Ports(
        store=MemoryStore(audit),
        notifier=SilentNotifier(),
        identity=NoIdentityProvider(),
        sender=CollectingSender(),
        replay=MemoryReplayGuard(clock),
        counters=MemoryCounters(clock),
        idempotency=MemoryIdempotency(),
        wake=MemoryWake(),
        signer=MemorySigner(algorithm, entropy),
        sealer=MemorySealer(entropy.token(32), entropy),
        clock=clock,
        entropy=entropy,
        audit=audit,
    )
