"""Confirmations of new devices: their comparison code, and the claims that are signed."""

import hashlib
import json
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.bindings.documents.confirmation import (
    Choice,
    Confirmation,
    NewDevice,
    comparison_code,
    confirmation_claims,
    read_confirmation,
    typed_code,
)
from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import DeviceKey, Role, guid
from counterseal.wire.members import read_record, write_record
from counterseal_testing.contracts.record_factory import RecordFactory

ACCOUNT = "6fd70b3c-2a53-8a18-8f6b-1f2f2c1c2c11"
BINDING = "6f0c9a4e-5d0e-8f41-9a55-0a4f3f8c7d22"
THUMBPRINTS = {"device": ["B" * 43], "strong": ["A" * 43, "C" * 43]}
GUIDS = [guid.mint(7, bytes([n]) * 15) for n in range(4)]
SOUND = Confirmation(
    device=GUIDS[0],
    account=GUIDS[1],
    app_space=GUIDS[2],
    binding=GUIDS[3],
    thumbprints=THUMBPRINTS,
    choice=Choice.MOVE,
    device_key="D" * 43,
    issued_at=7,
    id="one",
)


def test_the_code_is_that_of_the_wire_page():
    assert comparison_code(ACCOUNT, BINDING, THUMBPRINTS) == "XN3VM-CD4Z4"


def test_the_code_is_the_first_fifty_bits_of_pbkdf2():
    lines = f"device {'B' * 43}\nstrong {'A' * 43}\nstrong {'C' * 43}"
    salt = f"counterseal-comparison {ACCOUNT} {BINDING}"
    derived = hashlib.pbkdf2_hmac("sha256", lines.encode(), salt.encode(), 65536, 8)
    bits = "".join(f"{byte:08b}" for byte in derived)
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    code = "".join(letters[int(bits[at : at + 5], 2)] for at in range(0, 50, 5))
    assert comparison_code(ACCOUNT, BINDING, THUMBPRINTS).replace("-", "") == code


@pytest.mark.parametrize(
    "other",
    [
        (BINDING, BINDING, THUMBPRINTS),
        (ACCOUNT, ACCOUNT, THUMBPRINTS),
        (ACCOUNT, BINDING, {"device": ["A" * 43], "strong": ["B" * 43, "C" * 43]}),
        (ACCOUNT, BINDING, {"device": ["B" * 43], "strong": ["A" * 43]}),
    ],
)
def test_another_account_device_or_key_has_another_code(other):
    assert comparison_code(*other) != comparison_code(ACCOUNT, BINDING, THUMBPRINTS)


@pytest.mark.parametrize("typed", ["xn3vm-cd4z4", "XN3VMCD4Z4", " xn3vm cd4z4 ", "X-N-3VMCD4Z4"])
def test_a_code_has_one_spelling_after_it_was_typed(typed):
    assert typed_code(typed) == "XN3VM-CD4Z4"


def test_what_looks_alike_is_alike():
    assert typed_code("OoIiL-lABCD") == "00111-1ABCD"


@given(st.text())
def test_any_text_is_a_typed_code(text):
    assert "-" in typed_code(text)


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize("device_key", [None, "D" * 43])
def test_claims_are_read_as_they_were_written(choice, device_key):
    confirmation = attrs.evolve(SOUND, choice=choice, device_key=device_key)
    assert read_confirmation(confirmation_claims(confirmation)) == confirmation


@pytest.mark.parametrize("name", sorted(confirmation_claims(SOUND).keys() - {"deviceKey"}))
def test_a_missing_claim_is_refused(name):
    claims = confirmation_claims(SOUND)
    del claims[name]
    with pytest.raises(MalformedToken):
        read_confirmation(claims)


@pytest.mark.parametrize(
    "change",
    [
        {"choice": "adopt"},
        {"choice": None},
        *({name: "no guid"} for name in ("iss", "sub", "aud", "binding")),
        {"device": "B" * 43},
        {"strong": None},
        {"iat": True},
        {"jti": ""},
        {"more": 1},
        {"deviceKey": 1},
    ],
)
def test_a_wrong_claim_is_refused(change):
    with pytest.raises(MalformedToken):
        read_confirmation(confirmation_claims(SOUND) | change)


def test_a_device_computes_the_thumbprints_of_a_new_one():
    """RFC 8037, A.3, has the thumbprint of this key; what else its JWK says does not count."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    document = {
        "device": BINDING,
        "name": "",
        "expiresAt": "2030-01-01T00:00:00.000Z",
        "keys": [{"role": "strong", "jwk": jwk | {"kid": "any"}}],
    }
    new_device = read_record(NewDevice, document)
    assert new_device.thumbprints() == {
        Role.DEVICE.value: [],
        Role.STRONG.value: ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"],
    }


@pytest.mark.parametrize("jwk", [{}, {"kty": "oct"}, {"kty": "OKP", "x": "A"}, {"kty": ["EC"]}])
def test_what_is_no_public_key_has_no_thumbprint(jwk):
    document = {
        "device": BINDING,
        "name": "",
        "expiresAt": "2030-01-01T00:00:00.000Z",
        "keys": [{"role": "strong", "jwk": jwk}],
    }
    with pytest.raises(InvalidField):
        read_record(NewDevice, document).thumbprints()


@pytest.mark.parametrize("key", [{"role": "strong"}, {"role": "strong", "jwk": "{}"}])
def test_a_key_without_a_json_object_is_refused_by_its_name(key):
    document = {"device": BINDING, "name": "", "expiresAt": "2030-01-01T00:00:00.000Z"}
    with pytest.raises(InvalidField) as caught:
        read_record(NewDevice, document | {"keys": [key]})
    assert caught.value.field == "jwk"


def test_the_other_devices_learn_a_new_one_as_it_is(ed25519):
    key, deadline = ed25519("new").public, datetime(2030, 1, 1, tzinfo=UTC)
    factory = RecordFactory()
    binding = factory.binding(
        factory.account(),
        deadline=deadline,
        replaces=GUIDS[3],
        name="A phone",
        keys=(DeviceKey(role=Role.STRONG, key=key),),
    )
    document = {
        "device": binding.guid,
        "name": "A phone",
        "expiresAt": "2030-01-01T00:00:00.000Z",
        "replaces": GUIDS[3],
        "keys": [{"role": "strong", "jwk": json.loads(key.jwk)}],
    }
    assert write_record(NewDevice.of(binding)) == document
    del document["replaces"]
    assert write_record(NewDevice.of(attrs.evolve(binding, replaces=None))) == document
