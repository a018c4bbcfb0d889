"""
Master keys: everything that is sealed at rest is sealed by the newest of them.

Their text has each key as base64 of 32 bytes, separated by commas or white space, newest first.
It comes from the environment, from a file, or from both; then the environment's keys are newer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path

import attrs

from counterseal.ports import Entropy
from counterseal_keys import private_files
from counterseal_keys.errors import MasterKeyMissing, UnfitMasterKey

KEY_BYTES = 32
ID_BYTES = 8
VARIABLE = "COUNTERSEAL_MASTER_KEY"

_SEPARATOR = re.compile(r"[\s,]+")


@attrs.frozen
class MasterKey:
    """
    One master key.

    Attributes:
        id: A hash of the key; every envelope that the key has sealed begins with it.
    """

    id: bytes
    secret: bytes = attrs.field(repr=False)


class MasterKeys:
    """
    The master keys, the newest first.

    Args:
        environment: The value of `COUNTERSEAL_MASTER_KEY`; None if it is not set.
        path: The file, which need not exist.

    Raises:
        UnfitMasterKey: *environment* has something that is not 32 bytes in base64.
    """

    def __init__(self, environment: str | None, path: Path) -> None:
        self.path = path
        self._environment_keys = (
            () if environment is None else parse_master_keys(environment, VARIABLE)
        )
        self._file = private_files.CachedFile(path, self._parse)

    def __repr__(self) -> str:
        """Name the file, and no key."""
        return f"MasterKeys(path={str(self.path)!r})"

    def load(self) -> tuple[MasterKey, ...]:
        """
        Return the keys; the first one seals.

        Raises:
            MasterKeyMissing: There is none.
            UnfitMasterKey: The file has something that is not 32 bytes in base64.
            OSError: The file cannot be read.
        """
        try:
            keys = self._environment_keys + self._file.load()
        except FileNotFoundError:
            keys = self._environment_keys
        if not keys:
            raise MasterKeyMissing(f"there is none in {self.path}, and no {VARIABLE}")
        return keys

    @property
    def in_environment(self) -> bool:
        """Tell whether the key that seals comes from the environment."""
        return bool(self._environment_keys)

    def create(self, entropy: Entropy) -> None:
        """
        Create a new key before those of the file.

        Raises:
            UnfitMasterKey: The file has something that is not 32 bytes in base64.
            OSError: The file cannot be written.
        """
        with private_files.lock(private_files.make_parent(self.path)):
            self._prepend(entropy)

    def create_missing(self, entropy: Entropy) -> None:
        """
        Create the first key, unless there is a file or the environment has one.

        Raises:
            OSError: The file cannot be written.
        """
        if self.in_environment or self.path.exists():
            return  # The file's folder may be another one's, such as that of a container's secrets.
        with private_files.lock(private_files.make_parent(self.path)):
            if not self.path.exists():
                self._prepend(entropy)

    def _prepend(self, entropy: Entropy) -> None:
        old = self.path.read_text("ascii") if self.path.exists() else ""
        parse_master_keys(old, str(self.path))
        new = base64.b64encode(entropy.token(KEY_BYTES)).decode("ascii")
        private_files.write(self.path, f"{new}\n{old}".encode("ascii"))

    def _parse(self, data: bytes) -> tuple[MasterKey, ...]:
        # Text that is not ASCII is not base64 either.
        return parse_master_keys(data.decode("ascii", "replace"), str(self.path))


def parse_master_keys(text: str, source: str) -> tuple[MasterKey, ...]:
    """
    Parse a list of keys.

    Args:
        text: The keys in base64, separated by commas or white space.
        source: The variable or the file that *text* comes from; the error names it.

    Raises:
        UnfitMasterKey: Something in *text* is not 32 bytes in base64.
    """
    secrets = [_parse_key(one, source) for one in _SEPARATOR.split(text) if one]
    return tuple(MasterKey(_key_id(secret), secret) for secret in secrets)


def _key_id(secret: bytes) -> bytes:
    return hashlib.sha256(b"counterseal master key\x00" + secret).digest()[:ID_BYTES]


def _parse_key(text: str, source: str) -> bytes:
    problem = f"{source}: not {KEY_BYTES} bytes in base64"
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise UnfitMasterKey(problem) from None
    if len(key) != KEY_BYTES:
        raise UnfitMasterKey(problem)
    return key
