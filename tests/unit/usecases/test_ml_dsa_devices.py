"""Devices with keys of ML-DSA-44: allowed by policy only, and they fit within every limit."""

import json

import attrs
import pytest

from counterseal import STANDARD, STRICT, keys, verify_receipt
from counterseal.bindings.documents.enrolment import BIND_TYP, bind_claims, enrolment_document
from counterseal.challenges.documents.receipt import RECEIPT_LIMIT
from counterseal.device import SoftwareDevice, device_document, read_device
from counterseal.errors import NotEndorsed, StrongKeyMissed, UnfitKey, WrongAlgorithm
from counterseal.keys import ml_dsa
from counterseal.models import Algorithm, ChallengeState, DeviceKey, Role
from counterseal_testing.service import PIN, SCRYPT_COST

ML_DSA = Algorithm.ML_DSA_44
POLICY = attrs.evolve(STANDARD, algorithms=STANDARD.algorithms | {ML_DSA})
BODY_LIMIT = 131_072
"""Bytes of a request that the HTTP API reads by default."""

pytestmark = pytest.mark.skipif(not ml_dsa.SUPPORTED, reason="no ml-dsa: cryptography has none")


@pytest.fixture
def service(new_service):
    return new_service(policy=POLICY)


@pytest.fixture
def alice(service):
    return service.bind("alice", algorithm=ML_DSA)


def algorithms(service, phone):
    return {each.role: each.key.algorithm for each in service.stored(phone.guid).keys}


@pytest.mark.parametrize("policy", [STANDARD, STRICT])
def test_no_profile_allows_it(new_service, policy):
    service = new_service(policy=policy)
    with pytest.raises(UnfitKey, match="not an allowed algorithm"):
        service.bind("alice", algorithm=ML_DSA)


def test_an_answer_and_its_receipt(service, alice):
    """The receipt's own signature is the service's, of ES256."""
    challenge = service.ask("alice", "Pay?").challenge
    answered = service.answer(alice, challenge)
    assert answered.outcome.button == 0
    token = answered.outcome.receipt
    receipt = verify_receipt(token, trusted=service.ports.signer.jwks())
    assert receipt.key.algorithm is ML_DSA
    assert receipt.issuer.algorithm is Algorithm.ES256
    assert len(token) < RECEIPT_LIMIT / 10


def test_a_weak_answer_and_a_disown(service, alice):
    weak = service.answer(alice, service.ask("alice", "Pay?").challenge, 1)
    assert weak.outcome.button == 1
    disowned = service.disown(alice, service.ask("alice", "Pay?").challenge)
    assert disowned.state is ChallengeState.DISOWNED


def test_a_wrong_pin_is_a_strike(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    alice.pin = "0000"
    with pytest.raises(StrongKeyMissed):
        service.answer(alice, challenge)
    alice.pin = PIN
    assert alice.answer(challenge).approved


def test_the_device_is_stored_without_anything_public_of_its_strong_key(service, alice):
    document = json.loads(json.dumps(device_document(alice.device)))
    again = read_device(document, clock=service.clock, entropy=service.entropy)
    challenge = service.ask("alice", "Pay?").challenge
    strong = alice.device.unlock(PIN).public
    assert strong.thumbprint not in json.dumps(document)
    assert json.loads(strong.jwk)["pub"] not in json.dumps(document)
    assert attrs.evolve(alice, device=again).answer(challenge).approved


@pytest.mark.parametrize("before", [Algorithm.ES256, ML_DSA])
@pytest.mark.parametrize("after", [Algorithm.ES256, ML_DSA])
def test_a_rotation_changes_the_algorithm(service, before, after):
    phone = service.bind("alice", algorithm=before)
    rotation = phone.device.rotation(pin=PIN, new_pin=PIN, algorithm=after)
    service.devices.rotate(phone.call("/keys", rotation.body))
    phone.device.complete_rotation(rotation)
    assert algorithms(service, phone) == dict.fromkeys(Role, after)
    assert phone.answer(service.ask("alice", "Pay?").challenge).approved


def test_once_it_is_switched_off_such_keys_answer_nothing_and_endorse_no_strong_key(service, alice):
    off = service.but(policy=STANDARD)
    challenge = service.ask("alice", "Pay?").challenge
    with pytest.raises(WrongAlgorithm):
        off.answer(alice, challenge)
    rotation = alice.device.rotation(pin=PIN, new_pin=PIN, algorithm=Algorithm.ES256)
    with pytest.raises(NotEndorsed):
        off.devices.rotate(alice.call("/keys", rotation.body))


def test_the_most_keys_that_a_device_may_have_fit_into_a_request(service):
    own, *strong = (keys.generate(ML_DSA, kid=f"{number:#<128}") for number in range(5))
    roles = [Role.DEVICE, *[Role.STRONG] * POLICY.strong_keys_limit]
    assert len(strong) == POLICY.strong_keys_limit
    invitation = service.invitations.invite(service.origin, "alice")
    device = SoftwareDevice.make(
        clock=service.clock, entropy=service.entropy, pin=PIN, algorithm=ML_DSA, cost=SCRYPT_COST
    )
    enrolment = device.enrolment(invitation.token, invitation.app_space.guid, pin=PIN)
    offers = _offers(enrolment, invitation, [own, *strong], roles)
    bound = service.enrolments.complete(attrs.evolve(enrolment, keys=offers))
    assert len(bound.binding.keys) == len(roles)
    body = json.dumps(enrolment_document(attrs.evolve(enrolment, keys=offers)))
    assert len(body) < BODY_LIMIT / 3
    longest = max(len(each.proof) for each in offers)
    assert 3_227 < longest < POLICY.token_bytes / 3


def _offers(enrolment, invitation, private, roles):
    pairs = list(zip(roles, private, strict=True))
    offered = [DeviceKey(role=role, key=key.public) for role, key in pairs]
    claims = bind_claims(invitation.token, invitation.app_space.guid, offered)
    return tuple(
        attrs.evolve(
            enrolment.keys[0],
            role=role,
            jwk={**json.loads(key.public.jwk), "kid": key.public.kid},
            proof=keys.sign(key, typ=BIND_TYP, claims=claims),
        )
        for role, key in pairs
    )
