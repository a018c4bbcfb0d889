"""Reserving: an idempotency key holds the GUID that its call will create."""

from __future__ import annotations

from typing import Any

from counterseal import ijson, keys
from counterseal.errors import KeyInProgress, KeyReused, Unavailable
from counterseal.models import Guid, KeyScope, RelyingParty, Reservation
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.sizes import text_fits

HOLDER_BYTES = 16


def reserve(
    ports: Ports,
    policy: Policy,
    scope: KeyScope,
    party: RelyingParty,
    payload: dict[str, Any],
    *,
    key: str,
    guid: Guid,
) -> Reservation:
    """
    Reserve *guid* for *key*, or find what was reserved for it before.

    Args:
        scope: What the call does.
        party: The origin, whose own the key is.
        payload: What tells the call from others with the same key.

    Raises:
        InvalidField: The key does not fit, or I-JSON cannot hold the payload.
        KeyReused: The key was used for another payload.
        KeyInProgress: A call with the key is running.
        Unavailable: The port failed.
    """
    text_fits(key, policy.idempotency_key_bytes, "idempotencyKey")
    now = ports.clock.now()
    wanted = Reservation(
        scope=(scope, party.origin.guid),
        key=key,
        fingerprint=keys.digest(ijson.canonical(payload, field=scope.value)),
        guid=guid,
        holder=keys.b64url(ports.entropy.token(HOLDER_BYTES)),
        lease_until=now + policy.idempotency_lease,
        until=now + policy.idempotency_life,
    )
    held = ports.idempotency.begin(wanted, now)
    if held.fingerprint != wanted.fingerprint:
        raise KeyReused
    if not held.finished and held.holder != wanted.holder:
        raise KeyInProgress
    return held


def conclude(ports: Ports, reservation: Reservation) -> None:
    """
    Mark the call of *reservation* as over, whatever became of it, if the port answers.

    A later call with the key finds what was created under the reserved GUID, or tries again.
    """
    try:
        ports.idempotency.finish(reservation)
    except Unavailable:
        # The record is committed under the reserved GUID: a later call finds it there.
        return
