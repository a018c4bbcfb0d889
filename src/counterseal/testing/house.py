"""All fakes of one service, put together with the memory adapters."""

from __future__ import annotations

from counterseal.memory import memory_ports
from counterseal.models import Algorithm
from counterseal.ports import CallbackSender, IdentityProvider, Notifier, Ports
from counterseal.testing.clock import FrozenClock
from counterseal.testing.entropy import ScriptedEntropy
from counterseal.testing.identity import FakeIdentityProvider
from counterseal.testing.outbox import OutboxNotifier
from counterseal.testing.sender import ScriptedSender


def fake_ports(
    *,
    seed: int = 0,
    clock: FrozenClock | None = None,
    entropy: ScriptedEntropy | None = None,
    notifier: Notifier | None = None,
    identity: IdentityProvider | None = None,
    sender: CallbackSender | None = None,
    algorithm: Algorithm = Algorithm.ES256,
) -> Ports:
    """
    Return ports for tests: no time passes, luck follows from *seed*, nothing leaves the process.

    Args:
        seed: Of the luck, unless *entropy* is given.
        clock: What the test wants to hold in hand itself, as are the others.
        entropy: The same.
        notifier: The same.
        identity: The same.
        sender: The same.
        algorithm: What the service signs receipts with.
    """
    luck = entropy or ScriptedEntropy(seed)
    ports = memory_ports(clock=clock or FrozenClock(), entropy=luck, algorithm=algorithm)
    return Ports(
        store=ports.store,
        notifier=notifier or OutboxNotifier(),
        identity=identity or FakeIdentityProvider(luck),
        sender=sender or ScriptedSender(),
        replay=ports.replay,
        counters=ports.counters,
        idempotency=ports.idempotency,
        wake=ports.wake,
        signer=ports.signer,
        sealer=ports.sealer,
        clock=ports.clock,
        entropy=luck,
        audit=ports.audit,
    )
