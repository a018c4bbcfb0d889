"""All ports of one service, side by side."""

from __future__ import annotations

import attrs

from counterseal.ports.guards import Counters, Idempotency, ReplayGuard
from counterseal.ports.outside import CallbackSender, IdentityProvider, Notifier
from counterseal.ports.secrets import Sealer, Signer
from counterseal.ports.store import Store
from counterseal.ports.world import Audit, Clock, Entropy, Wake


@attrs.frozen(kw_only=True)
class Ports:
    """
    The adapters that one service is put together from.

    A plain record: `attrs.evolve(ports, store=…)` puts another adapter in one's place.
    """

    store: Store
    notifier: Notifier
    identity: IdentityProvider
    sender: CallbackSender
    replay: ReplayGuard
    counters: Counters
    idempotency: Idempotency
    wake: Wake
    signer: Signer
    sealer: Sealer
    clock: Clock
    entropy: Entropy
    audit: Audit
