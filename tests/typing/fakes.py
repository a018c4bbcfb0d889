"""Each fake stands for its port; this file is type-checked and never run."""

from __future__ import annotations

from counterseal.ports import (
    CallbackSender,
    Clock,
    Entropy,
    IdentityProvider,
    Notifier,
    Ports,
    Store,
)
from counterseal_testing import (
    FakeIdentityProvider,
    Faults,
    FrozenClock,
    OutboxNotifier,
    ScriptedEntropy,
    ScriptedSender,
    fake_ports,
    faulty,
)


def every_fake() -> tuple[Clock, Entropy, Notifier, IdentityProvider, CallbackSender]:
    return (
        FrozenClock(),
        ScriptedEntropy(),
        OutboxNotifier(),
        FakeIdentityProvider(ScriptedEntropy()),
        ScriptedSender(),
    )


def a_faulty_port_is_what_it_was(store: Store) -> Store:
    return faulty(store, "store", Faults())


def ports_of_fakes() -> Ports:
    return fake_ports(seed=1)
