"""
The Sealer on master keys.

What is sealed is an envelope: one byte for its version, the id of the master key, and what the
core's `Aead` makes (AES-256-GCM).
So a new master key can take over at any time, and what older ones have sealed still opens.
"""

from __future__ import annotations

import contextlib

from counterseal.errors import Misuse, SealBroken
from counterseal.keys import Aead
from counterseal.ports import Entropy
from counterseal_server.keeping.master import ID_BYTES, MasterKey, MasterKeys

VERSION = b"\x01"
HEAD_BYTES = len(VERSION) + ID_BYTES


def sealed_by(sealed: bytes) -> bytes:
    """
    Return the id of the master key that has sealed *sealed*.

    Raises:
        SealBroken: It is no envelope of this software.
    """
    if sealed[: len(VERSION)] != VERSION or len(sealed) < HEAD_BYTES:
        raise SealBroken
    return sealed[len(VERSION) : HEAD_BYTES]


class FileSealer:
    """
    Encryption at rest under the newest master key.

    Args:
        master: The keys; a ring that changes is noticed.
        entropy: Gives the nonces.
    """

    def __init__(self, master: MasterKeys, entropy: Entropy) -> None:
        self._master = master
        self._entropy = entropy
        self._aeads: dict[bytes, Aead] = {}
        with contextlib.suppress(SealBroken):
            # SEALER-4: what is there is read now; each call says so if there is none.
            self._keys()

    def seal(self, plain: bytes, context: str) -> bytes:
        """
        Encrypt *plain* for *context*.

        Raises:
            SealBroken: The master key is out of reach.
        """
        key = self._keys()[0]
        return VERSION + key.id + self._aead(key).seal(plain, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        Decrypt what `seal` returned, under whichever master key.

        Raises:
            SealBroken: Another context, changed bytes, or a key that is not there.
        """
        name = sealed_by(sealed)
        for key in self._keys():
            if key.id == name:
                return self._aead(key).open(sealed[HEAD_BYTES:], context)
        raise SealBroken("a master key that is not there has sealed this")

    def _keys(self) -> tuple[MasterKey, ...]:
        try:
            return self._master.all()
        except (Misuse, OSError) as error:
            raise SealBroken(f"the master key is out of reach: {error}") from error

    def _aead(self, key: MasterKey) -> Aead:
        if key.id not in self._aeads:
            self._aeads[key.id] = Aead(key.secret, self._entropy.token)
        return self._aeads[key.id]
