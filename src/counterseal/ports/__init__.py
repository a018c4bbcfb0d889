"""
The ports: what the core asks of the world, as protocols and nothing else.

Each method's docstring is its contract, as numbered clauses.
The conformance kit and `docs/reference/ports.md` cite the numbers.

For every port:

- ALL-1: what fails leaves as `Unavailable` or one of its kinds; no library's exception leaves.
- ALL-2: methods may be called from many threads at once.
- ALL-3: nothing is logged that a record keeps out of its `repr`.
"""

from __future__ import annotations

from counterseal.ports.guards import Counters, Idempotency, ReplayGuard
from counterseal.ports.house import Ports
from counterseal.ports.outside import CallbackSender, IdentityProvider, Notifier
from counterseal.ports.secrets import Sealer, Signer
from counterseal.ports.store import Due, Store
from counterseal.ports.world import Audit, Clock, Entropy, Wake

__all__ = [
    "Audit",
    "CallbackSender",
    "Clock",
    "Counters",
    "Due",
    "Entropy",
    "Idempotency",
    "IdentityProvider",
    "Notifier",
    "Ports",
    "ReplayGuard",
    "Sealer",
    "Signer",
    "Store",
    "Wake",
]
