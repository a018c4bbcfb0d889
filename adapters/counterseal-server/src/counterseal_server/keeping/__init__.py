"""
Keys at rest, in files of this machine: the master keys, and the service's signing keys.

- `MasterKeys`: what everything else is sealed by; from the environment, a file, or both.
- `FileSealer`: encryption at rest under the newest of them; the older ones still open.
- `FileSigner`: the service's signing keys in one file, each of them sealed.

All files are readable by their owner only, and are replaced whole or not at all.
"""

from __future__ import annotations

from counterseal_server.keeping.errors import KeysExist, MasterKeyMissing, UnfitMasterKey
from counterseal_server.keeping.master import MasterKeys
from counterseal_server.keeping.sealer import FileSealer, sealed_by
from counterseal_server.keeping.signer import FileSigner

__all__ = [
    "FileSealer",
    "FileSigner",
    "KeysExist",
    "MasterKeyMissing",
    "MasterKeys",
    "UnfitMasterKey",
    "sealed_by",
]
