"""
The Signer on one file: the service's signing keys, the newest first, each of them sealed.

One file, so that a rotation happens whole or not at all; every process that signs notices it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from counterseal import keys, read_json
from counterseal.errors import (
    CountersealError,
    InvalidField,
    MalformedToken,
    SignerUnavailable,
)
from counterseal.keys import PrivateKey, b64url, unb64url
from counterseal.models import Algorithm, PublicKey
from counterseal.models.sealing import signing_key_context
from counterseal.ports import Entropy, Sealer
from counterseal_server.keeping import private
from counterseal_server.keeping.errors import KeysExist

FILE = "signing.json"
VERSION = 1
KID_BYTES = 16

Ring: TypeAlias = tuple[PrivateKey, ...]


class FileSigner:
    """
    The service's signing keys.

    Args:
        path: The file, which `make` and `rotate` write.
        sealer: Seals the private keys.
        entropy: Names them.
    """

    def __init__(self, path: Path, sealer: Sealer, entropy: Entropy) -> None:
        self.path = path
        self._sealer = sealer
        self._entropy = entropy
        self._file = private.Kept(path, self._read)

    def jwks(self) -> tuple[PublicKey, ...]:
        """
        Return the public keys; the first one signs.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        return tuple(key.public for key in self._ring())

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        Raises:
            SignerUnavailable: There is no such key, or the file cannot be read or opened.
        """
        for key in self._ring():
            if key.public.kid == kid:
                return key.sign(data)
        raise SignerUnavailable

    def make(self, algorithm: Algorithm) -> None:
        """
        Make the first key.

        Raises:
            KeysExist: There are keys already.
            SealBroken: The master key is out of reach.
            OSError: The file cannot be written.
        """
        with private.alone(private.folder(self.path.parent)):
            if self.path.exists():
                raise KeysExist
            self._write((self._made(algorithm),))

    def rotate(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Make a new key that signs from now on; the old ones stay valid.

        Args:
            algorithm: The newest key's if None.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master key is out of reach.
            OSError: The file cannot be written.
        """
        with private.alone(self.path.parent):
            old = self._ring()
            new = self._made(algorithm or old[0].public.algorithm)
            self._write((new, *old))
        return new.public

    def reseal(self) -> None:
        """
        Seal the keys anew, under the master key of now.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master key is out of reach.
            OSError: The file cannot be written.
        """
        with private.alone(self.path.parent):
            self._write(self._ring())

    def envelopes(self) -> tuple[bytes, ...]:
        """
        Return the keys as they are sealed.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        self._ring()
        return tuple(unb64url(one["sealed"]) for one in read_json(self.path.read_bytes())["keys"])

    def _ring(self) -> Ring:
        try:
            return self._file.get()
        except FileNotFoundError as error:
            raise SignerUnavailable(
                f"there are no signing keys in {self.path.parent}: is it the right data folder,"
                " and did `init` found it?"
            ) from error
        except (CountersealError, OSError) as error:
            raise SignerUnavailable(f"the signing keys cannot be read: {error}") from error

    def _made(self, algorithm: Algorithm) -> PrivateKey:
        return keys.generate(algorithm, kid=b64url(self._entropy.token(KID_BYTES)))

    def _write(self, ring: Ring) -> None:
        held = [
            {
                "kid": key.public.kid,
                "algorithm": key.public.algorithm.value,
                "sealed": b64url(
                    self._sealer.seal(key.pkcs8(), signing_key_context(key.public.kid))
                ),
            }
            for key in ring
        ]
        private.write(self.path, json.dumps({"version": VERSION, "keys": held}).encode())

    def _read(self, data: bytes) -> Ring:
        document: Any = read_json(data, field=FILE)
        try:
            if document["version"] != VERSION or not document["keys"]:
                raise InvalidField(FILE, "not written by this software")
            return tuple(self._opened(one) for one in document["keys"])
        except (KeyError, TypeError, ValueError, MalformedToken):
            raise InvalidField(FILE, "not written by this software") from None

    def _opened(self, held: Any) -> PrivateKey:
        kid = held["kid"]
        plain = self._sealer.open(unb64url(held["sealed"]), signing_key_context(kid))
        return keys.private_key(plain, kid=kid, algorithm=Algorithm(held["algorithm"]))
