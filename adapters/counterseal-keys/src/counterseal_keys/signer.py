"""
The Signer on one file: the service's signing keys, the newest first, each of them sealed.

It is one file, so that a rotation is written completely or not at all. Every process notices it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from counterseal import ijson, keys
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
from counterseal_keys import private_files
from counterseal_keys.errors import KeysExist

FIELD = "signing.json"
VERSION = 1
KID_BYTES = 16

Keys: TypeAlias = tuple[PrivateKey, ...]


class FileSigner:
    """
    The service's signing keys.

    Args:
        path: The file, which `create` and `rotate` write.
        sealer: Seals the private keys.
        entropy: Creates the `kid` of each key.
    """

    def __init__(self, path: Path, sealer: Sealer, entropy: Entropy) -> None:
        self.path = path
        self._sealer = sealer
        self._entropy = entropy
        self._file = private_files.CachedFile(path, self._parse)

    def jwks(self) -> tuple[PublicKey, ...]:
        """
        Return the public keys; the first one signs.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        return tuple(key.public for key in self._load())

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        Raises:
            SignerUnavailable: There is no such key, or the file cannot be read or opened.
        """
        for key in self._load():
            if key.public.kid == kid:
                return key.sign(data)
        raise SignerUnavailable

    def create(self, algorithm: Algorithm) -> None:
        """
        Create the first key.

        Raises:
            KeysExist: The file exists.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(private_files.make_folder(self.path.parent)):
            if self.path.exists():
                raise KeysExist
            self._write((self._generate(algorithm),))

    def rotate(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Create a key that signs from now on; the old ones stay valid.

        Args:
            algorithm: Its algorithm; the newest key's if None.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(self.path.parent):
            old = self._load()
            new = self._generate(algorithm or old[0].public.algorithm)
            self._write((new, *old))
        return new.public

    def reseal(self) -> None:
        """
        Seal the keys again, under the newest master key.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(self.path.parent):
            self._write(self._load())

    def sealed_keys(self) -> tuple[bytes, ...]:
        """
        Return the keys in their sealed form.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        self._load()
        document: Any = ijson.parse(self.path.read_bytes(), field=FIELD)
        return tuple(unb64url(entry["sealed"]) for entry in document["keys"])

    def _load(self) -> Keys:
        try:
            return self._file.load()
        except FileNotFoundError as error:
            raise SignerUnavailable(
                f"there are no signing keys in {self.path.parent}: is it the right folder,"
                " and were the keys created in it?"
            ) from error
        except (CountersealError, OSError) as error:
            raise SignerUnavailable(f"the signing keys cannot be read: {error}") from error

    def _generate(self, algorithm: Algorithm) -> PrivateKey:
        return keys.generate(algorithm, kid=b64url(self._entropy.token(KID_BYTES)))

    def _write(self, signing_keys: Keys) -> None:
        entries = [
            {
                "kid": key.public.kid,
                "algorithm": key.public.algorithm.value,
                "sealed": b64url(
                    self._sealer.seal(key.pkcs8(), signing_key_context(key.public.kid))
                ),
            }
            for key in signing_keys
        ]
        private_files.write(self.path, json.dumps({"version": VERSION, "keys": entries}).encode())

    def _parse(self, data: bytes) -> Keys:
        document: Any = ijson.parse(data, field=FIELD)
        try:
            if document["version"] != VERSION or not document["keys"]:
                raise InvalidField(FIELD, "not written by this software")
            return tuple(self._open(entry) for entry in document["keys"])
        except (KeyError, TypeError, ValueError, MalformedToken):
            raise InvalidField(FIELD, "not written by this software") from None

    def _open(self, entry: Any) -> PrivateKey:
        kid = entry["kid"]
        plain = self._sealer.open(unb64url(entry["sealed"]), signing_key_context(kid))
        return keys.private_key(plain, kid=kid, algorithm=Algorithm(entry["algorithm"]))
