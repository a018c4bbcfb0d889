"""The reference software device: what it signs, and what it refuses to sign."""

from datetime import timedelta
from functools import partial

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson, keys
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    KEYSET_TYP,
    ROTATE_TYP,
    bind_claims,
    keyset_claims,
)
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP
from counterseal.device import SoftwareDevice
from counterseal.device.pin import unwrap
from counterseal.errors import (
    DisplayChanged,
    InvalidField,
    IssuerUntrusted,
    NotBound,
    ReceiptChanged,
    StaleProof,
    WrongAlgorithm,
    WrongPin,
    WrongSignature,
    WrongType,
)
from counterseal.keys import generate
from counterseal.memory import MemorySigner
from counterseal.models import AddressKind, Algorithm, PushAddress, Role
from counterseal.models.guid import mint
from counterseal_testing.phone import SERVICE
from counterseal_testing.service import PIN


@pytest.fixture
def phone(service):
    return service.bind("alice")


@pytest.fixture
def device(phone):
    return phone.device


@pytest.fixture
def challenge(service, phone):
    return service.ask("alice", "Pay 10 EUR to Zoë?").challenge


def strong_key(device):
    return unwrap(device.strong_key, PIN, device.entropy)


def claims(token, key, typ):
    """Verify a token as somebody else would, and return what it says."""
    return keys.verify(keys.read(token, limit=99_999), key, expected_typ=typ)


# Keys and enrolments


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_a_device_makes_two_keys_with_random_names(service, algorithm):
    device = service.phone(algorithm=algorithm).device
    strong = strong_key(device).public
    assert {device.device_key.public.algorithm, strong.algorithm} == {algorithm}
    assert device.device_key.public.thumbprint != strong.thumbprint
    for key in (device.device_key.public, strong):
        assert len(keys.unb64url(key.kid)) == 16
        assert key.kid != key.thumbprint
    assert device.bond is None


def test_an_enrolment_offers_both_keys_each_with_its_proof(service):
    device = service.phone().device
    space = service.app_space.guid
    addresses = (PushAddress(kind=AddressKind.RELAY, value="there"),)
    enrolment = device.enrolment("guid.secret", space, pin=PIN, name="Phone", addresses=addresses)
    assert (enrolment.token, enrolment.name, enrolment.addresses) == (
        "guid.secret",
        "Phone",
        addresses,
    )
    own, strong = enrolment.keys
    assert (own.role, strong.role) == (Role.DEVICE, Role.STRONG)
    public_keys = [device.device_key.public, strong_key(device).public]
    payload = [
        claims(offer.proof, key, BIND_TYP)
        for offer, key in zip(enrolment.keys, public_keys, strict=True)
    ]
    assert payload[0] == payload[1]
    assert payload[0]["token"] == keys.digest(b"guid.secret")
    assert (payload[0]["aud"], payload[0]["strong"]) == (space, [public_keys[1].thumbprint])
    assert set(payload[0]) == set(bind_claims("", space, []))


def test_a_finished_bind_is_noted_and_the_services_keys_are_pinned(service, device):
    account = service.account()
    assert (device.bond.account, device.bond.app_space) == (account.guid, service.app_space.guid)
    assert device.bond.service_keys == service.ports.signer.jwks()


@pytest.mark.parametrize(
    "call",
    [
        lambda device: device.signed_call("GET", SERVICE),
        lambda device: device.read_display("{}"),
        lambda device: device.answer("{}", 0),
        lambda device: device.disown("{}"),
        lambda device: device.rotation(pin=PIN, new_pin=PIN),
        lambda device: device.check("x"),
        lambda device: device.adopt("x"),
    ],
)
def test_a_device_that_is_not_bound_signs_nothing(service, call):
    with pytest.raises(NotBound):
        call(service.phone().device)


# Calls


def test_a_call_carries_a_proof_of_exactly_that_request(service, device):
    call = device.signed_call("POST", f"{SERVICE}/x", b"body")
    payload = claims(call.proof, device.device_key.public, PROOF_TYP)
    assert (call.method, call.uri, call.body) == ("POST", f"{SERVICE}/x", b"body")
    assert payload == {
        "iss": device.bond.device,
        "sub": device.bond.account,
        "aud": device.bond.app_space,
        "htm": "POST",
        "htu": f"{SERVICE}/x",
        "body": keys.digest(b"body"),
        "iat": int(service.clock.now().timestamp()),
        "jti": payload["jti"],
    }
    assert len(keys.unb64url(payload["jti"])) == 16
    again = claims(
        device.signed_call("POST", f"{SERVICE}/x").proof, device.device_key.public, PROOF_TYP
    )
    assert again["jti"] != payload["jti"]


def test_s34_a_call_shows_neither_proof_nor_body(device):
    call = device.signed_call("POST", SERVICE, b"a secret body")
    assert call.proof not in repr(call)
    assert "secret body" not in repr(call)


# What is shown


def test_what_is_shown_is_what_the_service_stored(device, challenge):
    document = device.read_display(challenge.display)
    assert document["content"] == {"text": "Pay 10 EUR to Zoë?"}
    assert ijson.canonical(document).decode() == challenge.display


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + " ",
        lambda text: " " + text,
        lambda text: text.replace("Zoë", "Zo\\u00eb"),
        lambda text: text.replace(":", ": ", 1),
        lambda text: text.replace('"version":1', '"version":1.0'),
        lambda text: text.replace("{", '{"zzz":1,', 1),
    ],
)
def test_a_document_that_is_not_canonical_is_refused(device, challenge, change):
    changed = change(challenge.display)
    assert changed != challenge.display
    for call in (
        device.read_display,
        partial(device.answer, button=0, pin=PIN),
        partial(device.disown, pin=PIN),
    ):
        with pytest.raises(DisplayChanged):
            call(changed)


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"a":1,"a":2}', '"\\ud800"'])
def test_a_document_that_is_no_i_json_is_refused(device, text):
    with pytest.raises(InvalidField):
        device.read_display(text)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "1", '"x"', '{"account":1,"appSpace":2}'])
def test_a_document_that_is_no_display_document_is_refused(device, text):
    for call in (device.read_display, partial(device.answer, button=0), device.disown):
        with pytest.raises(DisplayChanged):
            call(text)


@pytest.mark.parametrize("member", ["appSpace", "account"])
def test_a_foreign_document_is_refused(device, challenge, member):
    document = ijson.parse(challenge.display)
    document[member]["guid"] = mint(0, bytes(15))
    with pytest.raises(DisplayChanged):
        device.read_display(ijson.canonical(document).decode())


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_document_of_another_version_is_refused(device, challenge, version):
    document = ijson.parse(challenge.display) | {"version": version}
    with pytest.raises(DisplayChanged):
        device.read_display(ijson.canonical(document).decode())


def test_another_users_document_is_refused(service, device):
    service.bind("bob")
    theirs = service.ask("bob", "Pay?").challenge
    with pytest.raises(DisplayChanged):
        device.answer(theirs.display, 0, pin=PIN)


# Answers


@pytest.mark.parametrize("pin", [PIN, None], ids=["strong key", "device key"])
def test_an_answer_says_what_was_shown_and_chosen(service, device, challenge, pin):
    token = device.answer(challenge.display, 1, pin=pin, code="123456")
    key = device.device_key if pin is None else strong_key(device)
    payload = claims(token, key.public, ANSWER_TYP)
    assert payload == {
        "iss": device.bond.device,
        "sub": device.bond.account,
        "aud": device.bond.app_space,
        "challenge": challenge.guid,
        "display": challenge.display_hash,
        "button": 1,
        "title": "Reject",
        "code": "123456",
        "iat": int(service.clock.now().timestamp()),
        "jti": payload["jti"],
    }


@pytest.mark.parametrize("pin", [PIN, None], ids=["strong key", "device key"])
def test_a_disown_chooses_nothing(device, challenge, pin):
    token = device.disown(challenge.display, pin=pin)
    key = device.device_key if pin is None else strong_key(device)
    payload = claims(token, key.public, DISOWN_TYP)
    assert (payload["challenge"], payload["display"]) == (challenge.guid, challenge.display_hash)
    assert not {"button", "title", "code"} & set(payload)


@pytest.mark.parametrize("button", [-1, 2, 99])
def test_there_is_no_other_button(device, challenge, button):
    with pytest.raises(InvalidField) as caught:
        device.answer(challenge.display, button, pin=PIN)
    assert caught.value.field == "button"


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
@given(pin=st.text("0123456789", min_size=4, max_size=8).filter(lambda pin: pin != PIN))
def test_a_wrong_pin_signs_with_another_key_and_the_device_does_not_notice(
    new_service, algorithm, pin
):
    service = new_service()
    device = service.bind("alice", algorithm=algorithm).device
    challenge = service.ask("alice", "Pay?").challenge
    token = device.answer(challenge.display, 0, pin=pin)
    assert keys.read(token, limit=9999).header.kid == strong_key(device).public.kid
    with pytest.raises(WrongSignature):
        claims(token, strong_key(device).public, ANSWER_TYP)


def test_an_rsa_device_notices_a_wrong_pin(service, rsa_phone):
    service.complete(service.invitations.invite(service.origin, "alice"), rsa_phone)
    challenge, device = service.ask("alice", "Pay?").challenge, rsa_phone.device
    for call in (
        partial(device.answer, challenge.display, 0, pin="0000"),
        partial(device.disown, challenge.display, pin="0000"),
        partial(device.rotation, pin="0000", new_pin="0000"),
        partial(device.enrolment, "a.b", service.app_space.guid, pin="0000"),
    ):
        with pytest.raises(WrongPin):
            call()


# Rotations


@pytest.mark.parametrize("roles", [tuple(Role), (Role.DEVICE,), (Role.STRONG,)])
def test_a_rotation_changes_nothing_until_the_service_took_it(service, phone, device, roles):
    old = (device.device_key, device.strong_key)
    rotation = device.rotation(pin=PIN, new_pin="1357", roles=roles)
    assert (device.device_key, device.strong_key) == old
    service.devices.rotate(phone.call("/keys", rotation.body))
    device.complete_rotation(rotation)
    assert (device.device_key is not old[0]) == (Role.DEVICE in roles)
    assert (device.strong_key is not old[1]) == (Role.STRONG in roles)
    phone.pin = "1357" if Role.STRONG in roles else PIN
    assert phone.answer(service.ask("alice", "Pay?").challenge).approved


def test_a_rotation_is_endorsed_by_the_old_key_of_each_role(device):
    old = {Role.DEVICE: device.device_key, Role.STRONG: strong_key(device)}
    body = ijson.parse(device.rotation(pin=PIN, new_pin=PIN).body)
    assert [offer["role"] for offer in body["keys"]] == ["device", "strong"]
    for offer in body["keys"]:
        public = keys.public_key(offer["jwk"], algorithms=frozenset(Algorithm))
        payload = claims(offer["proof"], public, ROTATE_TYP)
        endorsed = claims(offer["endorsement"], old[Role(offer["role"])].public, ENDORSE_TYP)
        assert payload == endorsed
        assert payload["iss"] == device.bond.device
        assert public.thumbprint in payload[offer["role"]]


def test_a_rotation_keeps_the_algorithm_and_the_cost_of_the_pin(service):
    device = SoftwareDevice.make(
        clock=service.clock,
        entropy=service.entropy,
        pin=PIN,
        algorithm=Algorithm.EDDSA,
        cost=2**5,
    )
    phone = attrs.evolve(service.phone(), device=device)
    service.complete(service.invitations.invite(service.origin, "alice"), phone)
    phone.rotate()
    assert strong_key(phone.device).public.algorithm is Algorithm.EDDSA
    assert phone.device.strong_key.cost == 2**5


def test_s34_a_rotation_shows_nothing(device):
    rotation = device.rotation(pin=PIN, new_pin="pin-1357")
    assert repr(rotation.body) not in repr(rotation)
    assert "pin-1357" not in repr(rotation)


# Receipts and the service's keys


def test_a_device_checks_the_chain_of_its_receipts(service, phone, device):
    receipts = [
        device.check(phone.answer(service.ask("alice", "Pay?").challenge, button).outcome.receipt)
        for button in (0, 1, 0)
    ]
    assert all(receipt.proven for receipt in receipts)
    assert [receipt.number for receipt in receipts] == [1, 2, 3]
    assert [receipt.previous for receipt in receipts[1:]] == [one.hash for one in receipts[:-1]]
    assert [receipt.approved for receipt in receipts] == [True, False, True]


def test_a_receipt_that_was_changed_is_refused(phone, device, challenge):
    receipt = phone.answer(challenge).outcome.receipt
    for position in range(0, len(receipt), 97):
        changed = (
            receipt[:position]
            + ("A" if receipt[position] != "A" else "B")
            + receipt[position + 1 :]
        )
        with pytest.raises((ReceiptChanged, IssuerUntrusted)):
            device.check(changed)


def keyset(signer, service_keys, at, *, by=0, typ=KEYSET_TYP):
    key = signer.jwks()[by]
    return keys.sign_with(
        lambda data: signer.sign(key.kid, data),
        key,
        typ=typ,
        claims=keyset_claims(service_keys, at),
    )


def test_a_device_takes_new_service_keys_that_a_pinned_one_signed(
    service, phone, device, challenge
):
    signer = service.ports.signer
    signer.rotate()
    receipt = phone.answer(challenge).outcome.receipt
    with pytest.raises(IssuerUntrusted):
        device.check(receipt)
    device.adopt(keyset(signer, signer.jwks(), service.clock.now(), by=1))
    assert device.bond.service_keys == signer.jwks()
    assert device.check(receipt).proven


def test_a_device_takes_no_keys_that_are_older_than_those_it_has(service, device):
    """An old set, kept by somebody, would bring a retired key back."""
    signer = service.ports.signer
    old = keyset(signer, signer.jwks(), service.clock.now())
    service.clock.advance(timedelta(seconds=1))
    signer.rotate()
    device.adopt(keyset(signer, signer.jwks(), service.clock.now(), by=1))
    adopted = device.bond
    assert adopted.keys_at == int(service.clock.now().timestamp())
    with pytest.raises(StaleProof):
        device.adopt(old)
    assert device.bond == adopted
    device.adopt(keyset(signer, signer.jwks(), service.clock.now()))


def test_a_device_takes_no_keys_that_only_themselves_have_signed(service, device):
    pinned = device.bond
    signer = service.ports.signer
    signer.rotate()
    stranger = MemorySigner(Algorithm.ES256, service.entropy)
    for token in (
        keyset(signer, signer.jwks(), service.clock.now(), by=0),
        keyset(stranger, stranger.jwks(), service.clock.now()),
    ):
        with pytest.raises(IssuerUntrusted):
            device.adopt(token)
    assert device.bond == pinned


def test_a_device_takes_no_keys_in_a_token_of_another_kind_or_signature(service, device):
    signer, pinned = service.ports.signer, device.bond
    with pytest.raises(WrongType):
        device.adopt(keyset(signer, signer.jwks(), service.clock.now(), typ=PROOF_TYP))
    kid = signer.jwks()[0].kid
    for algorithm, refusal in (
        (Algorithm.ES256, WrongSignature),
        (Algorithm.EDDSA, WrongAlgorithm),
    ):
        forger = generate(algorithm, kid=kid)
        payload = keyset_claims((forger.public,), service.clock.now())
        with pytest.raises(refusal):
            device.adopt(keys.sign(forger, typ=KEYSET_TYP, claims=payload))
    assert device.bond == pinned


def test_s34_a_device_shows_no_private_key(device):
    text = repr(attrs.evolve(device))
    for secret in (device.device_key.scalar(), strong_key(device).scalar()):
        assert secret.hex() not in text
        assert repr(secret) not in text
        assert keys.b64url(secret) not in text
