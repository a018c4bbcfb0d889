"""
The contracts of the ports, one class each, as tests that an adapter's author inherits.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def new_store(self):
            return lambda: MyStore(...)

The fixture returns a factory, since some tests need a fresh adapter for each example.
Every test names the clause that it shows; a skipped one prints the clause that it does not.
Class attributes declare what else an adapter can do.
A run of pytest ends with a line for each class: how many clauses were shown, and why the others
were not. `run_checks` runs the same checks as plain functions, and returns a `Report`.
"""

from __future__ import annotations

from counterseal.testing.contracts.attestation import AttestationVerifierContract
from counterseal.testing.contracts.clauses import Report, clauses, run_checks
from counterseal.testing.contracts.counters import CountersContract
from counterseal.testing.contracts.idempotency import IdempotencyContract
from counterseal.testing.contracts.identity import IdentityProviderContract
from counterseal.testing.contracts.notifier import NotifierContract
from counterseal.testing.contracts.replay import ReplayGuardContract
from counterseal.testing.contracts.sealer import SealerContract
from counterseal.testing.contracts.sender import CallbackSenderContract
from counterseal.testing.contracts.signer import SignerContract
from counterseal.testing.contracts.small_ports import AuditContract, ClockContract, EntropyContract
from counterseal.testing.contracts.store import StoreContract
from counterseal.testing.contracts.store_history import StoreHistory
from counterseal.testing.contracts.wake import WakeContract

__all__ = [
    "AttestationVerifierContract",
    "AuditContract",
    "CallbackSenderContract",
    "ClockContract",
    "CountersContract",
    "EntropyContract",
    "IdempotencyContract",
    "IdentityProviderContract",
    "NotifierContract",
    "ReplayGuardContract",
    "Report",
    "SealerContract",
    "SignerContract",
    "StoreContract",
    "StoreHistory",
    "WakeContract",
    "clauses",
    "run_checks",
]
