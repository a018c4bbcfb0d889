"""Signers that break a clause each, caught by the checks of `SignerContract`."""

import pytest
from broken_adapters import BrokenAdapters

from counterseal.errors import SignerUnavailable
from counterseal.keys import generate
from counterseal.memory import MemorySigner, SystemEntropy
from counterseal.models import Algorithm
from counterseal_testing import contracts


def newest_key(signer):
    return signer._keys[signer._public[0].kid]


def signers(kind):
    return lambda: kind(Algorithm.ES256, SystemEntropy())


class CanRotate(contracts.SignerContract):
    can_rotate = True

    def rotate(self, signer):
        signer.rotate()


BROKEN = BrokenAdapters(CanRotate(), MemorySigner, signers)
breaks = BROKEN.breaks


@breaks("SIGNER-1")
class SignsWithAnotherKeyThanTheFirst(MemorySigner):
    def sign(self, kid, data):
        super().sign(kid, data)
        return generate(Algorithm.ES256, kid=kid).sign(data)


@breaks("SIGNER-1")
class ListsTheOldestFirst(MemorySigner):
    def jwks(self):
        return tuple(reversed(super().jwks()))

    def sign(self, kid, data):
        return newest_key(self).sign(data)


@breaks("SIGNER-1")
class DropsTheOldKey(MemorySigner):
    def rotate(self):
        super().rotate()
        newest = newest_key(self)
        self._keys = {newest.public.kid: newest}
        self._public = self._public[:1]


@breaks("SIGNER-2")
class SignsAsDer(MemorySigner):
    def sign(self, kid, data):
        raw = super().sign(kid, data)
        halves = [int.from_bytes(half).to_bytes(33).lstrip(b"\0") for half in (raw[:32], raw[32:])]
        halves = [b"\0" + half if half[0] > 127 else half for half in halves]
        inner = b"".join(b"\x02" + bytes([len(half)]) + half for half in halves)
        return b"\x30" + bytes([len(inner)]) + inner


@breaks("SIGNER-3")
class SignsForAnyKey(MemorySigner):
    def sign(self, kid, data):
        try:
            return super().sign(kid, data)
        except SignerUnavailable:
            return newest_key(self).sign(data)


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_signer_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_signer_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_signer_has_a_broken_one():
    BROKEN.require_every_clause("SIGNER", "ALL-1")
