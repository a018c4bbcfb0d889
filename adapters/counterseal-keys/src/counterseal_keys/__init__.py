"""
A `Signer` and a `Sealer` on key files of this machine.

- `KeyFiles`: the master keys and the signing keys of one service, in one folder.
- `MasterKeys`: the keys that seal everything else; from the environment, a file, or both.
- `FileSealer`: encryption at rest under the newest master key; the older ones still open.
- `FileSigner`: the service's signing keys in one file, each sealed by a master key.
- `PublishedKey`: a signing key of the key set, which signs, will sign next, or is retired.
- `private_files`: files for their owner only, replaced whole or not at all.
"""

from __future__ import annotations

from counterseal_keys import private_files
from counterseal_keys.errors import (
    KeyPrepared,
    KeysExist,
    MasterKeyInEnvironment,
    MasterKeyMissing,
    UnfitMasterKey,
)
from counterseal_keys.key_files import KeyFiles
from counterseal_keys.master_keys import MasterKeys
from counterseal_keys.sealer import FileSealer, sealing_key_id
from counterseal_keys.signer import FileSigner
from counterseal_keys.signing_keys import KeyState, PublishedKey

__all__ = [
    "FileSealer",
    "FileSigner",
    "KeyFiles",
    "KeyPrepared",
    "KeyState",
    "KeysExist",
    "MasterKeyInEnvironment",
    "MasterKeyMissing",
    "MasterKeys",
    "PublishedKey",
    "UnfitMasterKey",
    "private_files",
    "sealing_key_id",
]
