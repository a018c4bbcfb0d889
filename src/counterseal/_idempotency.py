"""
Idempotency: a key holds the GUID that its call creates, so that a repeat finds what was created.

    with reserve(ports, policy, KeyScope.ISSUE, party, payload, key=key, guid=guid) as call:
        ...  # create `call.guid`, or return what is there

The reservation is marked as finished when the block ends, also if the call failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from counterseal import ijson, keys
from counterseal._input_limits import text_fits
from counterseal._plan import Reading, Records, record_with_account
from counterseal._transaction import Loaded
from counterseal.errors import KeyInProgress, KeyReused, Unavailable
from counterseal.models import Guid, KeyScope, RelyingParty, Reservation
from counterseal.policy import Policy
from counterseal.ports import Ports

HOLDER_BYTES = 16

JUST_BEGUN = timedelta(seconds=2)
"""A call that has run for longer has probably died: others take milliseconds."""

SHORT_WAIT = timedelta(seconds=1)


class IdempotentCall:
    """
    A call under an idempotency key, which has reserved a GUID.

    Attributes:
        guid: Of the record that this call creates, or that an earlier call has created.
    """

    __slots__ = ("_is_new", "_ports", "guid", "reservation")

    def __init__(self, ports: Ports, reservation: Reservation, new_guid: Guid) -> None:
        self._ports = ports
        self.reservation = reservation
        self.guid = reservation.guid
        self._is_new = reservation.guid == new_guid

    @property
    def first(self) -> Reading[Records] | Loaded[Records]:
        """
        What the call reads first: the record of its GUID, and its account.

        If this call has made the GUID, there is no such record, and nothing has to be read.
        """
        reading = record_with_account(self.guid)
        nothing = (None, None)
        return Loaded(nothing, nothing, reading=reading) if self._is_new else reading

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._ports.idempotency.finish(self.reservation)
        except Unavailable:
            # The record is committed under the reserved GUID: a later call finds it there.
            return


def reserve(
    ports: Ports,
    policy: Policy,
    scope: KeyScope,
    party: RelyingParty,
    payload: dict[str, Any],
    *,
    key: str,
    guid: Guid,
) -> IdempotentCall:
    """
    Reserve *guid* for *key*, or find what was reserved for it before.

    Args:
        party: The origin that the key belongs to.
        payload: What the call asks for; a key is refused for another payload.

    Raises:
        InvalidField: The key is empty or too long, or I-JSON cannot hold the payload.
        KeyReused: The key was used for another payload.
        KeyInProgress: A call with the key is running.
    """
    text_fits(key, policy.idempotency_key_bytes, "idempotencyKey")
    now = ports.clock.now()
    new_reservation = Reservation(
        scope=(scope, party.origin.guid),
        key=key,
        fingerprint=keys.digest(ijson.canonical(payload, field=scope.value)),
        guid=guid,
        holder=keys.b64url(ports.entropy.token(HOLDER_BYTES)),
        lease_until=now + policy.idempotency_lease,
        until=now + policy.idempotency_life,
    )
    reservation = ports.idempotency.begin(new_reservation, now)
    if reservation.fingerprint != new_reservation.fingerprint:
        raise KeyReused
    if not reservation.finished and reservation.holder != new_reservation.holder:
        raise KeyInProgress(_seconds_to_wait(reservation, policy, now))
    return IdempotentCall(ports, reservation, guid)


def _seconds_to_wait(reservation: Reservation, policy: Policy, now: datetime) -> float:
    """Return how long a call waits for the call that holds its key."""
    remaining = reservation.lease_until - now
    has_just_begun = policy.idempotency_lease - remaining < JUST_BEGUN
    wait = min(remaining, SHORT_WAIT) if has_just_begun else remaining
    return max(wait, timedelta(0)).total_seconds()
