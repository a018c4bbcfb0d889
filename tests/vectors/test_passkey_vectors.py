"""Passkeys in the vectors: the core's verdicts, and the fake authenticator beside Chromium's."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
)

from counterseal import Answers, Enrolments, Refused, keys, read_enrolment, verify_receipt
from counterseal.keys.public import jwk_of
from counterseal.models import Algorithm, ChallengeState, Passkey, PasskeyScope
from counterseal_testing.authenticator import FakePasskey

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "unit" / "keys"))  # passkey_oracles

FILE = json.loads((HERE / "passkey.json").read_text(encoding="utf-8"))
CHROMIUM = json.loads((HERE / "chromium.json").read_text(encoding="utf-8"))
SCOPE = PasskeyScope(rp_id=FILE["scope"]["rpId"], origins=tuple(FILE["scope"]["origins"]))
PASSKEYS = {entry["name"]: entry for entry in CHROMIUM["passkeys"]}


def cases(vectors, label="about"):
    return pytest.mark.parametrize("vector", vectors, ids=lambda each: each[label])


def key_named(name):
    (entry,) = (each for each in FILE["keys"] if each["name"] == name)
    passkey = Passkey(
        rp_id_hash=keys.digest(SCOPE.rp_id.encode()),
        origins=SCOPE.origins,
        backup_eligible=entry["backupEligible"],
        credential_id=entry["credentialId"],
    )
    return keys.public_key(entry["public"], algorithms=frozenset(Algorithm), passkey=passkey)


@pytest.fixture
def answering(world, vectors):
    def service_for(name):
        question = next(q for q in vectors["display"]["valid"] if q["about"] == "payment")
        service = world(
            FILE["context"],
            now=FILE["answeredAt"],
            question=question,
            strong=key_named(name),
            passkeys=SCOPE,
        )
        return service, Answers(service.ports, service.policy)

    return service_for


@cases(FILE["keys"], "name")
def test_a_thumbprint_is_that_of_the_key_alone(vector):
    assert key_named(vector["name"]).thumbprint == vector["thumbprint"]


@cases(FILE["binds"])
def test_a_bind(world, vector):
    service = world(
        FILE["context"],
        now=FILE["answeredAt"],
        invited=vector["body"]["token"].partition(".")[2],
        passkeys=SCOPE,
    )
    bound = Enrolments(service.ports, service.policy).complete(read_enrolment(vector["body"]))
    (_, strong) = bound.binding.keys
    assert strong.key == key_named(strong.key.kid)


@cases(FILE["valid"])
def test_an_answer(answering, vector):
    service, answers = answering(vector["key"])
    disowned = "disown" in vector["header"]["typ"]
    call = service.call(vector["token"].encode())
    ended = answers.disown(call) if disowned else answers.answer(call)
    assert ended.state is (ChallengeState.DISOWNED if disowned else ChallengeState.ANSWERED)
    receipt = verify_receipt(ended.outcome.receipt, trusted=service.ports.signer.jwks())
    assertion = vector["assertion"]
    assert receipt.assertion == keys.Assertion(
        origin=assertion["origin"],
        user_verified=assertion["userVerified"],
        backup_eligible=assertion["backupEligible"],
        backed_up=assertion["backedUp"],
        sign_count=assertion["signCount"],
    )


@cases(FILE["invalid"], "why")
def test_a_forged_answer(answering, vector):
    service, answers = answering(vector["key"])
    with pytest.raises(Refused) as caught:
        answers.answer(service.call(vector["token"].encode()))
    assert caught.value.code == vector["code"]


@cases(FILE["receipts"])
def test_a_receipt(vectors, vector):
    trusted = keys.trusted_keys(vectors["receipt"]["trusted"])
    receipt = verify_receipt(vector["token"], trusted=trusted)
    assert receipt.hash == vector["hash"]
    assert receipt.approved is vector["claims"]["approved"]
    assert receipt.assertion.user_verified
    assert [factor.value for factor in receipt.factors] == ["possession", "knowledge-or-inherence"]


def fake_of(entry):
    passkey = FakePasskey(
        kid=entry["name"],
        algorithm=Algorithm(entry["algorithm"]),
        rp_id=SCOPE.rp_id,
        origin=SCOPE.origins[0],
    )
    passkey.private = load_der_private_key(keys.unb64url(entry["privateKey"]), None)
    return passkey


@pytest.mark.parametrize("name", PASSKEYS)
def test_chromium_gives_the_public_key_that_is_bound(name):
    created = PASSKEYS[name]["created"]["response"]
    public = load_der_public_key(keys.unb64url(created["publicKey"]))
    assert jwk_of(public) == json.loads(key_named(name).jwk)
    assert jwk_of(fake_of(PASSKEYS[name]).private.public_key()) == jwk_of(public)


def odd_members(client):
    """What a browser adds to the client data besides the four members that it has to write."""
    usual = {"type", "challenge", "origin", "crossOrigin"}
    return {name: value for name, value in client.items() if name not in usual}


@pytest.mark.parametrize(
    "recorded", CHROMIUM["assertions"], ids=lambda each: f"{each['key']} {each['about']}"
)
def test_the_fake_authenticator_makes_what_chromium_made(recorded):
    response = {name: keys.unb64url(text) for name, text in recorded["response"].items()}
    client = json.loads(response["clientDataJSON"])
    passkey = fake_of(PASSKEYS[recorded["key"]])
    passkey.flags = response["authenticatorData"][32]
    passkey.sign_count = int.from_bytes(response["authenticatorData"][33:])
    passkey.origin = client["origin"]
    passkey.client = {"crossOrigin": client["crossOrigin"], **odd_members(client)}
    parts = passkey.get(keys.challenge_of(recorded["signed"].encode()))
    assert parts.authenticator_data == response["authenticatorData"]
    assert parts.client_data == response["clientDataJSON"]
    if passkey.algorithm is not Algorithm.ES256:
        assert parts.signature == response["signature"]


@cases(FILE["valid"])
def test_the_oracles_accept_what_chromium_made(vector):
    from passkey_oracles import fido2_refuses, webauthn_refuses  # noqa: PLC0415

    signed, _, third = vector["token"].rpartition(".")
    parts, key = keys.read_assertion(keys.unb64url(third)), key_named(vector["key"])
    challenge = keys.challenge_of(signed.encode())
    assert webauthn_refuses(parts, key, challenge, count=0) is None
    assert fido2_refuses(parts, key, challenge) is None
