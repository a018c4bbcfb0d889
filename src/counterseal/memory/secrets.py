"""The service's keys in this process's memory."""

from __future__ import annotations

import threading

from counterseal import keys
from counterseal.errors import SignerUnavailable
from counterseal.keys import PrivateKey, Vault, b64url
from counterseal.models import Algorithm, PublicKey
from counterseal.ports import Entropy

KID_BYTES = 16


class MemorySigner:
    """
    Signing keys, the newest first.

    Args:
        algorithm: Of the first key.
        entropy: Names the keys.
    """

    def __init__(self, algorithm: Algorithm, entropy: Entropy) -> None:
        self._algorithm = algorithm
        self._entropy = entropy
        self._lock = threading.Lock()
        self._keys: dict[str, PrivateKey] = {}
        self._public: tuple[PublicKey, ...] = ()
        self.rotate()

    def jwks(self) -> tuple[PublicKey, ...]:
        """Return the public keys; the first one signs."""
        return self._public

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        Raises:
            SignerUnavailable: There is no such key.
        """
        key = self._keys.get(kid)
        if key is None:
            raise SignerUnavailable
        return key.sign(data)

    def rotate(self) -> None:
        """Make a new key that signs from now on; the old ones stay valid."""
        made = keys.generate(self._algorithm, kid=b64url(self._entropy.token(KID_BYTES)))
        with self._lock:
            self._keys[made.public.kid] = made
            self._public = (made.public, *self._public)


class MemorySealer:
    """
    AES-256-GCM under one key.

    Args:
        key: 32 bytes.
        entropy: Gives the nonces.
    """

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._vault = Vault(key, entropy.token)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt *plain* for *context*."""
        return self._vault.seal(plain, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        Decrypt what `seal` returned.

        Raises:
            SealBroken: Another context, or changed bytes.
        """
        return self._vault.open(sealed, context)
