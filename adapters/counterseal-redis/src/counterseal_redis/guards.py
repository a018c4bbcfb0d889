"""
The guards: replay keys, counters, and reservations of idempotency keys.

Each method is one script, so that no other call comes between its read and its write.
Ends are compared with the service's clock; the server's time to live only collects garbage.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal.models import Guid, Reservation
from counterseal.ports import Clock, Entropy
from counterseal_records import MICROSECOND, digest, microseconds, moment_at
from counterseal_redis.codec import compact, milliseconds
from counterseal_redis.commands import BEGIN, COUNT, FINISH, FIRST_SEEN, Argument, script_call
from counterseal_redis.keyspace import Keyspace

MARGIN = timedelta(minutes=10)
"""A guard's key is kept so much longer: the service's clock may step back as far as this."""

ENTROPY_BYTES = 8
"""Size of the random name of a call, which distinguishes a repeated call from another one."""


class RedisReplayGuard:
    """Remembers each key until its end."""

    def __init__(self, keyspace: Keyspace, clock: Clock, entropy: Entropy) -> None:
        self._keyspace = keyspace
        self._clock = clock
        self._entropy = entropy

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """Tell whether *key* is new, and remember it until *until*."""
        now = self._clock.now()
        arguments: list[Argument] = [
            microseconds(now),
            microseconds(until),
            milliseconds(until - now, MARGIN),
            self._entropy.token(ENTROPY_BYTES).hex(),
        ]
        stored_key = _key(self._keyspace, "y", *key)
        return bool(self._keyspace.write(script_call(FIRST_SEEN, [stored_key], arguments)))


class RedisCounters:
    """Counts in fixed windows; a count is that of two, so that a burst across both is counted."""

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._clock = clock

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """Count one more, and return the count: at least that of the last *window*."""
        length = window // MICROSECOND
        now = microseconds(self._clock.now())
        number = now // length
        remaining = ((number + 2) * length - now) * MICROSECOND
        stored_key = _key(self._keyspace, "c", *key, str(length))
        call = script_call(COUNT, [stored_key], [number, milliseconds(remaining, MARGIN)])
        count: int = self._keyspace.write(call)
        return count


class RedisIdempotency:
    """Reservations by scope and key."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """Reserve, or return the reservation that is in force."""
        arguments: list[Argument] = [
            microseconds(now),
            milliseconds(reservation.until - now, MARGIN),
            _bytes(reservation.fingerprint),
            reservation.guid,
            _bytes(reservation.holder),
            microseconds(reservation.lease_until),
            microseconds(reservation.until),
            int(reservation.finished),
        ]
        call = script_call(BEGIN, [self._key_of(reservation)], arguments)
        fingerprint, guid, holder, lease, until, finished = self._keyspace.write(call)
        return attrs.evolve(
            reservation,
            fingerprint=_text(fingerprint),
            guid=Guid(_text(guid)),
            holder=_text(holder),
            lease_until=moment_at(int(lease)),
            until=moment_at(int(until)),
            finished=finished == b"1",
        )

    def finish(self, reservation: Reservation) -> None:
        """Mark the reservation as finished."""
        call = script_call(FINISH, [self._key_of(reservation)], [reservation.guid])
        self._keyspace.write(call)

    def _key_of(self, reservation: Reservation) -> str:
        scope, origin = reservation.scope
        return _key(self._keyspace, "i", scope.value, origin, reservation.key)


def _key(keyspace: Keyspace, kind: str, *key: str) -> str:
    digested = digest(*key)
    return keyspace.key(digested[0], f"{kind}{compact(digested)}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
