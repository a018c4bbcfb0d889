"""Verifiers of registrations that break a clause each, caught by `AttestationVerifierContract`."""

import copy
import itertools
import socket
import uuid

import attrs
import pytest
from broken_adapters import BrokenAdapters

from counterseal import ijson
from counterseal.errors import (
    AttestationRefused,
    CrossOrigin,
    MalformedRegistration,
    UnfitKey,
    UserUnverified,
    WrongOrigin,
)
from counterseal.models import Algorithm
from counterseal_testing import FakeAttestationVerifier, FakeModel, FakePasskey, cbor, contracts
from counterseal_testing.contracts.attestation import CHALLENGE, SCOPE

BROKEN = BrokenAdapters(contracts.AttestationVerifierContract(), FakeAttestationVerifier)
breaks = BROKEN.breaks


def accepted_instead(error):
    """Return a verifier that accepts what it should refuse with *error*."""

    class Accepts(FakeAttestationVerifier):
        def verify(self, response, *, scope, challenge):
            try:
                return super().verify(response, scope=scope, challenge=challenge)
            except error:
                sound = FakeModel(attestation="none").create(FakePasskey(), CHALLENGE)
                return super().verify(sound, scope=SCOPE, challenge=CHALLENGE)

    return Accepts


@breaks("ATTESTATION-1")
class AsksForIndirect(FakeAttestationVerifier):
    def conveyance(self):
        return "indirect"


@breaks("ATTESTATION-1")
class AsksForNothingAndWantsAModel(FakeAttestationVerifier):
    def conveyance(self):
        return "none"


@breaks("ATTESTATION-1")
class ChangesItsMind(FakeAttestationVerifier):
    _words = itertools.cycle(["none", "direct"])

    def conveyance(self):
        return next(self._words)


class Changes(FakeAttestationVerifier):
    def verify(self, response, *, scope, challenge):
        registered_passkey = super().verify(response, scope=scope, challenge=challenge)
        return self.change(registered_passkey)


@breaks("ATTESTATION-2")
class ForgetsThatItIsBackedUp(Changes):
    def change(self, registered_passkey):
        return attrs.evolve(registered_passkey, backed_up=False)


@breaks("ATTESTATION-2")
class CountsFromZero(Changes):
    def change(self, registered_passkey):
        return attrs.evolve(registered_passkey, sign_count=0)


@breaks("ATTESTATION-2")
class PinsOneOriginOnly(Changes):
    def change(self, registered_passkey):
        pinned_passkey = attrs.evolve(
            registered_passkey.passkey, origins=registered_passkey.passkey.origins[:1]
        )
        return attrs.evolve(registered_passkey, passkey=pinned_passkey)


@breaks("ATTESTATION-2")
class TakesEachKeyForEs256(Changes):
    def change(self, registered_passkey):
        return attrs.evolve(registered_passkey, algorithm=Algorithm.ES256)


@breaks("ATTESTATION-3")
class AcceptsEachOrigin(accepted_instead(WrongOrigin)):
    pass


@breaks("ATTESTATION-3")
class AcceptsFrames(accepted_instead(CrossOrigin)):
    pass


@breaks("ATTESTATION-3")
class AcceptsTheHostAsAPrefix(FakeAttestationVerifier):
    def verify(self, response, *, scope, challenge):
        client = ijson.parse(response.client_data)
        origin = client.get("origin", "") if isinstance(client, dict) else ""
        if any(str(origin).startswith(origin_prefix) for origin_prefix in scope.origins):
            scope = copy.copy(scope)
            object.__setattr__(scope, "origins", (*scope.origins, origin))
        return super().verify(response, scope=scope, challenge=challenge)


@breaks("ATTESTATION-4")
class AcceptsWithoutUv(accepted_instead(UserUnverified)):
    pass


@breaks("ATTESTATION-5")
class AcceptsEachKey(accepted_instead(UnfitKey)):
    pass


@breaks("ATTESTATION-6")
class AcceptsEachStatement(accepted_instead(AttestationRefused)):
    pass


@breaks("ATTESTATION-7")
class BelievesTheAuthenticator(FakeAttestationVerifier):
    """It reports the AAGUID of the authenticator data, as WebAuthn libraries do."""

    def verify(self, response, *, scope, challenge):
        registered_passkey = super().verify(response, scope=scope, challenge=challenge)
        data = cbor.decode(response.attestation_object)[0]["authData"]
        pinned_passkey = attrs.evolve(
            registered_passkey.passkey, aaguid=str(uuid.UUID(bytes=data[37:53]))
        )
        return attrs.evolve(registered_passkey, passkey=pinned_passkey)


@breaks("ATTESTATION-7")
class NeverKnowsAModel(Changes):
    def change(self, registered_passkey):
        return attrs.evolve(
            registered_passkey, passkey=attrs.evolve(registered_passkey.passkey, aaguid=None)
        )


@breaks("ATTESTATION-8")
class AllowsEachModel(FakeAttestationVerifier):
    def __init__(self, roots=(), models=None):
        super().__init__(roots)


@breaks("ATTESTATION-8")
class TakesNoModelForAllModels(FakeAttestationVerifier):
    def __init__(self, roots=(), models=None):
        super().__init__(roots, models or None)


@breaks("ATTESTATION-9")
class LetsItsParsersErrorsOut(FakeAttestationVerifier):
    def verify(self, response, *, scope, challenge):
        try:
            return super().verify(response, scope=scope, challenge=challenge)
        except MalformedRegistration as error:
            raise ValueError from error


@breaks("ATTESTATION-10")
class AsksTheVendor(FakeAttestationVerifier):
    def verify(self, response, *, scope, challenge):
        socket.socket().close()
        return super().verify(response, scope=scope, challenge=challenge)


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_verifier_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_verifier_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_verifier_has_a_broken_one():
    BROKEN.require_every_clause("ATTESTATION")


class TestFakeAttestationVerifier(contracts.AttestationVerifierContract):
    @pytest.fixture
    def new_attestation_verifier(self):
        return FakeAttestationVerifier
