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

from counterseal_testing.contracts.attestation import AttestationVerifierContract
from counterseal_testing.contracts.clauses import Report, clauses, run_checks
from counterseal_testing.contracts.counters import CountersContract
from counterseal_testing.contracts.idempotency import IdempotencyContract
from counterseal_testing.contracts.identity import IdentityProviderContract
from counterseal_testing.contracts.notifier import NotifierContract
from counterseal_testing.contracts.replay import ReplayGuardContract
from counterseal_testing.contracts.sealer import SealerContract
from counterseal_testing.contracts.sender import CallbackSenderContract
from counterseal_testing.contracts.signer import SignerContract
from counterseal_testing.contracts.small_ports import AuditContract, ClockContract, EntropyContract
from counterseal_testing.contracts.store import StoreContract
from counterseal_testing.contracts.store_history import StoreHistory
from counterseal_testing.contracts.wake import WakeContract

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
