"""
The ports of a device: where its keys are, how the person is verified, and its clock.

An embedder gives its own adapters to `SoftwareDevice.make` and `read_device`; the defaults are
here. One more port, `counterseal_http.devices.Transport`, brings calls to the service: nothing here
does I/O.

A proof is valid for a few minutes around the service's time. So a device whose clock is wrong is
refused until it corrects the time that it signs. Each reply names the service's time (`Date`,
RFC 9110, 6.6.1).
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Any, Protocol

import attrs

from counterseal import keys
from counterseal.device.pin import SCRYPT_N, Entropy, WrappedKey, unwrap, wrap
from counterseal.errors import InvalidField
from counterseal.keys import PrivateKey, SigningKey
from counterseal.models import Algorithm, Role

CLOCK_TOLERANCE = timedelta(seconds=30)
"""A smaller difference is no reason for a refusal: the policy's window is wider on both sides."""

LARGEST_CORRECTION = timedelta(days=100 * 365)
"""A clock without a battery begins in 1970; a larger difference is no time of a service."""


class Clock(Protocol):
    """A source of time; `counterseal.ports.Clock` is one."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""


@attrs.frozen
class CorrectedClock:
    """A clock with a constant *offset* added to what it shows."""

    clock: Clock
    offset: timedelta

    def now(self) -> datetime:
        """Return the corrected time, aware, in UTC."""
        return self.clock.now() + self.offset


def corrected(clock: Clock, service_time: datetime) -> Clock:
    """
    Return *clock* with the difference added; *clock* itself if that is little, or impossible.

    Args:
        service_time: The service's time now, aware.
    """
    difference = service_time - clock.now()
    if not CLOCK_TOLERANCE < abs(difference) <= LARGEST_CORRECTION:
        return clock
    if isinstance(clock, CorrectedClock):
        return CorrectedClock(clock.clock, clock.offset + difference)
    return CorrectedClock(clock, difference)


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
