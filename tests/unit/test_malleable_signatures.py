"""(r, n - s) is as good a signature as (r, s): a twin is the same token, and counts once."""

import attrs
import pytest

from counterseal import ijson, keys
from counterseal.bindings.documents.enrolment import verify_keyset
from counterseal.challenges.documents.receipt import verify_receipt
from counterseal.errors import NotEndorsed, Replayed
from counterseal.models import Role

HALF = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
"""Of the order of P-256 (FIPS 186-5)."""


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def challenge(service, alice):
    return service.ask("alice", "Pay?").challenge


RESPONSES = {
    "strong answer": lambda phone, text: phone.device.answer(text, 0, pin=phone.pin),
    "weak answer": lambda phone, text: phone.device.answer(text, 1),
    "strong disown": lambda phone, text: phone.device.disown(text, pin=phone.pin),
    "weak disown": lambda phone, text: phone.device.disown(text),
}


@pytest.mark.parametrize("kind", RESPONSES)
def test_the_twin_of_a_response_gets_the_recorded_result(
    service, alice, challenge, malleated, kind
):
    token = RESPONSES[kind](alice, challenge.display)
    respond = service.answers.answer if "answer" in kind else service.answers.disown
    ended = respond(alice.call("/answers", token.encode()))
    before, events = service.records(), service.events
    assert respond(alice.call("/answers", malleated(token).encode())) == ended
    assert (service.records(), service.events) == (before, events)
    assert service.account().receipts == 1


@pytest.mark.parametrize("kind", RESPONSES)
def test_the_twin_alone_is_a_response_like_any_other(service, alice, challenge, malleated, kind):
    """RFC 7518 asks for no low s, and the key stores of devices make both."""
    twin = malleated(RESPONSES[kind](alice, challenge.display))
    respond = service.answers.answer if "answer" in kind else service.answers.disown
    ended = respond(alice.call("/answers", twin.encode()))
    assert ended.outcome.token == twin
    assert alice.device.check(ended.outcome.receipt).number == 1


def test_the_twin_of_a_proof_is_a_replay(service, alice, malleated):
    call = alice.call("/challenges", method="GET")
    service.answers.pending(call)
    with pytest.raises(Replayed):
        service.answers.pending(attrs.evolve(call, proof=malleated(call.proof)))


def test_a_proof_after_its_twin_is_a_replay(service, alice, malleated):
    call = alice.call("/challenges", method="GET")
    service.answers.pending(attrs.evolve(call, proof=malleated(call.proof)))
    with pytest.raises(Replayed):
        service.answers.pending(call)


def test_the_twins_of_a_binds_proofs_bind_the_same_device_and_no_other(service, malleated):
    phone = service.phone()
    invitation = service.invitations.invite(service.origin, "alice")
    enrolment = phone.device.enrolment(invitation.token, invitation.app_space.guid, pin=phone.pin)
    bound = service.enrolments.complete(enrolment)
    twins = tuple(attrs.evolve(one, proof=malleated(one.proof)) for one in enrolment.keys)
    before, events = service.records(), service.events
    again = service.enrolments.complete(attrs.evolve(enrolment, keys=twins))
    assert (again.binding, again.account.guid) == (bound.binding, bound.account.guid)
    assert (service.records(), service.events) == (before, events)


@pytest.mark.parametrize("member", ["proof", "endorsement"])
@pytest.mark.parametrize("role", Role)
def test_the_twin_of_a_rotation_is_refused_once_the_rotation_was_made(
    service, alice, malleated, member, role
):
    rotation = alice.device.rotation(pin=alice.pin, new_pin=alice.pin, roles=(role,))
    document = ijson.parse(rotation.body)
    for key in document["keys"]:
        key[member] = malleated(key[member])
    service.devices.rotate(alice.call("/keys", rotation.body))
    alice.device.complete_rotation(rotation)
    before = service.records()
    with pytest.raises(NotEndorsed):
        service.devices.rotate(alice.call("/keys", ijson.compact(document)))
    assert service.records() == before


def test_the_twin_of_an_endorsed_key_set_is_the_same_set(service, alice, malleated):
    service.ports.signer.rotate()
    endorsed = service.keysets.endorse(alice.call("/device/keys", method="GET"))
    (kid,) = {key.kid for key in alice.device.bond.service_keys}
    token = endorsed[kid]
    pinned = alice.device.bond.service_keys
    assert verify_keyset(malleated(token), pinned=pinned) == verify_keyset(token, pinned=pinned)
    alice.device.adopt(token)
    adopted = alice.device.bond
    alice.device.adopt(malleated(token))
    assert alice.device.bond == adopted


def test_the_twin_of_a_receipt_is_the_same_link_of_the_chain(service, alice, challenge, malleated):
    first = alice.answer(challenge).outcome.receipt
    later = alice.answer(service.ask("alice", "Pay more?").challenge).outcome.receipt
    trusted = service.ports.signer.jwks()
    assert verify_receipt(malleated(first), trusted=trusted).hash == (
        verify_receipt(later, trusted=trusted).previous
    )
    assert verify_receipt(malleated(first)) == verify_receipt(first)


def test_what_the_service_and_software_devices_sign_has_a_low_s(service, alice):
    ended = alice.answer(service.ask("alice", "Pay?").challenge)
    proofs = [alice.call("/challenges").proof for _ in range(32)]
    proofs += [ended.outcome.token, ended.outcome.receipt]
    assert all(
        int.from_bytes(keys.unb64url(token.rpartition(".")[2])[32:]) <= HALF for token in proofs
    )
