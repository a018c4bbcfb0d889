"""
Master keys: everything that is sealed at rest is sealed by the newest of them.

A ring of keys is text: base64 of 32 bytes each, separated by commas or white space, the newest
first.
It stands in the environment, in a file, or in both; then those of the environment are newer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path

import attrs

from counterseal.ports import Entropy
from counterseal_server.keeping import private
from counterseal_server.keeping.errors import MasterKeyMissing, UnfitMasterKey

KEY_BYTES = 32
ID_BYTES = 8
FILE = "master.key"
VARIABLE = "COUNTERSEAL_MASTER_KEY"

_SEPARATOR = re.compile(r"[\s,]+")


@attrs.frozen
class MasterKey:
    """
    One master key.

    Attributes:
        id: Stands in front of what it has sealed; a hash of the key, which has 256 bits.
    """

    id: bytes
    secret: bytes = attrs.field(repr=False)


class MasterKeys:
    """
    The ring of master keys.

    Args:
        given: The environment's ring; None if it has none.
        path: The file, which need not be there.

    Raises:
        UnfitMasterKey: *given* holds something else.
    """

    def __init__(self, given: str | None, path: Path) -> None:
        self.path = path
        self._given = () if given is None else ring(given, VARIABLE)
        self._file = private.Kept(path, self._read)

    def __repr__(self) -> str:
        """Name the file, and no key."""
        return f"MasterKeys(path={str(self.path)!r})"

    def all(self) -> tuple[MasterKey, ...]:
        """
        Return the keys; the first one seals.

        Raises:
            MasterKeyMissing: There is none.
            UnfitMasterKey: The file holds something else.
            OSError: The file cannot be read.
        """
        try:
            found = self._given + self._file.get()
        except FileNotFoundError:
            found = self._given
        if not found:
            raise MasterKeyMissing(f"there is none in {self.path}, and no {VARIABLE}")
        return found

    @property
    def from_environment(self) -> bool:
        """Tell whether the environment says what seals."""
        return bool(self._given)

    def make(self, entropy: Entropy) -> None:
        """
        Put a new key before those of the file.

        Raises:
            UnfitMasterKey: The file holds something else.
            OSError: The file cannot be written.
        """
        with private.alone(private.folder(self.path.parent)):
            old = self.path.read_text("ascii") if self.path.exists() else ""
            ring(old, str(self.path))
            made = base64.b64encode(entropy.token(KEY_BYTES)).decode("ascii")
            private.write(self.path, f"{made}\n{old}".encode("ascii"))

    def _read(self, data: bytes) -> tuple[MasterKey, ...]:
        # What is not ASCII is no base64 either.
        return ring(data.decode("ascii", "replace"), str(self.path))


def ring(text: str, place: str) -> tuple[MasterKey, ...]:
    """
    Read a ring of keys.

    Args:
        text: The ring.
        place: Where it stands; the error names it.

    Raises:
        UnfitMasterKey: Something in it is not 32 bytes in base64.
    """
    secrets = [_key(one, place) for one in _SEPARATOR.split(text) if one]
    return tuple(MasterKey(_id(secret), secret) for secret in secrets)


def _id(secret: bytes) -> bytes:
    return hashlib.sha256(b"counterseal master key\x00" + secret).digest()[:ID_BYTES]


def _key(text: str, place: str) -> bytes:
    problem = f"{place}: not {KEY_BYTES} bytes in base64"
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise UnfitMasterKey(problem) from None
    if len(key) != KEY_BYTES:
        raise UnfitMasterKey(problem)
    return key
