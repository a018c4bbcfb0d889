"""
Help for tests: of programs that embed Counterseal, of adapters, and of Counterseal itself.

- `FakeService` is a service in memory with every use case; `Phone` is a user's, whose strong key
  may be a `FakePasskey`.
- The fakes stand for ports: `FrozenClock`, `ScriptedEntropy`, `OutboxNotifier`,
  `FakeIdentityProvider`, `ScriptedSender`; `fake_ports` puts them together.
- `FakeAttestationVerifier` verifies registrations of passkeys, and a `FakeModel` makes them.
- `pictures` makes PNGs, for logos.
- `Faults` lets ports fail, lose replies, crash, and let others act in between.
- `strategies` makes questions, challenges as JSON, and more, for Hypothesis.
- The contracts, one class for each port, are tests that the author of an adapter inherits:
  see `counterseal_testing.contracts`, and `StoreContract` for one.
- `linearizability` decides whether concurrent calls could have happened one after the other.
- `WholeCore`, `NewDevices`, `Refusals` and `ApprovedActions` are Hypothesis state machines: they
  play histories of the core on your adapters, checked by an oracle that shares no code with it.
- `OwnApp` is one too: it plays histories of your app, and checks that it acts once, if approved.

`counterseal.testing` has the same names. Nothing that runs in production imports either.
"""
# ruff: noqa: E402 (pytest has to know first whose assertions it is to explain)

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("counterseal_testing.contracts", "counterseal_testing.histories")

from counterseal_testing import contracts, linearizability, pictures, strategies
from counterseal_testing.attestation import FakeAttestationVerifier, FakeModel
from counterseal_testing.authenticator import FakePasskey
from counterseal_testing.clock import START, FrozenClock
from counterseal_testing.contracts import (
    AttestationVerifierContract,
    AuditContract,
    CallbackSenderContract,
    ClockContract,
    CountersContract,
    EntropyContract,
    IdempotencyContract,
    IdentityProviderContract,
    NotifierContract,
    ReplayGuardContract,
    SealerContract,
    SignerContract,
    StoreContract,
    WakeContract,
)
from counterseal_testing.entropy import ScriptedEntropy
from counterseal_testing.faults import Crash, Fault, Faults, faulty, faulty_ports
from counterseal_testing.histories import (
    ApprovedActions,
    NewDevices,
    OwnApp,
    Refusals,
    WholeCore,
)
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider, Return
from counterseal_testing.outbox import OutboxNotifier, Push
from counterseal_testing.phone import Phone
from counterseal_testing.sender import Attempt, ScriptedSender
from counterseal_testing.service import FakeService, fake_ports

__all__ = [
    "APP_RETURN",
    "START",
    "ApprovedActions",
    "Attempt",
    "AttestationVerifierContract",
    "AuditContract",
    "CallbackSenderContract",
    "ClockContract",
    "CountersContract",
    "Crash",
    "EntropyContract",
    "FakeAttestationVerifier",
    "FakeIdentityProvider",
    "FakeModel",
    "FakePasskey",
    "FakeService",
    "Fault",
    "Faults",
    "FrozenClock",
    "IdempotencyContract",
    "IdentityProviderContract",
    "NewDevices",
    "NotifierContract",
    "OutboxNotifier",
    "OwnApp",
    "Phone",
    "Push",
    "Refusals",
    "ReplayGuardContract",
    "Return",
    "ScriptedEntropy",
    "ScriptedSender",
    "SealerContract",
    "SignerContract",
    "StoreContract",
    "WakeContract",
    "WholeCore",
    "contracts",
    "fake_ports",
    "faulty",
    "faulty_ports",
    "linearizability",
    "pictures",
    "strategies",
]
