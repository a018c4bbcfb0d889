"""A pretend phone: a software device whose calls reach the use cases without a network."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal import Answers, Confirmations, Devices, Invitation
from counterseal.bindings.documents.confirmation import Choice, NewDevice
from counterseal.bindings.documents.device import EndedRequest
from counterseal.device import SoftwareDevice, sign_confirmation
from counterseal.errors import NotBound
from counterseal.models import Account, Binding, Challenge, DeviceCall, Guid, RefusalReason, Role

SERVICE = "https://service.example"
"""Where the pretend service is reached; a device proof names the address it was made for."""


@attrs.define(kw_only=True)
class Phone:
    """
    A person's phone, and the person.

    Attributes:
        device: What the phone holds.
        pin: What the person types; a test may make it wrong.
    """

    answers: Answers
    devices: Devices
    confirmations: Confirmations
    device: SoftwareDevice
    pin: str = attrs.field(repr=False)

    @property
    def guid(self) -> Guid:
        """
        The binding's GUID.

        Raises:
            NotBound: The phone is not bound.
        """
        if self.device.bond is None:
            raise NotBound
        return self.device.bond.device

    def call(self, path: str, body: bytes = b"", *, method: str = "POST") -> DeviceCall:
        """
        Return a request to the service, with its proof.

        Raises:
            NotBound: The phone is not bound.
        """
        return self.device.signed_call(method, f"{SERVICE}{path}", body)

    def pending(self) -> tuple[Challenge, ...]:
        """
        Ask what the person is asked.

        Raises:
            Refused: As `Answers.pending`.
            Unavailable: A port failed.
        """
        return self.answers.pending(self.call("/challenges", method="GET"))

    def ended(self) -> tuple[EndedRequest, ...]:
        """
        Ask what ended last.

        Raises:
            Refused: As `Answers.ended`.
            Unavailable: A port failed.
        """
        return self.answers.ended(self.call("/history", method="GET"))

    def fetch(self, challenge: Guid) -> Challenge:
        """
        Read a challenge.

        Raises:
            Refused: As `Answers.fetch`.
            Unavailable: A port failed.
        """
        return self.answers.fetch(self.call(f"/challenges/{challenge}", method="GET"), challenge)

    def answer(
        self,
        challenge: Challenge,
        button: int = 0,
        *,
        code: str | None = None,
        reason: RefusalReason | None = None,
    ) -> Challenge:
        """
        Press a button: signed with the PIN's key where the button is strong.

        Raises:
            WrongPin: The PIN is wrong, and the key is RSA.
            Refused: As `Answers.answer`.
            Unavailable: A port failed.
        """
        strong = challenge.buttons[button].strong
        pin = self.pin if strong else None
        token = self.device.answer(challenge.display, button, pin=pin, code=code, reason=reason)
        return self.answers.answer(self.call("/answers", token.encode()))

    def disown(self, challenge: Challenge, *, reason: RefusalReason | None = None) -> Challenge:
        """
        Say that the person did not ask for this, and why they think so if *reason* is given.

        Raises:
            Refused: As `Answers.disown`.
            Unavailable: A port failed.
        """
        token = self.device.disown(challenge.display, reason=reason)
        return self.answers.disown(self.call("/disowns", token.encode()))

    def unbind(self) -> Binding:
        """
        Let the phone revoke itself.

        Raises:
            Refused: As `Devices.unbind`.
            Unavailable: A port failed; the phone stays as it is.
        """
        binding = self.devices.unbind(self.call("/device", method="DELETE"))
        self.device.complete_unbinding()
        return binding

    def lock(self) -> Account:
        """
        Lock the account.

        Raises:
            Refused: As `Devices.lock`.
            Unavailable: A port failed.
        """
        return self.devices.lock(self.call("/device/lock"))

    def invite(self) -> Invitation:
        """
        Invite another device of the person.

        Raises:
            Refused: As `Confirmations.invite`.
            Unavailable: A port failed.
        """
        return self.confirmations.invite(self.call("/device/invitations"))

    def new_devices(self) -> tuple[NewDevice, ...]:
        """
        Ask which new devices of the person wait to be confirmed.

        Raises:
            Refused: As `Confirmations.pending`.
            Unavailable: A port failed.
        """
        call = self.call("/device/confirmations", method="GET")
        return tuple(map(NewDevice.of, self.confirmations.pending(call)))

    def decide(self, new_device: NewDevice, choice: Choice) -> Binding:
        """
        Add, move to or refuse a new device.

        Raises:
            WrongPin: The PIN is wrong, and the key is RSA.
            Refused: As `Confirmations.decide`.
            Unavailable: A port failed.
        """
        token = sign_confirmation(self.device, new_device, choice, pin=self.pin)
        return self.confirmations.decide(self.call("/device/confirmations", token.encode()))

    def rotate(self, roles: Iterable[Role] = tuple(Role)) -> Binding:
        """
        Replace the phone's keys.

        Raises:
            WrongPin: The PIN is wrong, and the key is RSA.
            Refused: As `Devices.rotate`.
            Unavailable: A port failed; the phone keeps its old keys.
        """
        rotation = self.device.rotation(pin=self.pin, new_pin=self.pin, roles=roles)
        binding = self.devices.rotate(self.call("/keys", rotation.body)).binding
        self.device.complete_rotation(rotation)
        return binding
