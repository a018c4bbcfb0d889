"""The key files of one service: its master keys and signing keys in one folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

from counterseal.models import Algorithm, PublicKey
from counterseal.ports import Clock, Entropy
from counterseal_keys.errors import KeysExist, MasterKeyInEnvironment
from counterseal_keys.master_keys import VARIABLE, MasterKeys
from counterseal_keys.sealer import FileSealer, sealing_key_id
from counterseal_keys.signer import FileSigner

MASTER_FILE = "master.key"
SIGNING_FILE = "signing.json"


class KeyFiles:
    """
    The keys of one service in one folder.

    Every process of the service has an instance of its own, which notices at its next use that
    another process has rotated a key.

    Args:
        folder: Where the files are.
        entropy: Creates keys and their names, and gives the sealer its nonces.
        clock: Says when a signing key came into its state.
        master_key: The value of `COUNTERSEAL_MASTER_KEY`; None if it is not set.
        master_key_file: Where the master keys are, if not in *folder*.

    Attributes:
        master_keys: The master keys.
        sealer: The `Sealer` under the newest master key.
        signer: The `Signer`, whose keys are sealed.

    Raises:
        UnfitMasterKey: *master_key* has something that is not 32 bytes in base64.
    """

    def __init__(
        self,
        folder: Path,
        entropy: Entropy,
        clock: Clock,
        *,
        master_key: str | None = None,
        master_key_file: Path | None = None,
    ) -> None:
        self._entropy = entropy
        self.master_keys = MasterKeys(master_key, master_key_file or folder / MASTER_FILE)
        self.sealer = FileSealer(self.master_keys, entropy)
        self.signer = FileSigner(folder / SIGNING_FILE, self.sealer, entropy, clock)

    def create_missing(self, algorithm: Algorithm = Algorithm.ES256) -> None:
        """
        Create the first master key and the first signing key, unless they exist.

        Any number of processes may call it at once: they all get the same keys.
        Call it when the service is installed.
        A service that calls it at each start creates new keys if its files are lost, and can then
        open nothing that the lost keys have sealed.

        Args:
            algorithm: The algorithm of the first signing key.

        Raises:
            SignerUnavailable: The signing keys cannot be read or opened; their master key may be
                missing.
            SealBroken: The master keys cannot be read.
            OSError: A file cannot be written.
        """
        if not self.signer.path.exists():
            self.master_keys.create_missing(self._entropy)
            with contextlib.suppress(KeysExist):
                self.signer.create(algorithm)
        self.signer.jwks()

    def prepare_signing_key(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Create a signing key that is published from now on, and signs after the next rotation.

        Verifiers that cache the key set have it then before it signs.

        Args:
            algorithm: Its algorithm; the signing key's if None.

        Raises:
            KeyPrepared: One is prepared already.
            SignerUnavailable: The signing keys cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        return self.signer.prepare(algorithm)

    def rotate_signing_key(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Let the prepared signing key sign from now on, or a new one if none is prepared.

        The old keys stay valid.

        Args:
            algorithm: The algorithm of the new key; None for the prepared key's, or else the
                signing key's.

        Raises:
            KeyPrepared: The prepared key has another algorithm than *algorithm*.
            SignerUnavailable: The signing keys cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        return self.signer.rotate(algorithm)

    def rotate_master_key(self) -> None:
        """
        Create a master key that seals from now on, and seal the signing keys under it.

        What older master keys have sealed still opens: do not remove them.

        Raises:
            MasterKeyInEnvironment: The newest master key comes from the environment; only its
                owner can put a newer one there.
            SignerUnavailable: The signing keys cannot be read or opened.
            UnfitMasterKey: The file has something that is not 32 bytes in base64.
            OSError: A file cannot be written.
        """
        if self.master_keys.in_environment:
            raise MasterKeyInEnvironment(
                f"{VARIABLE} has the newest master key: put the new one before it there,"
                " with a comma, and then seal the signing keys again"
            )
        self.signer.jwks()
        self.master_keys.create(self._entropy)
        self.signer.reseal()

    def sealed_by_newest(self) -> bool:
        """
        Tell whether the newest master key has sealed every signing key.

        Raises:
            MasterKeyMissing: There is no master key.
            UnfitMasterKey: The file has something that is not 32 bytes in base64.
            SignerUnavailable: The signing keys cannot be read or opened.
        """
        newest = self.master_keys.load()[0].id
        return all(sealing_key_id(sealed) == newest for sealed in self.signer.sealed_keys())
