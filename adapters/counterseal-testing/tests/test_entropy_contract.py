"""Sources of entropy that break a clause each, caught by the checks of `EntropyContract`."""

import itertools

import pytest
from broken_adapters import BrokenAdapters

from counterseal.memory import SystemEntropy
from counterseal_testing import contracts

BROKEN = BrokenAdapters(contracts.EntropyContract(), SystemEntropy)
breaks = BROKEN.breaks


@breaks("ENTROPY-1")
class Repeats(SystemEntropy):
    _pool = itertools.cycle([SystemEntropy().token(1000) for _ in range(500)])

    def token(self, size):
        return next(self._pool)[:size]


@breaks("ENTROPY-1")
class CountsUp(SystemEntropy):
    _numbers = itertools.count()

    def token(self, size):
        return next(self._numbers).to_bytes(8)[-size:].rjust(size, b"\0")


@breaks("ENTROPY-1")
class IsOfHexDigits(SystemEntropy):
    def token(self, size):
        return super().token(size).hex().encode()[:size]


@breaks("ENTROPY-2")
class IsShort(SystemEntropy):
    def token(self, size):
        return super().token(min(size, 32))


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_source_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_source_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_source_has_a_broken_one():
    BROKEN.require_every_clause("ENTROPY")
