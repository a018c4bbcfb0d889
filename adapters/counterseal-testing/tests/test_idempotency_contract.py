"""Reservations that break a clause each, caught by the checks of `IdempotencyContract`."""

import pytest
from broken_adapters import BrokenAdapters, slow

from counterseal.memory import MemoryIdempotency
from counterseal_testing import contracts

BROKEN = BrokenAdapters(contracts.IdempotencyContract(), MemoryIdempotency)
breaks = BROKEN.breaks


@breaks("IDEMPOTENCY-1")
class ReservesTwice(MemoryIdempotency):
    def begin(self, reservation, now):
        stored = self._reservations.get((reservation.scope, reservation.key))
        slow()
        if stored is None:
            self._reservations[reservation.scope, reservation.key] = reservation
            return reservation
        return super().begin(reservation, now)


@breaks("IDEMPOTENCY-2")
class TakesAnotherPayload(MemoryIdempotency):
    def begin(self, reservation, now):
        stored = self._reservations.get((reservation.scope, reservation.key))
        result = super().begin(reservation, now)
        if stored and stored.fingerprint != reservation.fingerprint and stored.lease_until <= now:
            self._reservations[reservation.scope, reservation.key] = reservation
            return reservation
        return result


@breaks("IDEMPOTENCY-3")
class TakesOverWithAnotherGuid(MemoryIdempotency):
    def begin(self, reservation, now):
        result = super().begin(reservation, now)
        if result.holder == reservation.holder:
            self._reservations[reservation.scope, reservation.key] = reservation
            return reservation
        return result


@breaks("IDEMPOTENCY-3")
class NeverTakesOver(MemoryIdempotency):
    def begin(self, reservation, now):
        stored = self._reservations.get((reservation.scope, reservation.key))
        return stored or super().begin(reservation, now)


@breaks("IDEMPOTENCY-4")
class KeepsForEver(MemoryIdempotency):
    def begin(self, reservation, now):
        stored = self._reservations.get((reservation.scope, reservation.key))
        return stored if stored and stored.finished else super().begin(reservation, now)


@breaks("IDEMPOTENCY-5")
class ForgetsThatItFinished(MemoryIdempotency):
    def finish(self, reservation):
        pass


@breaks("IDEMPOTENCY-6")
class KnowsOneScope(MemoryIdempotency):
    def begin(self, reservation, now):
        for (_, key), stored in self._reservations.items():
            if key == reservation.key:
                return stored
        return super().begin(reservation, now)


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_reservation_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_reservation_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_reservation_has_a_broken_one():
    BROKEN.require_every_clause("IDEMPOTENCY", "ALL-1")
