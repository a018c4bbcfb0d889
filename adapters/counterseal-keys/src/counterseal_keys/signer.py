"""
The Signer on one file: the service's signing keys in the order of the key set, each of them sealed.

It is one file, so that a rotation is written completely or not at all. Every process notices it.
"""

from __future__ import annotations

from pathlib import Path

from counterseal import keys
from counterseal.bindings.documents.enrolment import KEYSET_LIMIT, KEYSET_TYP
from counterseal.errors import CountersealError, MalformedToken, SignerUnavailable
from counterseal.keys import PrivateKey, b64url
from counterseal.models import Algorithm, PublicKey
from counterseal.ports import Clock, Entropy, Sealer
from counterseal_keys import private_files, signing_keys
from counterseal_keys.errors import KeysExist
from counterseal_keys.signing_keys import KeyState, PublishedKey, SigningKey, SigningKeys

KID_BYTES = 16


class FileSigner:
    """
    The service's signing keys.

    Args:
        path: The file, which `create`, `prepare` and `rotate` write.
        sealer: Seals the private keys.
        entropy: Creates the `kid` of each key.
        clock: Says when a key came into its state.
    """

    def __init__(self, path: Path, sealer: Sealer, entropy: Entropy, clock: Clock) -> None:
        self.path = path
        self._sealer = sealer
        self._entropy = entropy
        self._clock = clock
        self._file = private_files.CachedFile(path, self._parse)

    def jwks(self) -> tuple[PublicKey, ...]:
        """
        Return the public keys; the first one signs, and the second one may be prepared.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        return tuple(key.private.public for key in self._load())

    def published_keys(self) -> tuple[PublishedKey, ...]:
        """
        Return the public keys with their states, in the order of `jwks`.

        Raises:
            SignerUnavailable: The file cannot be read or opened.
        """
        return tuple(key.published for key in self._load())

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        A prepared key signs no receipt. It only endorses the key set, as each published key does.

        Raises:
            SignerUnavailable: There is no such key, the key is prepared and *data* is no
                endorsement, or the file cannot be read or opened.
        """
        for key in self._load():
            if key.private.public.kid == kid:
                if key.state is KeyState.PREPARED and not _is_endorsement(data):
                    raise SignerUnavailable("the key is prepared: it signs after the next rotation")
                return key.private.sign(data)
        raise SignerUnavailable

    def create(self, algorithm: Algorithm) -> None:
        """
        Create the first key.

        Raises:
            KeysExist: The file exists.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(private_files.make_parent(self.path)):
            if self.path.exists():
                raise KeysExist
            first = self._generate(algorithm)
            self._write((SigningKey(first, KeyState.SIGNING, self._clock.now()),))

    def prepare(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Create a key that is published from now on, and signs after the next rotation.

        Args:
            algorithm: Its algorithm; the signing key's if None.

        Raises:
            KeyPrepared: One is prepared already.
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(self.path.parent):
            old = self._load()
            new = self._generate(algorithm or old[0].private.public.algorithm)
            self._write(signing_keys.add_prepared(old, new, self._clock.now()))
        return new.public

    def rotate(self, algorithm: Algorithm | None = None) -> PublicKey:
        """
        Let the prepared key sign from now on, or a new one if none is prepared.

        The old keys stay valid.

        Args:
            algorithm: The algorithm of the new key; None for the prepared key's, or else the
                signing key's.

        Raises:
            KeyPrepared: The prepared key has another algorithm than *algorithm*.
            SignerUnavailable: The file cannot be read or opened.
            SealBroken: The master keys cannot be read.
            OSError: The file cannot be written.
        """
        with private_files.lock(self.path.parent):
            rotated = signing_keys.rotate(
                self._load(), self._generate, algorithm, self._clock.now()
            )
            self._write(rotated)
        return rotated[0].private.public

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
        return signing_keys.read_sealed_keys(self.path.read_bytes())

    def _load(self) -> SigningKeys:
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

    def _write(self, new: SigningKeys) -> None:
        private_files.write(self.path, signing_keys.write_document(new, self._sealer))

    def _parse(self, data: bytes) -> SigningKeys:
        return signing_keys.read_document(data, self._sealer)


def _is_endorsement(data: bytes) -> bool:
    # `read` wants a signature, which there is none of yet.
    token = data.decode("ascii", "replace") + ".AA"
    try:
        return keys.read(token, limit=KEYSET_LIMIT).header.typ == KEYSET_TYP
    except MalformedToken:
        return False
