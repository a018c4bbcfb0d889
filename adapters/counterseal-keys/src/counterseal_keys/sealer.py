"""
The Sealer on master keys.

A sealed value is an envelope: one byte for its version, the id of the master key, and the output of
the core's `Aead` (AES-256-GCM).
So a new master key can be used at any time, and what older ones have sealed can still be opened.
"""

from __future__ import annotations

import contextlib

from counterseal.errors import Misuse, SealBroken
from counterseal.keys import Aead
from counterseal.ports import Entropy
from counterseal_keys.master_keys import ID_BYTES, MasterKey, MasterKeys

VERSION = b"\x01"
HEAD_BYTES = len(VERSION) + ID_BYTES


def sealing_key_id(sealed: bytes) -> bytes:
    """
    Return the id of the master key that has sealed *sealed*.

    Raises:
        SealBroken: *sealed* is not an envelope of this software.
    """
    if sealed[: len(VERSION)] != VERSION or len(sealed) < HEAD_BYTES:
        raise SealBroken
    return sealed[len(VERSION) : HEAD_BYTES]


class FileSealer:
    """
    Encryption at rest under the newest master key.

    Args:
        master_keys: The keys; a change of their file is noticed at the next use.
        entropy: Gives the nonces.
    """

    def __init__(self, master_keys: MasterKeys, entropy: Entropy) -> None:
        self._master_keys = master_keys
        self._entropy = entropy
        self._aeads: dict[bytes, Aead] = {}
        with contextlib.suppress(SealBroken):
            # SEALER-4: the file is read now; each call raises if there is none.
            self._load_keys()

    def seal(self, plain: bytes, context: str) -> bytes:
        """
        Encrypt *plain* for *context*.

        Raises:
            SealBroken: The master keys cannot be read.
        """
        key = self._load_keys()[0]
        return VERSION + key.id + self._aead(key).seal(plain, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        Decrypt what `seal` returned, under any of the master keys.

        Raises:
            SealBroken: The context differs, bytes were changed, or the master key is missing.
        """
        key_id = sealing_key_id(sealed)
        for key in self._load_keys():
            if key.id == key_id:
                return self._aead(key).open(sealed[HEAD_BYTES:], context)
        raise SealBroken("the master key that has sealed this is missing")

    def _load_keys(self) -> tuple[MasterKey, ...]:
        try:
            return self._master_keys.load()
        except (Misuse, OSError) as error:
            raise SealBroken(f"the master keys cannot be read: {error}") from error

    def _aead(self, key: MasterKey) -> Aead:
        if key.id not in self._aeads:
            self._aeads[key.id] = Aead(key.secret, self._entropy.token)
        return self._aeads[key.id]
