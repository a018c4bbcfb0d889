"""The parts of a device that an embedder replaces: a key store, and how the person is verified."""

import json

import pytest

from counterseal import ijson, keys
from counterseal.bindings.documents.confirmation import Choice
from counterseal.device import (
    PinVerification,
    Purpose,
    SoftwareDevice,
    WrappedKey,
    device_document,
    own_comparison_code,
    read_device,
    sign_confirmation,
)
from counterseal.errors import InvalidField, UnfitKey, WrongPin
from counterseal.models import Algorithm, ChallengeState, Role
from counterseal_testing.service import PIN


class Chip:
    """A key store that lets nobody read its private keys."""

    def __init__(self):
        self.stored, self.generated = {}, []

    def generate(self, role, algorithm, *, kid):
        if algorithm is not Algorithm.ES256:
            raise UnfitKey("the chip makes ES256 keys only")
        self.generated.append(role)
        self.stored[kid] = Handle(keys.generate(algorithm, kid=kid))
        return self.stored[kid]

    def load(self, role, *, kid):
        if kid not in self.stored:
            raise InvalidField("key", "not in the chip")
        return self.stored[kid]

    def delete(self, *, kid):
        self.stored.pop(kid, None)


class Handle:
    """A key of the chip."""

    def __init__(self, key):
        self._key = key

    @property
    def public(self):
        return self._key.public

    def sign(self, data):
        return self._key.sign(data)


class Finger:
    """A sensor: it verifies the person, or does not."""

    def __init__(self):
        self.present, self.requests = True, []

    def protect(self, key, pin):
        return key

    def unlock(self, key, request):
        self.requests.append(request)
        if not self.present:
            raise WrongPin
        return key


@pytest.fixture
def chip():
    return Chip()


@pytest.fixture
def finger():
    return Finger()


@pytest.fixture
def phone(service, chip, finger):
    """A bound phone whose keys are in the chip, for the finger."""
    phone = service.phone()
    phone.device = SoftwareDevice.make(
        clock=service.clock,
        entropy=service.entropy,
        pin="",
        key_store=chip,
        verification=finger,
    )
    phone.pin = ""
    invitation = service.invitations.invite(service.origin, "alice")
    enrolment = phone.device.enrolment(invitation.token, service.app_space.guid, pin="")
    phone.device.complete_binding(service.enrolments.complete(enrolment))
    return phone


def test_a_device_with_a_chip_and_a_finger_answers(service, phone, chip, finger):
    challenge = service.ask("alice", "Pay 10 EUR to Zoë?").challenge
    answered = phone.answer(challenge)
    assert (answered.state, answered.approved) == (ChallengeState.ANSWERED, True)
    assert chip.generated == [Role.DEVICE, Role.STRONG]
    enrol, request = finger.requests
    assert (enrol.purpose, enrol.display, enrol.button) == (Purpose.ENROL, None, None)
    # What a prompt needs is in the document that is signed.
    assert (request.purpose, request.button) == (Purpose.ANSWER, 0)
    assert ijson.canonical(request.display).decode() == challenge.display


def test_without_the_finger_nothing_is_signed(service, phone, finger):
    challenge = service.ask("alice", "Pay 10 EUR to Zoë?").challenge
    finger.present = False
    for sign in (
        lambda: phone.answer(challenge),
        lambda: phone.device.disown(challenge.display, pin=""),
        phone.rotate,
        lambda: own_comparison_code(phone.device, pin=""),
        lambda: sign_confirmation(phone.device, None, Choice.ADD, pin=""),
    ):
        with pytest.raises(WrongPin):
            sign()
    assert [request.purpose for request in finger.requests] == [
        Purpose.ENROL,
        Purpose.ANSWER,
        Purpose.DISOWN,
        Purpose.ROTATE,
        Purpose.COMPARE,
        Purpose.CONFIRM,
    ]
    (pending,) = phone.pending()
    assert pending.guid == challenge.guid


def test_rotation_deletes_the_old_keys_once_the_service_has_the_new_ones(phone, chip):
    before = set(chip.stored)
    rotation = phone.device.rotation(pin="", new_pin="")
    assert before < set(chip.stored)
    phone.devices.rotate(phone.call("/keys", rotation.body))
    phone.device.complete_rotation(rotation)
    assert before.isdisjoint(chip.stored)
    assert len(chip.stored) == 2


def test_rotation_of_one_role_keeps_the_other_key(phone, chip):
    strong_kid = phone.device.strong_key.public.kid
    phone.rotate([Role.DEVICE])
    assert phone.device.strong_key.public.kid == strong_kid
    assert set(chip.stored) == {strong_kid, phone.device.device_key.public.kid}


def test_unbinding_deletes_the_keys(phone, chip):
    phone.unbind()
    assert chip.stored == {}


def test_a_stored_device_finds_its_keys_in_the_chip(service, phone, chip, finger):
    text = json.dumps(device_document(phone.device))
    assert "pkcs8" not in text
    assert "wrapped" not in text
    document = ijson.parse(text.encode())
    clock, entropy = service.clock, service.entropy
    device = read_device(
        document, clock=clock, entropy=entropy, key_store=chip, verification=finger
    )
    assert device == phone.device
    # Without the chip, or with another one, there is no device.
    for other in (None, Chip()):
        with pytest.raises(InvalidField):
            read_device(
                document, clock=clock, entropy=entropy, key_store=other, verification=finger
            )


def test_a_chip_that_returns_another_key_is_noticed(service, phone, chip, finger):
    document = ijson.parse(json.dumps(device_document(phone.device)).encode())
    first, second = chip.stored
    chip.stored[first], chip.stored[second] = chip.stored[second], chip.stored[first]
    with pytest.raises(InvalidField, match="device file"):
        read_device(
            document,
            clock=service.clock,
            entropy=service.entropy,
            key_store=chip,
            verification=finger,
        )


def test_no_pin_protects_a_key_that_it_cannot_encrypt(service, chip):
    with pytest.raises(InvalidField, match="strongKey"):
        SoftwareDevice.make(clock=service.clock, entropy=service.entropy, pin=PIN, key_store=chip)


def test_a_finger_can_guard_a_key_under_a_pin(service, finger):
    class FingerThenPin(Finger):
        def protect(self, key, pin):
            return device_for_pin.protect(key, pin)

        def unlock(self, key, request):
            super().unlock(key, request)
            return device_for_pin.unlock(key, request)

    device_for_pin = PinVerification(service.entropy, 2)
    both = FingerThenPin()
    device = SoftwareDevice.make(
        clock=service.clock, entropy=service.entropy, pin=PIN, verification=both
    )
    assert isinstance(device.strong_key, WrappedKey)
    assert device.strong_key.cost == 2
    both.present = False
    with pytest.raises(WrongPin):
        device.unlock(PIN)
