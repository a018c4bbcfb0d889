"""Sets the storage ports to adapters on one database."""

from __future__ import annotations

import attrs

from counterseal.ports import Ports
from counterseal_sql.audit import SqlAudit
from counterseal_sql.database import Database
from counterseal_sql.guards import SqlCounters, SqlIdempotency, SqlReplayGuard
from counterseal_sql.store import SqlStore


def with_sql(ports: Ports, database: Database) -> Ports:
    """Return *ports* with every port that stores something on *database*."""
    return attrs.evolve(
        ports,
        store=SqlStore(database, ports.clock),
        audit=SqlAudit(database),
        replay=SqlReplayGuard(database, ports.clock),
        counters=SqlCounters(database, ports.clock),
        idempotency=SqlIdempotency(database),
    )
