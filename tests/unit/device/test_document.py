"""What a software device stores: everything that it needs, and nothing that betrays the PIN."""

import base64
import json

import attrs
import pytest

from counterseal import ijson
from counterseal.device import SoftwareDevice, device_document, read_device
from counterseal.device.pin import unwrap
from counterseal.errors import InvalidField
from counterseal.models import Algorithm
from counterseal_testing.service import PIN


@pytest.fixture
def phone(service):
    return service.bind("alice")


def again(service, device):
    """The device, stored as text and read again."""
    text = json.dumps(device_document(device)).encode()
    return read_device(ijson.parse(text), clock=service.clock, entropy=service.entropy)


def equal(one: SoftwareDevice, other: SoftwareDevice) -> bool:
    """Private keys have no equality of their own."""
    return (
        one.device_key.pkcs8() == other.device_key.pkcs8()
        and one.device_key.public == other.device_key.public
        and (one.strong_key, one.bond) == (other.strong_key, other.bond)
    )


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_what_was_stored_is_read(service, algorithm):
    phone = service.bind("alice", algorithm=algorithm)
    device = again(service, phone.device)
    assert equal(device, phone.device)
    challenge = service.ask("alice", "Pay?").challenge
    assert attrs.evolve(phone, device=device).answer(challenge).approved


def test_a_device_that_is_not_bound_yet_is_stored_too(service):
    device = service.phone().device
    assert device.bond is None
    assert equal(again(service, device), device)


def test_when_the_services_keys_were_endorsed_is_stored_too(service, phone):
    phone.device.bond = attrs.evolve(phone.device.bond, keys_at=1_900_000_000)
    assert again(service, phone.device).bond.keys_at == 1_900_000_000


def test_an_rsa_device_is_stored_too(service, rsa_phone):
    device = again(service, rsa_phone.device)
    assert equal(device, rsa_phone.device)
    assert unwrap(device.strong_key, PIN, service.entropy).public.algorithm is Algorithm.PS256


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_nothing_public_of_the_strong_key_is_stored(service, algorithm):
    """Else whoever steals the file could tell a right PIN from a wrong one by himself."""
    # Digits alone are in the text of a key by chance.
    pin = f"pin-{PIN}"
    phone = service.bind("alice", algorithm=algorithm, pin=pin)
    text = json.dumps(device_document(phone.device))
    strong = unwrap(phone.device.strong_key, pin, service.entropy)
    public = json.loads(strong.public.jwk)
    raw = [base64.urlsafe_b64decode(public[name] + "==") for name in ("x", "y") if name in public]
    for secret in (strong.public.thumbprint, pin):
        assert secret not in text
    for name in ("x", "y"):
        assert public.get(name, "not there") not in text
    for number in (*raw, strong.scalar()):
        assert number.hex() not in text
        assert base64.urlsafe_b64encode(number).rstrip(b"=").decode() not in text


def spoil(document, position, value):
    *way, last = position
    inner = document
    for name in way:
        inner = inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (("version",), 2),
        (("version",), ...),
        (("deviceKey",), ...),
        (("deviceKey",), []),
        (("deviceKey", "pkcs8"), "AAAA"),
        (("deviceKey", "pkcs8"), "not base64!"),
        (("deviceKey", "pkcs8"), 1),
        (("deviceKey", "algorithm"), "HS256"),
        (("deviceKey", "algorithm"), "RS256"),
        (("deviceKey", "kid"), ""),
        (("strongKey", "algorithm"), "none"),
        (("strongKey", "wrapping"), "plain"),
        (("strongKey", "cost"), 3),
        (("strongKey", "cost"), 2**30),
        (("strongKey", "salt"), "a"),
        (("strongKey", "wrapped"), ...),
        (("bond", "device"), "nobody"),
        (("bond", "account"), 1),
        (("bond", "appSpace"), ...),
        (("bond", "serviceKeys"), {"keys": []}),
        (("bond", "serviceKeys"), {"keys": [{"kty": "oct"}]}),
        (("bond", "keysAt"), "soon"),
        (("bond", "keysAt"), ...),
        (("bond",), "none"),
    ],
    ids=str,
)
def test_what_was_not_written_by_this_software_is_refused(service, phone, position, value):
    document = device_document(phone.device)
    spoil(document, position, value)
    with pytest.raises(InvalidField):
        read_device(document, clock=service.clock, entropy=service.entropy)


@pytest.mark.parametrize("document", [[], None, "x", 1, {}])
def test_what_is_something_else_is_refused(service, document):
    with pytest.raises(InvalidField):
        read_device(document, clock=service.clock, entropy=service.entropy)


def test_a_refusal_holds_nothing_of_the_document(service, phone):
    document = device_document(phone.device)
    secret = document["deviceKey"]["pkcs8"]
    spoil(document, ("deviceKey", "algorithm"), "RS256")
    with pytest.raises(InvalidField) as caught:
        read_device(document, clock=service.clock, entropy=service.entropy)
    assert secret not in str(caught.value)
    assert caught.value.__suppress_context__
