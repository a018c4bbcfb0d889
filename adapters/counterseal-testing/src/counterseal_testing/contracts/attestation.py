"""The contract of `AttestationVerifier`."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from counterseal import keys
from counterseal.errors import (
    AssertionElsewhere,
    AttestationRefused,
    CrossOrigin,
    MalformedRegistration,
    Refused,
    UnfitKey,
    UserAbsent,
    UserUnverified,
    WrongCeremony,
    WrongOrigin,
    WrongRpId,
)
from counterseal.keys.passkeys import USER_PRESENT, USER_VERIFIED
from counterseal.models import (
    PASSKEY_ALGORITHMS,
    Algorithm,
    PasskeyScope,
    RegisteredPasskey,
    RegistrationResponse,
)
from counterseal.ports import AttestationVerifier
from counterseal_testing import cbor
from counterseal_testing.attestation import FakeModel
from counterseal_testing.authenticator import DEVICE_BOUND, ORIGIN, RP_ID, SYNCED, FakePasskey
from counterseal_testing.contracts.leaks import SECRET, no_io, no_secret_is_logged
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.summary import Contract

NewAttestationVerifier: TypeAlias = Callable[
    [tuple[bytes, ...], "frozenset[str] | None"], AttestationVerifier
]
"""Makes a verifier that trusts root certificates (PEM), and allows models; None allows all."""

CHALLENGE = bytes(range(32))
SCOPE = PasskeyScope(rp_id=RP_ID, origins=(ORIGIN, f"https://www.{RP_ID}"))


class AttestationVerifierContract(Contract):
    """What every verifier of registrations keeps; it knows the formats `none` and `packed`."""

    @pytest.fixture
    def new_attestation_verifier(self) -> NewAttestationVerifier:
        """
        Return a factory of verifiers.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_attestation_verifier`: it is a factory")

    def test_attestation_1_asks_for_what_it_needs(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-1."""
        model = FakeModel()
        lenient = new_attestation_verifier((), None)
        strict = new_attestation_verifier((model.root,), frozenset({str(model.aaguid)}))
        with no_io():
            assert lenient.conveyance() in {"none", "direct"}
            assert lenient.conveyance() == lenient.conveyance()
            assert strict.conveyance() == strict.conveyance() == "direct"

    @pytest.mark.parametrize("algorithm", [*PASSKEY_ALGORITHMS])
    @pytest.mark.parametrize("flags", [DEVICE_BOUND, SYNCED])
    def test_attestation_2_returns_what_was_registered(
        self, new_attestation_verifier: NewAttestationVerifier, algorithm: Algorithm, flags: int
    ) -> None:
        """ATTESTATION-2."""
        passkey = FakePasskey(algorithm=algorithm, flags=flags, sign_count=7)
        for attestation in ("none", "self", "packed"):
            model = FakeModel(attestation=attestation)
            response = model.create(passkey, CHALLENGE)
            registration = verified(new_attestation_verifier((), None), response)
            expected = passkey.public.passkey
            assert expected is not None
            assert (registration.algorithm, registration.jwk) == (algorithm, passkey.public.jwk)
            assert registration.passkey.credential_id == expected.credential_id
            assert registration.passkey.rp_id_hash == expected.rp_id_hash
            assert registration.passkey.origins == SCOPE.origins
            assert (
                registration.passkey.backup_eligible is registration.backed_up is (flags == SYNCED)
            )
            assert registration.sign_count == 7
            assert registration.attestation_format == (
                "none" if attestation == "none" else "packed"
            )

    def test_attestation_3_refuses_other_client_data(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-3."""
        verifier = new_attestation_verifier((), None)
        others: tuple[tuple[dict[str, Any], type[Refused]], ...] = (
            ({"type": "webauthn.get"}, WrongCeremony),
            ({"challenge": keys.b64url(bytes(32))}, AssertionElsewhere),
            ({"challenge": ""}, AssertionElsewhere),
            ({"challenge": keys.b64url(CHALLENGE) + "="}, AssertionElsewhere),
            ({"origin": "https://evil.example"}, WrongOrigin),
            ({"origin": f"{ORIGIN}.evil.example"}, WrongOrigin),
            ({"origin": f"{ORIGIN}/"}, WrongOrigin),
            ({"crossOrigin": True}, CrossOrigin),
            ({"topOrigin": "https://evil.example"}, CrossOrigin),
        )
        for model in MODELS:
            for client, error in others:
                refuses(verifier, model.create(FakePasskey(), CHALLENGE, client=client), error)

    def test_attestation_4_refuses_other_authenticator_data(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-4."""
        verifier = new_attestation_verifier((), None)
        others = (
            (FakePasskey(rp_id="evil.example"), WrongRpId),
            (FakePasskey(flags=USER_VERIFIED), UserAbsent),
            (FakePasskey(flags=USER_PRESENT), UserUnverified),
        )
        for model in MODELS:
            for passkey, error in others:
                refuses(verifier, model.create(passkey, CHALLENGE), error)

    def test_attestation_5_refuses_other_keys(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-5."""
        verifier = new_attestation_verifier((), None)
        numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
        x, y = numbers.x.to_bytes(48), numbers.y.to_bytes(48)
        others = (
            {1: 2, 3: -35, -1: 2, -2: x, -3: y},
            {1: 2, 3: -7, -1: 2, -2: x, -3: y},
            {1: 1, 3: -8, -1: 4, -2: bytes(32)},
            {1: 3, 3: -37, -1: b"\x80" + bytes(255), -2: b"\x01\x00\x01"},
            {1: 3, 3: -65535, -1: b"\x80" + bytes(255), -2: b"\x01\x00\x01"},
        )
        for cose in others:
            key = cbor.encode(cose)
            response = FakeModel(attestation="none").create(FakePasskey(), CHALLENGE, key=key)
            refuses(verifier, response, UnfitKey)

    def test_attestation_6_refuses_a_statement_that_does_not_hold(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-6."""
        verifier = new_attestation_verifier((), None)
        passkey = FakePasskey()
        for attestation in ("self", "packed"):
            model = FakeModel(attestation=attestation)
            for statement in ({"sig": passkey.signature(b"other")}, {"sig": b""}, {"alg": -8}):
                refuses(
                    verifier,
                    model.create(passkey, CHALLENGE, statement=statement),
                    AttestationRefused,
                )
        none = FakeModel(attestation="none")
        for response in (
            none.create(passkey, CHALLENGE, attestation_format="unheard-of"),
            none.create(passkey, CHALLENGE, attestation_format="packed"),
            none.create(passkey, CHALLENGE, attestation_format="compound"),
            FakeModel().create(passkey, CHALLENGE, attestation_format="none"),
        ):
            refuses(verifier, response, AttestationRefused)

    def test_attestation_7_knows_a_model_by_proof_only(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-7."""
        model, aaguid = FakeModel(), str(FakeModel().aaguid)
        trusting = new_attestation_verifier((model.root,), None)
        registration = verified(trusting, model.create(FakePasskey(), CHALLENGE))
        assert registration.passkey.aaguid == aaguid, "a proven model is not reported"

        unproven = [FakeModel(attestation="none"), FakeModel(attestation="self"), FakeModel()]
        for other in unproven:
            response = other.create(FakePasskey(), CHALLENGE)
            assert proven_model(trusting, response) is None, "a model without proof"
        without_roots = new_attestation_verifier((), None)
        response = model.create(FakePasskey(), CHALLENGE)
        assert proven_model(without_roots, response) is None, "a model without a root"
        model.aaguid = uuid.UUID(int=1)
        response = model.create(FakePasskey(), CHALLENGE)
        assert proven_model(trusting, response) is None, "another model than the certificate's"

    def test_attestation_8_refuses_other_models(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-8."""
        model = FakeModel()
        allowed = frozenset({str(model.aaguid)})
        strict = new_attestation_verifier((model.root,), allowed)
        response = model.create(FakePasskey(), CHALLENGE)
        assert verified(strict, response).passkey.aaguid == str(model.aaguid)

        refuses(new_attestation_verifier((), allowed), response, AttestationRefused)
        none_allowed = new_attestation_verifier((model.root,), frozenset())
        refuses(none_allowed, response, AttestationRefused)
        others = frozenset({str(uuid.UUID(int=1))})
        refuses(new_attestation_verifier((model.root,), others), response, AttestationRefused)
        for other in (FakeModel(attestation="none"), FakeModel(attestation="self"), FakeModel()):
            refuses(strict, other.create(FakePasskey(), CHALLENGE), AttestationRefused)

    def test_attestation_9_refuses_whatever_it_cannot_read(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-9."""
        verifier = new_attestation_verifier((), None)
        for model in MODELS:
            good = model.create(FakePasskey(), CHALLENGE)
            original, client = good.attestation_object, good.client_data
            broken = [
                (client, b"\x00"),
                (client, b"\xa0"),
                (client, original + b"\x00"),
                (client, cbor.encode({"fmt": 1, "attStmt": {}, "authData": b""})),
                (client, cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(36)})),
                (client, b"\x81" * 1000),
                (b"{}", original),
                (b"[]", original),
                (b"\xff", original),
                (client[:-1] + b',"type":"webauthn.create"}', original),
                (client[:-1] + b',"tokenBinding":{"status":"x"}}', original),
            ]
            broken += [(client, original[:length]) for length in range(1, len(original), 5)]
            for client_data, attestation_object in broken:
                response = RegistrationResponse(
                    client_data=client_data, attestation_object=attestation_object
                )
                refuses(verifier, response, MalformedRegistration)
            with warnings.catch_warnings():
                # A reader of certificates may warn of what it will refuse one day.
                warnings.simplefilter("ignore")
                for index in range(len(original)):
                    changed = (
                        original[:index] + bytes([original[index] ^ 0xFF]) + original[index + 1 :]
                    )
                    response = RegistrationResponse(client_data=client, attestation_object=changed)
                    proven_model(verifier, response)

    def test_attestation_10_asks_nobody(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ATTESTATION-10: with whatever result."""
        model = FakeModel()
        verifier = new_attestation_verifier((model.root,), None)
        response = model.create(FakePasskey(), CHALLENGE)
        # What is imported at first use is no question to anybody.
        verified(verifier, response)
        refused = FakeModel().create(FakePasskey(), bytes(32))
        with no_io():
            verified(verifier, response)
            refuses(verifier, refused, AssertionElsewhere)

    def test_all_2_serves_many_threads_at_once(
        self, new_attestation_verifier: NewAttestationVerifier
    ) -> None:
        """ALL-2."""
        model = FakeModel()
        verifier = new_attestation_verifier((model.root,), frozenset({str(model.aaguid)}))

        responses = [model.create(FakePasskey(sign_count=each), CHALLENGE) for each in range(6)]

        def call(client: int) -> bool:
            response = responses[client]
            return all(verified(verifier, response).sign_count == client for _ in range(10))

        assert all(results(race([partial(call, client) for client in range(6)])))

    def test_all_3_logs_no_secret(self, new_attestation_verifier: NewAttestationVerifier) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            verifier = new_attestation_verifier((), None)
            for client in ({}, {"origin": SECRET}, {"type": SECRET}, {"challenge": SECRET}):
                response = FakeModel().create(FakePasskey(), CHALLENGE, client=client)
                proven_model(verifier, response)


MODELS = tuple(FakeModel(attestation=name) for name in ("none", "self", "packed"))
"""One for each way of attesting that every verifier knows."""


def verified(verifier: AttestationVerifier, response: RegistrationResponse) -> RegisteredPasskey:
    """Return what *verifier* says of a registration for `SCOPE`."""
    return verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)


def proven_model(verifier: AttestationVerifier, response: RegistrationResponse) -> str | None:
    """Return the model that *verifier* reports; None also if it refuses the registration."""
    try:
        return verified(verifier, response).passkey.aaguid
    except Refused:
        return None


def refuses(
    verifier: AttestationVerifier, response: RegistrationResponse, error: type[Refused]
) -> None:
    """
    Require that *verifier* refuses a registration with *error*.

    Raises:
        AssertionError: It accepts it, or refuses it with another error.
    """
    error_type: object = "nothing"
    try:
        verified(verifier, response)
    except Refused as refused:
        error_type = type(refused)
    assert error_type is error, f"{error_type} in place of {error.__name__}"
