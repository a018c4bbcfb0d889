"""
The ports of a device: where its keys are, and how the person is verified.

An embedder gives its own adapters to `SoftwareDevice.make` and `read_device`; the defaults are
here. The third port, `counterseal_http.devices.Transport`, brings calls to the service: nothing
here does I/O.
"""

from __future__ import annotations

import enum
from typing import Any, Protocol

import attrs

from counterseal import keys
from counterseal.device.pin import SCRYPT_N, Entropy, WrappedKey, unwrap, wrap
from counterseal.errors import InvalidField
from counterseal.keys import PrivateKey, SigningKey
from counterseal.models import Algorithm, Role


class KeyStore(Protocol):
    """Where a device's keys are made and kept: in memory, in a TPM, in the platform's key store."""

    def generate(self, role: Role, algorithm: Algorithm, /, *, kid: str) -> SigningKey:
        """
        Make a new key.

        Args:
            role: What the device uses it for.
            algorithm: Of the key; its signatures are as JWS carries them.
            kid: Its key id, by which `load` and `delete` find it.

        Raises:
            UnfitKey: The store cannot make keys of *algorithm*.
        """

    def load(self, role: Role, /, *, kid: str) -> SigningKey:
        """
        Return a key that an earlier process has made.

        Raises:
            InvalidField: The store does not have it.
        """

    def delete(self, *, kid: str) -> None:
        """Delete a key that is no longer used, if the store has it."""


class SoftwareKeys:
    """Keys in this process's memory, which `device_document` stores; the default."""

    def generate(self, _role: Role, algorithm: Algorithm, /, *, kid: str) -> PrivateKey:
        """
        Make a new key.

        Raises:
            UnfitKey: This installation does not have *algorithm*.
        """
        return keys.generate(algorithm, kid=kid)

    def load(self, role: Role, /, *, kid: str) -> SigningKey:
        """
        Refuse: these keys are in the device's document.

        Raises:
            InvalidField: Always.
        """
        raise InvalidField("device file", f"the {role.value} key {kid} is in another key store")

    def delete(self, *, kid: str) -> None:
        """Do nothing: the key goes with its last reference."""


class Purpose(enum.Enum):
    """What the strong key is about to sign."""

    ENROL = "enrol"
    ANSWER = "answer"
    DISOWN = "disown"
    ROTATE = "rotate"
    CONFIRM = "confirm"
    COMPARE = "compare"
    """Nothing: its public key is needed, for a comparison code."""
    OTHER = "other"
    """What the caller of `SoftwareDevice.unlock` signs."""


@attrs.frozen(kw_only=True)
class Unlocking:
    """
    Why the strong key is needed, for the words of a prompt.

    Attributes:
        pin: What the person typed; empty if the caller asked for none.
        display: The document that an answer is for; None for all else.
        button: Index of the chosen button; None for all but answers.
    """

    pin: str = attrs.field(repr=False)
    purpose: Purpose
    display: dict[str, Any] | None = None
    button: int | None = None


class UserVerification(Protocol):
    """How the person is verified before the strong key signs."""

    def protect(self, key: SigningKey, pin: str, /) -> WrappedKey | SigningKey:
        """
        Return *key*, which is new, as the device keeps it.

        Args:
            pin: What the person chose; empty if the caller asked for none.

        Raises:
            InvalidField: It cannot protect a key like this one.
        """

    def unlock(self, key: WrappedKey | SigningKey, request: Unlocking, /) -> SigningKey:
        """
        Verify the person, and return the key for one signature; called for each.

        Args:
            key: As `protect` has returned it, or a passkey.

        Raises:
            WrongPin: The person was not verified. Any other error prevents the signature too.
        """


@attrs.frozen
class PinVerification:
    """
    The PIN encrypts the strong key; the service finds out whether it was right. The default.

    A passkey's authenticator verifies the person itself.

    Attributes:
        cost: The N of scrypt (RFC 7914) for new keys.
    """

    entropy: Entropy
    cost: int = SCRYPT_N

    def protect(self, key: SigningKey, pin: str, /) -> WrappedKey:
        """
        Encrypt *key* under *pin*.

        Raises:
            InvalidField: The key's bytes are not here, so no PIN can encrypt them.
        """
        if not isinstance(key, PrivateKey):
            raise InvalidField("strongKey", "in a key store, where a PIN does not protect it")
        return wrap(key, pin, self.entropy, cost=self.cost)

    def unlock(self, key: WrappedKey | SigningKey, request: Unlocking, /) -> SigningKey:
        """
        Return the key that the PIN gives.

        Raises:
            WrongPin: The PIN is wrong; RSA only.
        """
        return unwrap(key, request.pin, self.entropy) if isinstance(key, WrappedKey) else key


@attrs.frozen(kw_only=True)
class Rotation:
    """
    New keys that the service has not accepted yet.

    Attributes:
        body: What to send.
    """

    body: bytes = attrs.field(repr=False)
    device_key: SigningKey
    strong_key: WrappedKey | SigningKey
