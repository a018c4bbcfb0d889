"""Sealers that break a clause each, caught by the checks of `SealerContract`."""

import contextlib
import socket
import threading
from pathlib import Path

import pytest
from broken_adapters import BrokenAdapters

from counterseal.errors import SealBroken
from counterseal.memory import MemorySealer, SystemEntropy
from counterseal_testing import contracts


def sealers(kind):
    return lambda: kind(bytes(32), SystemEntropy())


BROKEN = BrokenAdapters(contracts.SealerContract(), MemorySealer, sealers)
breaks = BROKEN.breaks


@breaks("SEALER-1")
class SealsAlike(MemorySealer):
    def __init__(self, key, entropy):
        class Zeros:
            def token(self, size):
                return bytes(size)

        super().__init__(key, Zeros())


@breaks("SEALER-2")
class IgnoresTheContext(MemorySealer):
    def seal(self, plain, context):
        return super().seal(plain, "")

    def open(self, sealed, context):
        return super().open(sealed, "")


@breaks("SEALER-2")
class OpensWhatWasChanged(MemorySealer):
    def open(self, sealed, context):
        try:
            return super().open(sealed, context)
        except SealBroken:
            return b"" if len(sealed) < 20 else super().open(sealed[:-1], context)


@breaks("SEALER-3")
class AuthenticatesOnly(MemorySealer):
    def seal(self, plain, context):
        return super().seal(plain, context) + plain

    def open(self, sealed, context):
        for size in range(len(sealed) // 2 + 1):
            try:
                plain = super().open(sealed[: len(sealed) - size], context)
            except SealBroken:
                continue
            if len(plain) == size and sealed.endswith(plain):
                return plain
        raise SealBroken


class ReadsItsKey(MemorySealer):
    """It asks for the key at each call, which is where a key service would be called."""

    def __init__(self, key, entropy):
        super().__init__(key, entropy)
        self._path = Path(__file__)

    def seal(self, plain, context):
        self.read()
        return super().seal(plain, context)

    def open(self, sealed, context):
        self.read()
        return super().open(sealed, context)

    def read(self):
        return self._path.read_bytes()


@breaks("SEALER-4")
class ReadsItsKeyToOpen(ReadsItsKey):
    def seal(self, plain, context):
        return MemorySealer.seal(self, plain, context)


@breaks("SEALER-4")
class ReadsItsKeyFirst(ReadsItsKey):
    """The first call reads, which a decision would wait for."""

    _is_loaded = False

    def read(self):
        if not self._is_loaded:
            super().read()
        self._is_loaded = True


@breaks("SEALER-4")
class CallsAKeyService(ReadsItsKey):
    def read(self):
        socket.create_connection(("127.0.0.1", 1), timeout=1)


@breaks("SEALER-4")
class HidesThatItWaits(ReadsItsKey):
    def read(self):
        with contextlib.suppress(Exception):
            super().read()


@breaks("SEALER-4")
class StartsAThread(ReadsItsKey):
    def read(self):
        threading.Thread(target=print).start()


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_sealer_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_sealer_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_sealer_has_a_broken_one():
    BROKEN.require_every_clause("SEALER", "ALL-1")
