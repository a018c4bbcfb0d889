"""
The guards: what has been seen, how often, and by whom it was begun.

Each verb is one script, so that no two callers come between its reading and its writing.
A server's time to live only collects garbage: what counts is compared with the service's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal.models import Guid, Reservation
from counterseal.ports import Clock, Entropy
from counterseal_records import MICROSECOND, digest, microseconds, moment_at
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import scripted
from counterseal_redis.scripts import BEGIN, COUNT, FINISH, FIRST_SEEN
from counterseal_redis.values import compact, milliseconds

MARGIN = timedelta(minutes=10)
"""How far the clock may step back before something is forgotten too early."""

ENTROPY_BYTES = 8
"""Tells two questions about one replay key apart; who guesses it gains nothing."""


class RedisReplayGuard:
    """Remembers each key until its time is over."""

    def __init__(self, keyspace: Keyspace, clock: Clock, entropy: Entropy) -> None:
        self._keyspace = keyspace
        self._clock = clock
        self._entropy = entropy

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """
        Tell whether *key* is new, and remember it until *until*.

        Raises:
            Unavailable: Redis did not answer.
        """
        now = self._clock.now()
        arguments: list[str | bytes | int] = [
            microseconds(now),
            microseconds(until),
            milliseconds(until - now, MARGIN),
            self._entropy.token(ENTROPY_BYTES).hex(),
        ]
        place = _place(self._keyspace, "y", *key)
        return bool(self._keyspace.write(scripted(FIRST_SEEN, [place], arguments)))


class RedisCounters:
    """Counts in fixed windows; two neighbours count together, so that no burst fits between."""

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._clock = clock

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """
        Count one more; never fewer than the last *window* really had.

        Raises:
            Unavailable: Redis did not answer.
        """
        length = window // MICROSECOND
        now = microseconds(self._clock.now())
        number = now // length
        left = ((number + 2) * length - now) * MICROSECOND
        place = _place(self._keyspace, "c", *key, str(length))
        call = scripted(COUNT, [place], [number, milliseconds(left, MARGIN)])
        count: int = self._keyspace.write(call)
        return count


class RedisIdempotency:
    """Reservations by scope and key."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """
        Reserve, or return the reservation that is in force.

        Raises:
            Unavailable: Redis did not answer.
        """
        arguments: list[str | bytes | int] = [
            microseconds(now),
            milliseconds(reservation.until - now, MARGIN),
            _bytes(reservation.fingerprint),
            reservation.guid,
            _bytes(reservation.holder),
            microseconds(reservation.lease_until),
            microseconds(reservation.until),
            int(reservation.finished),
        ]
        call = scripted(BEGIN, [self._held(reservation)], arguments)
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
        """
        Mark the reservation as finished.

        Raises:
            Unavailable: Redis did not answer.
        """
        call = scripted(FINISH, [self._held(reservation)], [reservation.guid])
        self._keyspace.write(call)

    def _held(self, reservation: Reservation) -> str:
        scope, origin = reservation.scope
        return _place(self._keyspace, "i", scope.value, origin, reservation.key)


def _place(keyspace: Keyspace, kind: str, *key: str) -> str:
    digested = digest(*key)
    return keyspace.key(digested[0], f"{kind}{compact(digested)}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
