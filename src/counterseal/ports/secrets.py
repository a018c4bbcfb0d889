"""The service's own secrets: signing keys, and encryption at rest."""

from __future__ import annotations

from typing import Protocol

from counterseal.models import PublicKey


class Signer(Protocol):
    """Holds the service's signing keys."""

    def jwks(self) -> tuple[PublicKey, ...]:
        """
        Return the service's public keys.

        - SIGNER-1: the first one signs; the others are still valid, and stay in the list.

        Raises:
            SignerUnavailable: The keys are out of reach.
        """

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        - SIGNER-2: the signature is as JWS carries it, for the key's algorithm.
        - SIGNER-3: a key that is not in `jwks` signs nothing.

        Raises:
            SignerUnavailable: The key is unknown or out of reach.
        """


class Sealer(Protocol):
    """Encrypts secrets that have to be read again."""

    def seal(self, plain: bytes, context: str) -> bytes:
        """
        Encrypt *plain* for *context*.

        - SEALER-1: two calls with the same arguments give different results.
        - SEALER-3: nothing of *plain* can be read in the result but its length.

        Raises:
            SealBroken: The key is out of reach.
        """

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        Decrypt what `seal` returned.

        - SEALER-2: only the same *context*, and bytes that nobody changed, open,
          and what was sealed comes back.

        Raises:
            SealBroken: Anything else.
        """
